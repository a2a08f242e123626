"""Disk and memory: room is checked before and during a run, and what a refusal proposes does fit."""
import re
import resource
import shutil
import signal
import unittest

from support import RunTest, lines


def limited_files(most_bytes):
    """A limit on a file's size stands in for the disk: what is larger does not fit."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))

    return dict(preexec_fn=limit, restore_signals=False)


class Disk(RunTest):
    def test_stop_names_checkpoint_file_and_bytes(self):
        # The optimizer's file (75 KiB) does not fit, the adapter's does.
        self.good("train", self.config())
        shutil.rmtree(self.dir / "out/checkpoint-6")
        whole = (self.dir / "out/checkpoint-4/manifest.json").read_bytes()
        words = ["out/checkpoint-6: could not be saved: optimizer.safetensors: ", " bytes "]
        self.fails(3, "train", self.config(), "--resume", **limited_files(60000),
                   says=[*words, "the run stops (on_save_error: stop)", "checkpoint-4 is whole: --resume goes on from it"])
        self.assertEqual(self.checkpoints(), [2, 4])
        self.assertEqual((self.dir / "out/checkpoint-4/manifest.json").read_bytes(), whole)
        self.good("train", self.config(), "--resume")
        self.fails(3, "train", self.config(output_dir=str(self.dir / "first")), **limited_files(60000),
                   says=["first/checkpoint-2: could not be saved", "there is no older checkpoint"])

    def test_continue_goes_on_and_tries_again(self):
        self.good("train", self.config(output_dir=str(self.dir / "whole")))
        done = self.good("train", self.config(on_save_error="continue"), **limited_files(60000))
        for step in (2, 4, 6):
            self.assertRegex(done.stderr, rf"warning: \S*out/checkpoint-{step}: could not be saved: optimizer\.safetensors: .* bytes")
        self.assertIn("the run goes on (on_save_error: continue)", done.stderr)
        self.assertEqual(self.checkpoints(), [])
        self.assertEqual(self.weights(), self.weights("whole"))

    def test_continue_keeps_the_lines_that_found_no_room(self):
        self.good("train", self.config(max_steps=30, save_strategy="no", save_steps=None, output_dir=str(self.dir / "whole")))
        size = (self.dir / "whole/metrics.jsonl").stat().st_size
        adapter = (self.dir / "whole/adapter_model.safetensors").stat().st_size
        self.assertGreater(adapter, size // 2)
        settings = dict(max_steps=30, on_save_error="continue", save_steps=10)
        done = self.run_vernier("train", self.config(**settings), **limited_files(size // 2))
        self.assertEqual(done.returncode, 3, done.stderr)  # nor does the adapter fit in the end
        self.assertEqual(done.stderr.count("its lines wait for room"), 1)
        for line in lines(self.dir / "out/metrics.jsonl"):
            self.assertIn("loss", line)


class Memory(RunTest):
    def test_what_a_refusal_proposes_fits(self):
        sizes = dict(micro_batch_size=8, lora_r=64, lora_alpha=64, gradient_checkpointing=False)
        self.write_rows("rows.jsonl", 400)
        text = self.good("check", self.config(**sizes)).stdout
        number, unit = re.search(r"predicted peak ([\d.]+) (\w+) of", text).groups()
        peak = float(number) * {"KiB": 2 ** 10, "MiB": 2 ** 20, "GiB": 2 ** 30}[unit]
        tried = 0
        for share in (0.9999, 0.998, 0.99, 0.98):
            budget = f"{int(share * peak)}B"
            refused = self.run_vernier("check", self.config(**sizes, max_memory=budget))
            if refused.returncode == 0:
                continue
            self.assertEqual(refused.returncode, 3, refused.stderr)
            if "no settings fit" in refused.stderr:
                continue
            advice = refused.stderr.strip().splitlines()[-1].strip()
            together = advice.endswith("fit together")
            changes = re.sub(r" fits?( together)?$", "", advice)
            groups = [changes.split(", and ")] if together else [[one] for one in changes.split(", or ")]
            for group in groups:
                words = [re.sub(r": ", "=", word) for one in group for word in one.split(" with ")]
                self.good("check", self.config(**sizes, max_memory=budget), *words)
                tried += 1
        self.assertGreaterEqual(tried, 3, "the test needs proposals to try")

    def test_no_settings_fit(self):
        self.fails(3, "train", self.config(max_memory="1MB"), says=["no settings fit: ", "it needs "])


if __name__ == "__main__":
    unittest.main()
