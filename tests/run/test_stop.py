"""What stops a run, and that nothing is lost: signals at any time, max_time, early stopping; and what saves besides."""
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from support import VERNIER, RunTest, fault_trials, lines, tell_count, wait_for


class Signals(RunTest):
    def start(self, **changes):
        process = subprocess.Popen([VERNIER, "train", self.config(**changes)], stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        wait_for(self.dir / "out/metrics.jsonl")
        return process

    def test_first_signal_saves_and_resume_goes_on_exactly(self):
        self.good("train", self.config(max_steps=400, save_steps=1000, output_dir=str(self.dir / "whole")))
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start(max_steps=400, save_steps=1000)
            process.send_signal(signal.SIGHUP)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 75, err)
            self.assertIn("--resume", out)
            self.assertEqual(len(self.checkpoints()), 1)
            self.assertFalse((self.dir / "out/adapter_model.safetensors").exists())
            self.good("train", self.config(max_steps=400, save_steps=1000), "--resume")
            self.same_run("out", "whole", 400)
            shutil.rmtree(self.dir / "out")

    def test_second_signal_leaves_at_once(self):
        # Steps long enough that the second signal comes within the first one's step.
        self.write_rows("rows.jsonl", 3000)
        process = self.start(max_steps=50, micro_batch_size=1500, gradient_accumulation_steps=1, save_strategy="no", save_steps=None)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)

    def test_usr1_saves_and_goes_on(self):
        process = self.start(max_steps=400, save_steps=1000)
        process.send_signal(signal.SIGUSR1)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len(self.checkpoints()), 2, err)
        self.assertEqual(self.checkpoints()[-1], 400)

    def test_a_signal_in_an_evaluation(self):
        self.write_rows("eval.jsonl", 25000, seed=2)
        settings = dict(max_steps=4, eval_steps=2, test_datasets=[{"path": str(self.dir / "eval.jsonl"), "type": "tokenized"}])
        self.good("train", self.config(**settings, output_dir=str(self.dir / "whole")))
        process = self.start(**settings)
        path = self.dir / "out/metrics.jsonl"
        while len(path.read_text().splitlines()) < 2:  # the second step is done, its evaluation goes on
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, err)
        self.assertRegex(err, r"the evaluation after step 2 takes about .* and stopped at row \d+ of 25000: a resume goes on with it")
        self.assertTrue(self.state("out/checkpoint-2")["evaluation_owed"])
        self.assertGreater(self.state("out/checkpoint-2")["evaluation"]["rows"], 0)
        self.good("train", self.config(**settings), "--resume")
        self.same_run("out", "whole", 4)


