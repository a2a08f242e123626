import support  # noqa: F401, first: it makes the scripts importable

import os
import shutil
import subprocess

TOOLS = ("awk", "bash", "cat", "comm", "cut", "dirname", "echo", "env", "flock", "grep", "mkdir", "mktemp", "rm", "mv", "chmod",
         "sed", "sha256sum", "sort", "true", "uname", "xargs")


class SetupTest(support.TreeTest):
    """Runs setup.sh with a PATH of its own, where apt-get, dpkg-query, id, python3 and sudo are stand-ins or absent."""

    def setUp(self):
        super().setUp()
        os.makedirs(os.path.join(self.source, "bin"))
        for tool in TOOLS:
            os.symlink(shutil.which(tool), os.path.join(self.source, "bin", tool))
        shutil.copytree(support.SCRIPTS, os.path.join(self.source, "scripts"),
                        ignore=shutil.ignore_patterns("__pycache__"))
        self.program("dpkg-query", 'shift 3; for p; do [ "$p" = ccache ] || echo "$p installed"; done; exit 1')
        self.program("id", "echo 1000")

    def program(self, name, script):
        os.chmod(self.write(f"bin/{name}", f"#!/bin/bash\n{script}\n"), 0o755)

    def setup(self, *arguments):
        return subprocess.run([os.path.join(self.source, "scripts", "setup.sh"), *arguments], text=True,
                              env={"PATH": os.path.join(self.source, "bin")}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def all_installed(self):
        self.program("dpkg-query", 'shift 3; for p; do echo "$p installed"; done')

    def own_libtorch(self):
        for name in ("lib/libtorch_cpu.so", "lib/libc10.so", "include/ATen/core/Tensor.h"):
            self.write("own/" + name, "")
        return os.path.join(self.source, "own")


class Setup(SetupTest):
    def test_neither_root_nor_sudo_names_what_is_missing(self):
        done = self.setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("as root: apt-get install ccache\n", done.stderr)

    def test_a_sudo_that_asks_for_a_password_is_refused_without_a_terminal(self):
        self.program("sudo", '[ "$1" = -n ] && exit 1; echo unexpected; exit 0')
        done = self.setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("sudo refused; as root: apt-get install ccache\n", done.stderr)

    def test_only_missing_packages_are_installed_through_sudo(self):
        self.program("sudo", 'shift; exec "$@"')
        self.program("apt-get", f'echo "apt-get $*" >>{self.source}/log; '
                     f'[ "$1" = update ] || printf \'#!/bin/bash\\nshift 3; for p; do echo "$p installed"; done\\n\' '
                     f">{self.source}/bin/dpkg-query")
        done = self.setup("--libtorch", self.own_libtorch())
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(self.source, "log"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual([line.split()[1:3] for line in lines], [["update", "-q"], ["install", "-q"]])
        self.assertTrue(lines[1].endswith("--no-install-recommends ccache"), lines[1])

    def test_a_failing_apt_get_names_what_is_missing(self):
        self.program("id", "echo 0")
        self.program("apt-get", "exit 100")
        done = self.setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("still missing: ccache", done.stderr)

    def test_an_incomplete_libtorch_names_the_missing_file(self):
        self.all_installed()
        folder = self.own_libtorch()
        self.assertEqual(self.setup("--libtorch", folder).returncode, 0)
        os.remove(os.path.join(folder, "lib", "libc10.so"))
        done = self.setup("--libtorch", folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("lib/libc10.so is missing", done.stderr)

    def test_unknown_arguments_are_refused(self):
        self.assertEqual(self.setup("--libtroch", "x").returncode, 1)


class Wheels(SetupTest):
    """The LibTorch wheel, with a python3 that stands in for pip."""

    PIP = """[ "$3" = --version ] && exit 0
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/torch/lib" "$2/torch/include/ATen/core"
touch() { : >"$1"; }
touch "$2/torch/lib/libtorch_cpu.so"
echo run >>SOURCE/pip_runs
[ ! -e SOURCE/break ] || exit 1
touch "$2/torch/lib/libc10.so"; touch "$2/torch/include/ATen/core/Tensor.h"
"""

    def setUp(self):
        super().setUp()
        self.all_installed()
        self.program("python3", self.PIP.replace("SOURCE", self.source))

    def deps(self):
        return sorted(os.listdir(os.path.join(self.source, ".deps")))

    def pip_runs(self):
        with open(os.path.join(self.source, "pip_runs"), encoding="utf-8") as file:
            return len(file.readlines())

    def test_the_second_run_does_nothing(self):
        self.assertEqual([self.setup().returncode, self.setup().returncode], [0, 0])
        self.assertEqual(self.pip_runs(), 2)
        self.assertEqual(self.deps(), ["cuda", "cuda.lock", "torch", "torch.lock"])

    def test_a_failed_run_leaves_nothing_and_the_next_one_succeeds(self):
        self.write("break", "")
        done = self.setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("torch.txt", done.stderr)
        self.assertEqual(self.deps(), ["torch.lock"])
        os.remove(os.path.join(self.source, "break"))
        self.assertEqual(self.setup().returncode, 0)

    def test_other_pins_replace_the_folder_and_debris_goes(self):
        self.setup()
        self.write("scripts/requirements/torch.txt", "torch==9.9.9\n")
        self.write(".deps/torch.partial.killed/half", "")
        self.write(".deps/torch/from_before", "")
        self.assertEqual(self.setup().returncode, 0)
        self.assertEqual(self.pip_runs(), 3)
        self.assertEqual(self.deps(), ["cuda", "cuda.lock", "torch", "torch.lock"])
        self.assertFalse(os.path.exists(os.path.join(self.source, ".deps", "torch", "from_before")))
