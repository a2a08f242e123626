import support  # noqa: F401, first: it makes the scripts importable

import unittest

import bench_table


def run(name, **counters):
    return {"name": name, "run_name": name, "run_type": "iteration", **counters}


class BenchTable(unittest.TestCase):
    def test_names(self):
        self.assertEqual(bench_table.split_name("base_forward/avx512/bf16/smollm2/q"), ("base_forward smollm2/q", "avx512 bf16"))
        self.assertEqual(bench_table.split_name("rows/avx2/rope"), ("rows rope", "avx2"))
        self.assertEqual(bench_table.split_name("nf4_decode/scalar/f32"), ("nf4_decode", "scalar f32"))

    def test_a_row_a_kernel_and_the_best_of_repetitions(self):
        runs = [run("head/avx512/bf16/m", **{"share of peak": 0.5}), run("head/avx512/bf16/m", **{"share of peak": 0.876}),
                run("head/avx2/f32/m", **{"share of peak": 0.75}), run("rows/avx2/rope", **{"GB/s": 31.4}),
                {**run("head/avx512/bf16/m", **{"share of peak": 9}), "run_type": "aggregate"},
                run("u/avx2/f32/m", **{"share of peak": 0.6})]
        self.assertEqual(bench_table.table(runs, *bench_table.COUNTERS[0]),
                         ["| % of peak | avx512 bf16 | avx2 f32 |", "| --- | ---: | ---: |", "| head m | 88 | 75 |", "| u m |  | 60 |"])
        self.assertEqual(bench_table.table(runs, *bench_table.COUNTERS[2])[2:], ["| rows rope | 31 |"])
        self.assertEqual(bench_table.table(runs, *bench_table.COUNTERS[1]), [])


if __name__ == "__main__":
    unittest.main()
