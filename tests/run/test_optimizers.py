"""Every optimizer end to end: exact resume, states in pages on a disk, memory that is held."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from memory_group import MemoryGroup
from support import VERNIER, RunTest, lines, tell_count, tensors

RULES = {"adamw_torch": "paged_adamw_32bit", "adamw_8bit": "paged_adamw_8bit", "lion_32bit": "paged_lion_32bit",
         "lion_8bit": "paged_lion_8bit", "sgd": None}


class PagedTest(RunTest):
    """A rank at which the f32 states of AdamW take several pages, and a folder for them beside the program: the one for
    temporary files may lie in memory."""

    def setUp(self):
        super().setUp()
        self.pages = pathlib.Path(tempfile.mkdtemp(prefix="pages-", dir=pathlib.Path(VERNIER).parent))
        self.addCleanup(shutil.rmtree, self.pages, ignore_errors=True)
        probe = self.run_vernier("check", self.run_config("paged_adamw_32bit"))
        if "lies in memory" in probe.stderr:
            self.skipTest("this machine lacks a disk under the build directory")

    def run_config(self, optimizer, **changes):
        if optimizer.startswith("paged"):
            changes = {"optimizer_memory": "2MiB", "paging_dir": str(self.pages), **changes}
        return self.config(**{"optimizer": optimizer, "lora_r": 1024, "lora_alpha": 1024, "learning_rate": 1e-3, **changes})


class Resume(PagedTest):
    def test_stopped_after_any_step_every_optimizer_goes_on_exactly(self):
        for plain, paged in RULES.items():
            for optimizer in filter(None, (plain, paged)):
                with self.subTest(optimizer):
                    self.good("train", self.run_config(optimizer, save_steps=1, output_dir=str(self.dir / "whole")), "--overwrite-output-dir")
                    for step in (1, 4):
                        shutil.rmtree(self.dir / "out", ignore_errors=True)
                        shutil.copytree(self.dir / "whole", self.dir / "out")
                        for later in range(step + 1, 7):
                            shutil.rmtree(self.dir / f"out/checkpoint-{later}")
                        (self.dir / "out/adapter_model.safetensors").unlink()
                        self.good("train", self.run_config(optimizer, save_steps=1), "--resume")
                        self.assertEqual(self.weights(), self.weights("whole"))
                        last = "checkpoint-6/optimizer.safetensors"
                        self.assertEqual((self.dir / "out" / last).read_bytes(), (self.dir / "whole" / last).read_bytes())
                        self.assertEqual([s["loss"] for s in lines(self.dir / "out/metrics.jsonl")],
                                         [s["loss"] for s in lines(self.dir / "whole/metrics.jsonl")])
                    self.assertEqual(list(self.pages.iterdir()), [])
                    tell_count(f"resumed with {optimizer}", 2)

    def test_paged_and_plain_give_the_same_bytes_and_each_others_runs(self):
        for plain, paged in RULES.items():
            if paged is None:
                continue
            with self.subTest(plain):
                self.good("train", self.run_config(plain), "--overwrite-output-dir")
                done = self.good("train", self.run_config(paged, output_dir=str(self.dir / "paged")), "--overwrite-output-dir")
                self.assertIn("optimizer states in memory", done.stderr)
                self.assertEqual(self.weights(), self.weights("paged"))
                shutil.rmtree(self.dir / "out/checkpoint-6")
                self.good("train", self.run_config(paged), "--resume")
                self.assertEqual(self.weights(), self.weights("paged"))

    def test_another_optimizers_checkpoint_is_refused(self):
        self.good("train", self.run_config("adamw_8bit"))
        shutil.rmtree(self.dir / "out/checkpoint-6")
        self.fails(2, "train", self.run_config("lion_8bit"), "--resume", says=["optimizer was adamw_8bit and is lion_8bit"])

    def test_the_checkpoint_holds_codes_and_scales(self):
        self.good("train", self.run_config("adamw_8bit"))
        state = tensors(self.dir / "out/checkpoint-6/optimizer.safetensors")
        name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight."
        elements = 1024 * 64
        self.assertEqual({part: state[name + part][:2] for part in ("exp_avg", "exp_avg_sq", "exp_avg_absmax", "exp_avg_sq_absmax")},
                         {"exp_avg": ("U8", [elements]), "exp_avg_sq": ("U8", [elements]),
                          "exp_avg_absmax": ("F32", [elements // 256]), "exp_avg_sq_absmax": ("F32", [elements // 256])})


class Paging(PagedTest):
    def test_a_directory_in_memory_is_refused_before_any_weight(self):
        if not os.path.isdir("/dev/shm"):
            self.skipTest("this machine lacks /dev/shm")
        for command in ("check", "train"):
            self.fails(2, command, self.run_config("paged_adamw_32bit", paging_dir=None, output_dir="/dev/shm/vernier-none"),
                       says=["output_dir: /dev/shm: ", "tmpfs", "set paging_dir"])

    def test_a_paging_dir_is_tried_before_anything_is_printed(self):
        none, file = self.dir / "none", self.dir / "file"
        file.write_text("")
        reasons = {"/dev/shm": "tmpfs", "/proc": "making the optimizer's page file failed", str(none): "not a directory",
                   str(file): "not a directory"}
        for directory, reason in reasons.items():
            if directory == "/dev/shm" and not os.path.isdir(directory):
                continue
            path = self.run_config("paged_adamw_32bit", paging_dir=directory, optimizer_memory="auto")
            place = 1 + next(number for number, line in enumerate(pathlib.Path(path).read_text().splitlines()) if "paging_dir" in line)
            for command in ("check", "train"):
                done = self.fails(2, command, path, says=[f"run.yaml:{place}:2: paging_dir: {directory}: ", reason])
                self.assertEqual(done.stdout, "")
                self.assertEqual(len(done.stderr.splitlines()), 2, "a message and what to do")
        self.good("check", self.run_config("paged_adamw_32bit", paging_dir=str(self.pages)))
        self.assertEqual(list(self.pages.iterdir()), [])

    def test_settings_without_effect_are_told(self):
        done = self.good("check", self.run_config("sgd", optimizer_memory="4MiB", adam_beta1=0.8, adam_epsilon=1e-6))
        for name in ("optimizer_memory", "adam_beta1", "adam_epsilon"):
            self.assertIn(f"{name} has no effect", done.stderr)
        self.fails(2, "check", self.run_config("paged_adamw_32bit", optimizer_memory="1MiB"), says=["optimizer_memory", "at least 2.0 MiB"])
        self.good("check", self.run_config("paged_adamw_32bit", optimizer_memory="auto"))

    def test_auto_pages_what_max_memory_leaves_no_room_for(self):
        plain = self.good("check", self.run_config("adamw_torch", lora_r=8192))
        need = float(plain.stdout.split("predicted peak ")[1].split(" MiB")[0])
        limit = f"{int(need - 25)}MiB"
        self.fails(3, "check", self.run_config("adamw_torch", lora_r=8192, max_memory=limit, gradient_checkpointing=True))
        done = self.good("check", self.run_config("paged_adamw_32bit", lora_r=8192, optimizer_memory=None, max_memory=limit))
        self.assertRegex(done.stdout, r"[0-9.]+ MiB of [0-9.]+ MiB optimizer states in memory")


    def test_a_refusal_proposes_pages_and_smaller_states_that_fit(self):
        for plain, proposed in {"adamw_torch": {"paged_adamw_32bit", "adamw_8bit"}, "adamw_8bit": {"paged_adamw_8bit"},
                                "lion_32bit": {"paged_lion_32bit", "lion_8bit"}, "paged_adamw_32bit": set(), "sgd": set()}.items():
            with self.subTest(plain):
                config = self.run_config(plain, lora_r=8192, gradient_checkpointing=True, paging_dir=str(self.pages), micro_batch_size=1)
                need = float(self.good("check", config).stdout.split("predicted peak ")[1].split(" MiB")[0])
                limit = f"max_memory={int(need - 12)}MiB"
                advice = self.fails(3, "check", config, limit).stderr.strip().splitlines()[-1]
                words = set(re.findall(r"optimizer: (\w+)", advice))
                self.assertEqual(words, proposed, advice)
                for word in words:
                    self.good("check", config, limit, f"optimizer={word}")
                if plain != "adamw_torch":
                    continue
                # Where nothing is enough, pages come before what changes a number.
                self.fails(3, "check", config, "max_memory=100MiB", says=["with optimizer: paged_adamw_32bit, and "])

    def test_a_refusal_proposes_no_pages_in_memory(self):
        if not os.path.isdir("/dev/shm"):
            self.skipTest("this machine lacks /dev/shm")
        done = self.fails(3, "check", self.run_config("adamw_torch", lora_r=8192, paging_dir="/dev/shm", max_memory="400MiB"))
        self.assertNotIn("paged_", done.stderr)
        self.assertIn("optimizer: adamw_8bit", done.stderr)


class HeldMemory(PagedTest):
    def in_group(self, limit, *words):
        try:
            group = MemoryGroup(limit)
        except OSError as error:
            self.skipTest(f"this machine lacks the right to limit a group's memory: {error}")
        try:
            return subprocess.run([VERNIER, *map(str, words)], cwd=self.dir, text=True, capture_output=True, timeout=300,
                                  stdin=subprocess.DEVNULL, preexec_fn=group.enter)
        finally:
            group.remove()

    # States of 250 MiB under a limit that a run without pages does not survive.
    def test_a_limit_below_the_states_kills_nothing_and_changes_nothing(self):
        size = {"lora_r": 16384, "lora_alpha": 16384, "max_steps": 3, "save_strategy": "no", "save_steps": None}
        plain = self.good("train", self.big("adamw_torch", **size), timeout=300)
        peak = json.loads((self.dir / "out/metrics.jsonl").read_text().splitlines()[-1])["peak_rss_bytes"]
        states = 8 * sum(len(data) // 4 for _, _, data in tensors(self.dir / "out/adapter_model.safetensors").values())
        limit = peak - states // 2
        killed = self.in_group(limit, "train", self.big("adamw_torch", output_dir=str(self.dir / "killed"), **size))
        self.assertNotEqual(killed.returncode, 0, plain.stderr + killed.stdout)
        paged = self.in_group(limit, "train", self.big("paged_adamw_32bit", output_dir=str(self.dir / "paged"), optimizer_memory="8MiB", **size))
        self.assertEqual(paged.returncode, 0, paged.stderr)
        self.assertEqual(self.weights("paged"), self.weights())

    def big(self, optimizer, **changes):
        changes = {"optimizer_memory": None, **changes} if not optimizer.startswith("paged") else {"paging_dir": str(self.pages), **changes}
        return self.config(optimizer=optimizer, learning_rate=1e-3, **changes)


if __name__ == "__main__":
    unittest.main()
