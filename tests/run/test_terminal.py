"""What a person sees of a run: one live line on a terminal, plain lines elsewhere, more with --log-level debug."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unittest

from support import VERNIER, RunTest


class Terminal(RunTest):
    def screen(self, *words, columns=80, **environment):
        """stderr of a command whose stderr is a terminal of so many columns (0: it does not say how many)."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([VERNIER, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=theirs, env={**os.environ, "TERM": "xterm", **environment})
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            text += part
        os.close(ours)
        self.assertEqual(process.wait(timeout=60), 0, text)
        return text.decode()

    def live_lines(self, text):
        return re.findall(r"\r\x1b\[K([^\r\n\x1b]+)", text)

    def test_live_lines_fit_the_terminal(self):
        for columns, environment, width in ((80, {}, 79), (40, {}, 39), (0, {"COLUMNS": "50"}, 49), (0, {}, 79)):
            words = ["train", self.config(max_steps=120, save_steps=120), "--overwrite-output-dir"]
            text = self.screen(*words, columns=columns, **environment)
            lines = [line for line in self.live_lines(text) if line.startswith("step") and not line.startswith("step 120/")]
            self.assertGreater(len(lines), 20)
            self.assertLessEqual(max(map(len, lines)), width)
            self.assertIn("loss" if width > 45 else "epoch", lines[-1])

    def test_the_last_line_is_written_once(self):
        text = self.screen("train", self.config())
        self.assertEqual(text.count("step 6/6"), 1)
        self.assertRegex(text, r"step 6/6[^\n]*eta 0s\r\n")

    def test_a_dumb_terminal_gets_plain_lines(self):
        text = self.screen("train", self.config(), TERM="dumb")
        self.assertNotIn("\x1b", text)
        self.assertEqual(len(re.findall(r"^step \d/6 .*\r$", text, re.MULTILINE)), 6)

    def test_one_of_a_thing_is_singular(self):
        self.write_rows("one.jsonl", 1, seed=3)
        settings = dict(test_datasets=[{"path": str(self.dir / "one.jsonl"), "type": "tokenized"}])
        self.assertIn("1 row, ", self.good("check", self.config(**settings)).stdout)
        text = self.screen("train", self.config(**settings))
        self.assertIn("evaluation 1 row\r\n", text)
        self.assertIn("evaluating 1/1 row", text)
        self.assertNotRegex(text, r"\b1 rows")


class Debug(RunTest):
    def test_debug_says_what_was_read_and_how_long_it_took(self):
        info = self.good("train", self.config()).stderr
        debug = self.good("train", self.config(), "--overwrite-output-dir", "--log-level", "debug").stderr
        for pattern in (r"config \S*run\.yaml, SHA-256 [0-9a-f]{64}", r"base \S*model\.safetensors: 21 tensors, opened in [\d.]+ s",
                        r"read \S*rows\.jsonl as tokenized", r"24 rows, \d+ tokens in [\d.]+ s", r"model loaded in [\d.]+ s",
                        r"hashed in [\d.]+ s", r'settings \{"seed":7,', r"memory +runtime .*working", r"saving took [\d.]+ s"):
            self.assertRegex(debug, pattern)
            self.assertNotRegex(info, pattern)


if __name__ == "__main__":
    unittest.main()
