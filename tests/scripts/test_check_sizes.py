import support  # noqa: F401, first: it makes the scripts importable

import os
import subprocess
import sys

import check_sizes


def body(lines):
    return "".join(f"  work({line});\n" for line in range(lines))


class CheckSizes(support.TreeTest):
    def sizes(self, text):
        return {name: (first, lines) for name, first, lines in check_sizes.function_sizes(text)}

    def run_check(self):
        return subprocess.run([sys.executable, os.path.join(support.SCRIPTS, "check_sizes.py"), "--source", self.source],
                              text=True, stdout=subprocess.PIPE, check=False)

    def test_counts_from_the_signature_to_the_closing_brace(self):
        text = "namespace a {\n\nint f(int x) {\n" + body(3) + "}\n\nvoid g() {}\n}  // namespace a\n"
        self.assertEqual(self.sizes(text), {"f": (3, 5), "g": (9, 1)})

    def test_methods_constructors_and_nested_blocks(self):
        text = ("class A : public B {\n public:\n  explicit A(int x) : x_{x}, y_{1} {\n    if (x) {\n      g();\n    }\n  }\n"
                "  int x_ = 0;\n};\nauto A::f() const -> int {\n  return [] { return 1; }();\n}\n")
        self.assertEqual(self.sizes(text), {"A": (3, 5), "A::f": (10, 3)})

    def test_braces_in_literals_and_comments_do_not_count(self):
        text = ("void f() {\n  a(\"}\"); b('}'); // }\n  /* } \n } */ c(R\"x(\n}\n)x\");\n  n = 1'000;\n}\nvoid g() {\n}\n")
        self.assertEqual(self.sizes(text), {"f": (1, 8), "g": (9, 2)})

    def test_tables_and_types_are_no_functions(self):
        text = "constexpr int kTable[] = {\n1,\n2,\n};\nenum class E { kA };\nstruct S {\n  int a = 0;\n};\n"
        self.assertEqual(self.sizes(text), {})

    def test_a_function_of_81_lines_fails_and_of_80_passes(self):
        self.write("trainer/base/a.cpp", "void f() {\n" + body(78) + "}\n")
        self.assertEqual(self.run_check().returncode, 0)
        self.write("trainer/base/a.cpp", "\nvoid f() {\n" + body(79) + "}\n")
        done = self.run_check()
        self.assertEqual(done.returncode, 1)
        self.assertIn("trainer/base/a.cpp:2: f has 81 lines", done.stdout)

    def test_a_file_of_501_lines_fails_and_of_500_passes(self):
        for path in ("trainer/io/a.h", "tests/io/a_test.cpp", "scripts/a.py"):
            self.write(path, "\n" * 500)
            self.assertEqual(self.run_check().returncode, 0)
            self.write(path, "\n" * 501)
            done = self.run_check()
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{path}:501: 501 lines", done.stdout)
            self.write(path, "")

    def test_an_empty_tree_fails(self):
        done = self.run_check()
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing to check", done.stdout)