class RandomSignals(RunTest):
    """Signals at random times, from the start of the process on: loading, tokenizing, steps, evaluations, saves."""

    def text_run(self, **changes):
        rng = random.Random(5)
        path = self.dir / "texts.txt"
        if not path.exists():
            path.write_text("".join("".join(rng.choice("abcdefgh ") for _ in range(30)) + "\n" for _ in range(3000)))
            self.model = self.text_model()
        settings = dict(base_model=self.model, datasets=[{"path": str(path), "type": "completion"}], val_set_size=40,
                        max_steps=120, eval_steps=30, save_steps=10, save_total_limit=2, lora_dropout=0.1)
        return self.config(**{**settings, **changes})

    def test_any_time(self):
        whole = self.dir / "whole"
        begin = time.time()
        self.good("train", self.text_run(output_dir=str(whole)))
        seconds = time.time() - begin
        rng = random.Random(17)
        codes = []
        for trial in range(fault_trials(20, 500)):
            shutil.rmtree(self.dir / "out", ignore_errors=True)
            process = subprocess.Popen([VERNIER, "train", self.text_run()], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.addCleanup(process.kill)
            time.sleep(rng.uniform(0, 1.1 * seconds))
            kind = rng.choice(["term", "int", "hup", "double", "usr1"])
            sent = {"term": [signal.SIGTERM], "int": [signal.SIGINT], "hup": [signal.SIGHUP], "usr1": [signal.SIGUSR1],
                    "double": [signal.SIGINT, signal.SIGINT]}[kind]
            at = time.time()
            for number in sent:
                process.send_signal(number)
            out, err = process.communicate(timeout=120)
            if kind in ("term", "int", "double"):
                self.assertLess(time.time() - at, 30, f"trial {trial} {kind}")
            # Before main installs its handlers, and after it has ended, a signal does what it does to any program.
            default = [-number for number in sent]
            allowed = {"term": [75, 0], "int": [75, 0], "hup": [0], "usr1": [0], "double": [130, 75, 0]}[kind] + default
            self.assertIn(process.returncode, allowed, f"trial {trial} {kind}: {err}")
            codes.append(process.returncode)
            if process.returncode != 0:
                self.good("train", self.text_run(), "--resume")
            self.same_run("out", "whole", 120)
        tell_count("signals at random times", len(codes), f"exit codes {({code: codes.count(code) for code in sorted(set(codes))})}")


class Time(RunTest):
    def test_max_time_saves_in_time_and_resume_goes_on(self):
        self.write_rows("rows.jsonl", 2000)
        settings = dict(micro_batch_size=50, gradient_accumulation_steps=2, save_steps=100000, max_steps=200)

        def took(**changes):
            begin = time.time()
            self.good("train", self.config(**{**settings, **changes}))
            return time.time() - begin

        start = took(max_steps=1, output_dir=str(self.dir / "one"))
        whole = took(output_dir=str(self.dir / "whole"))
        seconds = start + 2 + (whole - start) / 3
        starts = 0
        while True:
            begin = time.time()
            done = self.run_vernier("train", self.config(**settings, max_time=f"{seconds:.1f}s"), *["--resume"] * (starts > 0))
            starts += 1
            self.assertIn(done.returncode, (0, 75), done.stderr)
            if done.returncode == 0:
                break
            self.assertLess(time.time() - begin, seconds + 1.5)
            self.assertIn("stopped (max_time)", done.stdout)
            self.assertIn("go on with --resume", done.stdout)
            self.assertLess(starts, 20)
        self.assertGreater(starts, 1)
        self.same_run("out", "whole", 200)

    def test_a_time_too_short_for_a_step_says_so(self):
        done = self.fails(75, "train", self.config(max_time="0.01s"), says=["max_time leaves no time for a step"])
        self.assertIn("stopped (max_time) after step 0", done.stdout)
        self.good("train", self.config(), "--resume")
        self.good("train", self.config(output_dir=str(self.dir / "whole")))
        self.same_run("out", "whole", 6)

    def test_an_evaluation_that_does_not_fit_goes_on_with_each_resume(self):
        self.write_rows("eval.jsonl", 20000, seed=2)
        settings = dict(threads=1, max_steps=4, eval_steps=2, test_datasets=[{"path": str(self.dir / "eval.jsonl"), "type": "tokenized"}])

        def took(**changes):
            begin = time.time()
            self.good("train", self.config(**{**settings, **changes}))
            return time.time() - begin

        start = took(max_steps=1, eval_steps=None, eval_strategy="no", output_dir=str(self.dir / "one"))
        whole = took(output_dir=str(self.dir / "whole"))
        seconds = start + 2 + (whole - start) / 6  # a save is expected to take half a second
        rows, told = [], 0
        for starts in range(30):
            done = self.run_vernier("train", self.config(**settings, max_time=f"{seconds:.1f}s"), *["--resume"] * (starts > 0))
            self.assertIn(done.returncode, (0, 75), done.stderr)
            self.assertNotIn("no time for a step", done.stderr)
            if done.returncode == 0:
                break
            told += len(re.findall(r"max_time: the evaluation after step \d takes about .* at row \d+ of 20000: a resume goes on", done.stderr))
            state = self.state(f"out/checkpoint-{self.checkpoints()[-1]}")
            rows.append((state["step"], not state["evaluation_owed"], state["evaluation"]["rows"]))
        self.assertEqual(done.returncode, 0)
        self.assertGreater(told, 0)
        self.assertEqual(rows, sorted(set(rows)), "every start gets further")
        self.same_run("out", "whole", 4)

    def test_save_minutes(self):
        self.good("train", self.config(max_steps=5, save_strategy="epoch", save_steps=None, save_minutes=1e-9))
        self.assertEqual(self.checkpoints(), [1, 2, 3, 4, 5])


class Best(RunTest):
    def setUp(self):
        super().setUp()
        self.write_rows("eval.jsonl", 6, seed=9)

    def best_config(self, **changes):
        # Trained on random rows at this rate, the loss on others falls and then rises.
        settings = dict(max_steps=40, learning_rate=0.03, eval_steps=2, save_steps=1000, save_total_limit=2,
                        test_datasets=[{"path": str(self.dir / "eval.jsonl"), "type": "tokenized"}])
        return self.config(**{**settings, **changes})

    def evaluations(self, directory="out"):
        return [(line["step"], line["eval_loss"]) for line in lines(self.dir / directory / "metrics.jsonl") if "eval_loss" in line]

    def test_the_best_adapter_is_at_the_root_and_never_pruned(self):
        out = self.good("train", self.best_config(load_best_model_at_end=True, save_steps=4)).stdout
        best = min(self.evaluations(), key=lambda pair: pair[1])[0]
        self.assertLess(best, 32, "the test needs a best step that save_total_limit alone would delete")
        self.assertEqual(self.weights(), self.weights(f"out/checkpoint-{best}"))
        self.assertNotEqual(self.weights(), self.weights("out/checkpoint-40"))
        self.assertEqual(self.checkpoints(), [best, 36, 40])
        self.assertIn(f"the adapter is that of step {best}, the best by eval_loss", out)
        again = self.good("train", self.best_config(load_best_model_at_end=True, save_steps=4), "--resume")
        self.assertIn("already finished", again.stdout)
        self.assertEqual(self.weights(), self.weights(f"out/checkpoint-{best}"))

    def damaged_at_the_end(self, steps):
        """A resume of a run of 40 steps that only has to end, with the checkpoints of these steps damaged."""
        for step in steps:
            path = self.dir / f"out/checkpoint-{step}/adapter_model.safetensors"
            data = bytearray(path.read_bytes())
            data[-1] ^= 1
            path.write_bytes(bytes(data))
        (self.dir / "out/adapter_model.safetensors").unlink()
        done = self.good("train", self.best_config(load_best_model_at_end=True, save_steps=4, save_total_limit=0), "--resume")
        for step in steps:
            self.assertIn(f"passed over checkpoint-{step}: ", done.stderr)
            self.assertIn("adapter_model.safetensors", done.stderr)
        return done

    def test_a_damaged_best_checkpoint_gives_way_to_the_next_best(self):
        self.good("train", self.best_config(load_best_model_at_end=True, save_steps=4, save_total_limit=0))
        loss = dict(self.evaluations())
        order = sorted(self.checkpoints(), key=loss.get)
        self.assertGreater(order.index(40), 2, "the test needs better steps than the last")
        done = self.damaged_at_the_end(order[:1])
        self.assertIn(f"step {order[1]}, the best that is left", done.stderr)
        self.assertEqual(self.weights(), self.weights(f"out/checkpoint-{order[1]}"))
        done = self.damaged_at_the_end(order[1:2])
        self.assertIn(f"the adapter is that of step {order[2]}", done.stderr)
        self.assertEqual(self.weights(), self.weights(f"out/checkpoint-{order[2]}"))

    def test_with_every_better_checkpoint_damaged_the_adapter_is_the_last(self):
        self.good("train", self.best_config(load_best_model_at_end=True, save_steps=4, save_total_limit=0))
        loss = dict(self.evaluations())
        order = sorted(self.checkpoints(), key=loss.get)
        done = self.damaged_at_the_end(order[:order.index(40)])
        self.assertIn("the adapter is that of the last step", done.stderr)
        self.assertEqual(self.weights(), self.weights("out/checkpoint-40"))

    def test_without_load_best_the_best_checkpoint_stays_and_the_root_is_the_last(self):
        self.good("train", self.best_config(save_steps=4))
        saved = [pair for pair in self.evaluations() if pair[0] % 4 == 0]
        best = min(saved, key=lambda pair: pair[1])[0]
        self.assertEqual(self.checkpoints(), [best, 36, 40])
        self.assertEqual(self.weights(), self.weights("out/checkpoint-40"))

    def test_save_strategy_best(self):
        self.good("train", self.best_config(save_strategy="best", save_steps=None, save_total_limit=0))
        expected, least = [], float("inf")
        for step, loss in self.evaluations():
            if loss < least:
                expected, least = expected + [step], loss
        self.assertEqual(self.checkpoints(), sorted(set(expected + [40])))

    def test_early_stopping(self):
        out = self.good("train", self.best_config(early_stopping_patience=3)).stdout
        evaluations = self.evaluations()
        best = min(evaluations, key=lambda pair: pair[1])[0]
        last = evaluations[-1][0]
        self.assertLess(last, 40)
        self.assertEqual(last, best + 3 * 2)
        self.assertIn("stopped early (early_stopping_patience) after step %d" % last, out)
        self.assertEqual(self.weights(), self.weights(f"out/checkpoint-{best}"))
        again = self.good("train", self.best_config(early_stopping_patience=3), "--resume")
        self.assertIn("already finished", again.stdout)
        # More patience goes on, and gives what the run with it from the start gives.
        self.good("train", self.best_config(early_stopping_patience=4), "--resume")
        self.good("train", self.best_config(early_stopping_patience=4, output_dir=str(self.dir / "whole")))
        self.same_run("out", "whole", self.evaluations()[-1][0])

    def test_early_stopping_resumes_with_its_count(self):
        self.good("train", self.best_config(early_stopping_patience=3, save_steps=1, save_total_limit=0, output_dir=str(self.dir / "whole")))
        last = self.checkpoints("whole")[-1]
        for step in range(last - 5, last):
            shutil.rmtree(self.dir / "out", ignore_errors=True)
            shutil.copytree(self.dir / "whole", self.dir / "out")
            for later in range(step + 1, last + 1):
                shutil.rmtree(self.dir / f"out/checkpoint-{later}")
            self.good("train", self.best_config(early_stopping_patience=3, save_steps=1, save_total_limit=0), "--resume")
            self.same_run("out", "whole", last)

    def test_a_threshold_counts_small_gains_as_none(self):
        self.good("train", self.best_config(early_stopping_patience=2, early_stopping_threshold=100))
        self.assertEqual(self.evaluations()[-1][0], 6)  # the first counts, two more do not


if __name__ == "__main__":
    unittest.main()
