#!/usr/bin/env python3
"""Runs the unit tests of the scripts, tests/scripts/test_*.py."""

import os
import sys
import unittest

import tree


def main():
    source = tree.options(__doc__).source
    suite = unittest.defaultTestLoader.discover(os.path.join(source, "tests", "scripts"))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)


if __name__ == "__main__":
    main()
