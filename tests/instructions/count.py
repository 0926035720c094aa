#!/usr/bin/python3
"""Counts the instructions of the hot paths under callgrind and compares them with bounds.txt:
count.py HOT_PATHS [PATH...]. Counts do not depend on the machine's load."""
import pathlib
import re
import subprocess
import sys

ALLOWANCE = 1.03


def count(program, path):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=hot",
         program, path], capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1]) / int(done.stdout)


bounds = dict(line.split() for line in (pathlib.Path(__file__).parent / "bounds.txt").read_text().splitlines()
              if not line.startswith("#"))
failed = False
for path in sys.argv[2:] or bounds:
    counted, bound = count(sys.argv[1], path), float(bounds[path])
    wrong = counted > bound * ALLOWANCE
    failed = failed or wrong
    print(f"{path:18} {counted:8.1f} of {bound:8.1f}{'  TOO MANY' if wrong else ''}", flush=True)
sys.exit(failed)
