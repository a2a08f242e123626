"""stdout and stderr whose reader has gone, that are full or closed: a run goes on and saves, a lost result is an error."""
import os
import pty
import signal
import subprocess
import time
import unittest

from support import VERNIER, RunTest, wait_for


class Screen(RunTest):
    """What a run prints has no reader any more."""

    def start(self, **options):
        config = self.config(max_steps=3000, save_steps=100000, logging_steps=1, threads=1)
        process = subprocess.Popen([VERNIER, "train", config], stdin=subprocess.DEVNULL, **options)
        self.addCleanup(process.kill)
        return process

    def piped(self):
        process = self.start(stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while not process.stdout.readline().startswith(b"step 3/"):
            pass
        process.stdout.close()
        return process

    def saves_when_asked(self, process, number):
        metrics = self.dir / "out/metrics.jsonl"
        wait_for(metrics, metrics.stat().st_size + 1000)
        self.assertIsNone(process.poll(), "the run ended with its screen")
        process.send_signal(number)
        self.assertEqual(process.wait(60), 75)
        self.assertEqual(len(self.checkpoints()), 1)

    def test_a_run_whose_pipe_is_closed_saves_on_a_signal(self):
        self.saves_when_asked(self.piped(), signal.SIGINT)

    def test_a_signal_for_the_whole_pipeline(self):
        # As Ctrl-C in `vernier train run.yaml 2>&1 | tee log`: both get it, and tee dies of it first.
        config = self.config(max_steps=30000, save_steps=100000, logging_steps=1, threads=1)
        shell = subprocess.Popen(["bash", "-c", f'"{VERNIER}" train "{config}" 2>&1 | tee log >/dev/null; exit ${{PIPESTATUS[0]}}'],
                                 cwd=self.dir, stdin=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(shell.kill)
        wait_for(self.dir / "out/metrics.jsonl", 1000)
        os.killpg(shell.pid, signal.SIGINT)
        shell.wait(60)
        end = time.time() + 60
        while not self.checkpoints() and time.time() < end:
            time.sleep(0.02)
        self.assertEqual(len(self.checkpoints()), 1)

    def test_a_run_whose_pipe_is_closed_finishes(self):
        self.assertEqual(self.piped().wait(120), 0)
        self.assertEqual(self.checkpoints(), [3000])
        self.assertTrue((self.dir / "out/adapter_model.safetensors").exists())

    def test_a_terminal_that_is_closed(self):
        ours, theirs = pty.openpty()
        process = self.start(stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
        os.close(theirs)
        text = b""
        while b"step 3/" not in text:
            text += os.read(ours, 4096)
        os.close(ours)
        self.saves_when_asked(process, signal.SIGTERM)

    def test_streams_that_were_closed_do_not_write_into_files(self):
        config = self.config()
        done = subprocess.run(["bash", "-c", f'"{VERNIER}" train "{config}" <&- >&- 2>&-'], timeout=120)
        self.assertEqual(done.returncode, 0)
        closed = self.dir / "out"
        self.good("train", self.config(output_dir=str(self.dir / "open")))
        self.same_run("out", "open", 6)
        for name in ("run.json", "config.resolved.yaml"):
            self.assertNotIn("step 6", (closed / name).read_text())

    def test_a_full_disk_behind_stdout_is_told(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([VERNIER, "train", self.config()], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, "its files are its result")
        self.assertIn("vernier: stdout: what was printed could not be written", done.stderr)


class Result(RunTest):
    """Commands whose result is what they print."""

    def commands(self):
        model = self.text_model()
        config = self.config(base_model=model)
        return (["version"], ["--version"], ["--help"], ["train", "--help"], ["config-reference"], ["check", config],
                ["eval", config], ["bench", config, "--steps", "1"],
                ["generate", "--base", model, "--raw", "--prompt", "ab", "--max-new-tokens", "2"])

    def ends(self, words, stdout, code):
        done = subprocess.run([VERNIER, *words], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertEqual(done.returncode, code, f"{words[0]}: {done.stderr}")
        return done.stderr

    def test_a_reader_that_has_gone(self):
        for words in self.commands():
            ours, theirs = os.pipe()
            os.close(ours)
            self.assertNotIn("vernier: ", self.ends(words, theirs, 141), words[0])
            os.close(theirs)

    def test_a_full_disk(self):
        with open("/dev/full", "w") as full:
            for words in self.commands():
                self.assertIn("vernier: stdout: what was printed could not be written", self.ends(words, full, 3), words[0])

    def test_what_failed_before_keeps_its_code(self):
        with open("/dev/full", "w") as full:
            self.assertIn("No such file", self.ends(["check", "absent.yaml"], full, 2))

    def test_a_closed_stdout(self):
        done = subprocess.run(["bash", "-c", f'"{VERNIER}" version >&-'], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("Bad file descriptor", done.stderr)


if __name__ == "__main__":
    unittest.main()
