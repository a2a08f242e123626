import support  # noqa: F401, first: it makes the scripts importable

import check_layers


class CheckLayers(support.TreeTest):
    def problems(self, path, text):
        self.write("trainer/" + path, text)
        return check_layers.file_problems(self.source, path)

    def assert_problem(self, path, text, line, words):
        found = self.problems(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"trainer/{path}:{line}: "), found)
        self.assertIn(words, found[0])

    def setUp(self):
        super().setUp()
        for room in check_layers.ROOMS:
            if room != "main.cpp":
                self.write(f"trainer/{room}/thing.h", "#pragma once\n")

    def test_every_allowed_pair_passes_and_every_other_fails(self):
        rooms = [room for room in check_layers.ROOMS if room != "main.cpp"]
        order = ["base", "kernels", "io", "cuda", "config", "spec", "data", "tensor", "model", "optim", "train",
                 "infer", "export", "commands"]
        self.assertEqual(sorted(rooms), sorted(order))
        for room in rooms:
            for target in rooms:
                found = self.problems(f"{room}/a.cpp", f'#include "{target}/thing.h"\n')
                allowed = target == room or target in check_layers.ROOMS[room]
                self.assertEqual(not found, allowed, f"{room} -> {target}: {found}")
                if order.index(target) > order.index(room):
                    self.assertTrue(found, f"{room} looks up to {target}")

    def test_the_table_of_the_design(self):
        refused = [("data", "kernels"), ("spec", "kernels"), ("config", "kernels"), ("tensor", "data"),
                   ("model", "optim"), ("optim", "model"), ("model", "data"), ("infer", "optim"), ("export", "optim"),
                   ("train", "infer"), ("infer", "train"), ("export", "train"), ("tensor", "config"),
                   ("cuda", "kernels"), ("optim", "cuda")]
        for room, target in refused:
            self.assert_problem(f"{room}/a.cpp", f'\n#include "{target}/thing.h"\n', 2, f"{room} may not include {target}")
        self.assertEqual(self.problems("train/a.cpp", '#include "optim/thing.h"\n'), [])
        self.assertEqual(self.problems("main.cpp", '#include "commands/thing.h"\n#include "base/thing.h"\n'), [])

    def test_paths_are_written_from_trainer(self):
        self.write("trainer/io/other.h", "")
        self.assert_problem("io/a.cpp", '#include "other.h"\n', 1, "no such file")
        self.assert_problem("io/a.cpp", '#include "../base/thing.h"\n', 1, "no such file")

    def test_an_unknown_room_is_refused(self):
        self.assert_problem("utils/a.cpp", "", 1, "no room")

    def test_torch_stops_at_tensor(self):
        for room in ("base", "kernels", "io", "cuda", "config", "spec", "data"):
            for header in ("ATen/core/Tensor.h", "c10/core/ScalarType.h", "torch/csrc/autograd/variable.h"):
                self.assert_problem(f"{room}/a.cpp", f"#include <{header}>\n", 1, "only in files matching")
        for room in ("tensor", "model", "optim", "train", "infer", "export", "commands"):
            self.assertEqual(self.problems(f"{room}/a.h", "#include <ATen/core/Tensor.h>\n"), [])
            self.assertEqual(self.problems(f"{room}/a.cpp", "#include <ATen/ops/mm.h>\n"), [])

    def test_heavy_torch_headers_are_refused(self):
        self.assert_problem("tensor/a.cpp", "#include <torch/torch.h>\n", 1, "8 s or more")
        self.assert_problem("tensor/a.cpp", "  #  include <torch/types.h>\n", 1, "8 s or more")
        self.assert_problem("tensor/a.h", "#include <ATen/ATen.h>\n", 1, "headers name tensors")

    def test_each_foreign_header_has_one_place(self):
        places = {"yaml-cpp/yaml.h": "config/a.cpp", "sentencepiece_processor.h": "data/a.cpp",
                  "unicode/normalizer2.h": "data/a.cpp", "pcre2.h": "data/a.cpp", "simdjson.h": "data/a.cpp",
                  "spdlog/spdlog.h": "base/log.cpp", "nlohmann/json.hpp": "io/json.h", "CLI/CLI.hpp": "main.cpp",
                  "openssl/evp.h": "base/hash.cpp", "xxhash.h": "base/hash.cpp", "immintrin.h": "kernels/rows_avx2.cpp"}
        for header, place in places.items():
            self.assertEqual(self.problems(place, f"#include <{header}>\n"), [], header)
            self.assert_problem("model/a.cpp", f"#include <{header}>\n", 1, "only in files matching")
        self.assert_problem("config/a.h", "#include <yaml-cpp/yaml.h>\n", 1, "only in files matching")
        self.assert_problem("base/error.cpp", "#include <spdlog/spdlog.h>\n", 1, "only in files matching")

    def test_unknown_foreign_headers_are_refused(self):
        self.assert_problem("io/a.cpp", "#include <boost/any.hpp>\n", 1, "not in the tables")
        self.assert_problem("io/a.cpp", "#include <gtest/gtest.h>\n", 1, "not in the tables")
        self.assertEqual(self.problems("io/a.cpp", "#include <vector>\n#include <sys/mman.h>\n#include <fcntl.h>\n"), [])

    def test_isa_files_include_only_intrinsics(self):
        self.assert_problem("kernels/rows_avx512.cpp", "#include <algorithm>\n", 1, "one instruction set")
        self.assertEqual(self.problems("kernels/rows_scalar.cpp", "#include <algorithm>\n"), [])
        self.assertEqual(self.problems("kernels/rows_avx2.cpp", '#include <cstdint>\n#include "kernels/thing.h"\n'), [])
