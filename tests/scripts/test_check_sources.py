import support  # noqa: F401, first: it makes the scripts importable

import os
import shutil
import subprocess
import sys


class CheckFormat(support.TreeTest):
    def run_check(self, path=None):
        environment = dict(os.environ) if path is None else {**os.environ, "PATH": path}
        return subprocess.run([sys.executable, os.path.join(support.SCRIPTS, "check_format.py"), "--source", self.source],
                              text=True, stdout=subprocess.PIPE, env=environment, check=False)

    def setUp(self):
        super().setUp()
        shutil.copy(os.path.join(support.ROOT, ".clang-format"), self.source)

    def test_formatted_passes_and_unformatted_fails_with_its_place(self):
        self.write("trainer/base/a.cpp", "int f() {\n  return 1;\n}\n")
        self.assertEqual(self.run_check().returncode, 0)
        self.write("tests/base/a_test.cpp", "int  f( ){return 1;}\n")
        done = self.run_check()
        self.assertEqual(done.returncode, 1)
        self.assertIn("tests/base/a_test.cpp:1:", done.stdout)

    def test_a_missing_formatter_fails(self):
        self.write("trainer/base/a.cpp", "int f();\n")
        done = self.run_check(path=self.source)
        self.assertEqual(done.returncode, 1)
        self.assertIn("clang-format is missing", done.stdout)


class CheckHeaders(support.TreeTest):
    def run_check(self):
        return subprocess.run([sys.executable, os.path.join(support.SCRIPTS, "check_headers.py"), "--source",
                               self.source, "--build", os.path.join(self.source, "build")],
                              text=True, stdout=subprocess.PIPE, check=False)

    def test_a_header_that_leans_on_its_includer_fails(self):
        self.write("trainer/io/good.h", "#pragma once\n#include <string>\nstd::string f();\n")
        self.assertEqual(self.run_check().returncode, 0)
        self.write("trainer/io/bad.h", "#pragma once\nstd::vector<int> f();\n")
        done = self.run_check()
        self.assertEqual(done.returncode, 1)
        self.assertIn("trainer/io/bad.h does not compile alone", done.stdout)
        self.assertNotIn("good.h", done.stdout)

    def test_a_header_without_a_guard_fails(self):
        self.write("trainer/io/twice.h", "struct Twice {};\n")
        self.assertEqual(self.run_check().returncode, 1)

    def test_rooms_with_torch_are_left_out_of_a_build_without_it(self):
        self.write("trainer/io/good.h", "#pragma once\n")
        self.write("trainer/tensor/ops.h", "#pragma once\n#include <no_such_torch.h>\n")
        self.assertEqual(self.run_check().returncode, 1)
        self.write("build/CMakeCache.txt", "VERNIER_TORCH_FREE:BOOL=ON\n")
        done = self.run_check()
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("1 checked", done.stdout)

    def test_libtorch_of_the_build_is_used(self):
        self.write("own/include/ATen/core/Tensor.h", "#pragma once\nnamespace at { class Tensor; }\n")
        self.write("build/CMakeCache.txt", f"VERNIER_LIBTORCH:PATH={self.source}/own\n")
        self.write("trainer/tensor/ops.h", "#pragma once\n#include <ATen/core/Tensor.h>\nvoid f(at::Tensor&);\n")
        done = self.run_check()
        self.assertEqual(done.returncode, 0, done.stdout)
