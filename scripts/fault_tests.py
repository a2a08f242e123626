#!/usr/bin/env python3
"""Runs the fault tests of build/release row by row of docs/reliability.md: fault_tests.py [--release | --trials N] [--rows 1,7].

A test says what it counted in lines "[  COUNTED ] what: N (more)". A part that counts nothing counts its test cases.
Ends with 1 when a test failed or a row ran none. Output goes to build/fault_tests/row-N.log, results, kept by row, to
build/fault_tests/results.json.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "release")
RESULTS = os.path.join(ROOT, "build", "fault_tests")

# (row, hazard, parts): a part is a gtest program with a filter, or the words of `python3 -m unittest` in tests/run.
ROWS = [
    ("1", "kill -9 of a run at random instants", [["test_kill"]]),
    ("2", "a stop at every system call of saves", [("test_io", "StoreCrash.AStopAtEverySystemCall:StoreCrash.*RealDisk:RunStoreKill.*")]),
    ("3", "power loss at every system call", [("test_io", "StoreCrash.APowerLossAtEverySystemCall")]),
    ("4", "a stop or power loss in recovery and pruning", [("test_io", "StoreCrash.*OfARecovery")]),
    ("5", "a full disk", [("test_io", "StoreFailure.ADiskOfEverySize*:RealDisk.*"), ["test_disk_faults.Full", "test_resources.Disk"]]),
    ("6", "EIO, short writes, EINTR, EROFS, EXDEV", [("test_io", "StoreFailure.*:-StoreFailure.ADiskOfEverySize*"), ["test_page_disk"]]),
    ("7", "flipped bits and cuts in files of ours", [("test_io", "StoreDamage.*"), ["test_flipped_bits.Checkpoint"]]),
    ("8", "a flipped bit in the base", [["test_flipped_bits.Base"]]),
    ("17", "memory that is not given", [("test_io", "AllocationFailure.*"), ["test_memory_faults", "test_optimizers.HeldMemory"]]),
    ("18", "NaN and Inf", [("test_train", "BadNumbers.*"), ["test_numbers"]]),
    ("19", "signals at random times", [["test_stop.Signals", "test_stop.RandomSignals"], ("test_train", "DroppedStep.*")]),
    ("20", "resume after any step", [["test_resume.Exactness", "test_optimizers.Resume"]]),
    ("21", "the same run again; threads; kernel tables", [["test_determinism"]]),
    ("22", "resume far into a large data set", [("test_data", "FarResume.*"), ["test_far_resume"]]),
    ("23", "several runs in one directory", [("test_io", "OutputLockRace.*:OutputLock*"), ["test_train.Directories.test_two_runs_in_one_directory"]]),
    ("25", "the directory or the clock changes", [("test_io", "StorePlace.*"), ["test_disk_faults.Moved", "test_disk_faults.Clock"]]),
    ("26", "what saving costs", [["test_save_overhead"]]),
]

COUNTED = re.compile(r"^.*?\[  COUNTED \] (.*): (\d+)(.*)$", re.MULTILINE)


def read_output(output, is_gtest):
    """What one part's output says: {"trials", "failures", "counted": [lines], "skipped": [reasons]}."""
    counted = [(what, int(number), more.strip()) for what, number, more in COUNTED.findall(output)]
    if is_gtest:
        cases = int((re.findall(r"^\[==========\] (\d+) tests? from .* ran\.", output, re.MULTILINE) or ["0"])[-1])
        failures = len(set(re.findall(r"^\[  FAILED  \] (\w+\.\w+)", output, re.MULTILINE)))
        skipped = re.findall(r": Skipped\n(.*)\n", output)
    else:
        cases = int((re.findall(r"^Ran (\d+) tests? in ", output, re.MULTILINE) or ["0"])[-1])
        failures = sum(map(int, re.findall(r"(?:failures|errors)=(\d+)", output.rsplit("\nFAILED (", 1)[-1] if "\nFAILED (" in output else "")))
        skipped = re.findall(r"skipped ['\"](.*)['\"]$", output, re.MULTILINE)
    trials = sum(number for _, number, _ in counted) or cases - len(skipped)
    return {"trials": trials, "cases": cases, "failures": failures, "skipped": skipped,
            "counted": [f"{what}: {number} {more}".strip() for what, number, more in counted]}


def run_part(part, environment, log):
    is_gtest = isinstance(part, tuple)
    if is_gtest:
        command, folder = [os.path.join(BUILD, part[0]), f"--gtest_filter={part[1]}"], ROOT
    else:
        command, folder = [sys.executable, "-m", "unittest", "-v", *part], os.path.join(ROOT, "tests", "run")
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    log.write(done.stdout)
    log.flush()
    read = read_output(done.stdout, is_gtest)
    if done.returncode != 0 or read["cases"] == 0:
        read["failures"] = max(1, read["failures"])
    return read


def run_row(row, hazard, parts, environment):
    start = time.monotonic()
    with open(os.path.join(RESULTS, f"row-{row}.log"), "w", encoding="utf-8") as log:
        read = [run_part(part, environment, log) for part in parts]
    result = {"row": row, "hazard": hazard, "seconds": round(time.monotonic() - start, 1),
              "date": datetime.date.today().isoformat(), "counts": environment.get("VERNIER_FAULT_TRIALS", "CI")}
    for key in ("trials", "failures"):
        result[key] = sum(part[key] for part in read)
    for key in ("counted", "skipped"):
        result[key] = [text for part in read for text in part[key]]
    return result


def keep(result):
    path = os.path.join(RESULTS, "results.json")
    results = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
    results[result["row"]] = result
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", action="store_true", help="the counts of a release")
    parser.add_argument("--trials", metavar="N", type=int, help="N random faults in each test of tests/run")
    parser.add_argument("--rows", help="only these, with commas between")
    options = parser.parse_args()
    chosen = options.rows.split(",") if options.rows else [row for row, _, _ in ROWS]
    unknown = set(chosen) - {row for row, _, _ in ROWS}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    os.makedirs(RESULTS, exist_ok=True)
    environment = {**os.environ, "VERNIER_BINARY": os.path.join(BUILD, "vernier"), "OMP_WAIT_POLICY": "passive"}
    environment.pop("VERNIER_FAULT_TRIALS", None)
    if options.release or options.trials:
        environment["VERNIER_FAULT_TRIALS"] = str(options.trials or "release")
    print(f"{'row':>3}  {'hazard':45} {'trials':>8} {'failures':>8} {'seconds':>8}", flush=True)
    failed = False
    for row, hazard, parts in ROWS:
        if row not in chosen:
            continue
        result = run_row(row, hazard, parts, environment)
        keep(result)
        failed |= result["failures"] > 0
        print(f"{row:>3}  {hazard:45} {result['trials']:8} {result['failures']:8} {result['seconds']:8}", flush=True)
        for reason in result["skipped"]:
            print(f"     skipped: {reason}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
