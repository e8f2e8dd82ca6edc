#!/usr/bin/env python3
"""Runs a GoogleTest program in many random orders: shuffled.py PROGRAM SCALE SEED

A hundred orders at scale 1, at least one; the seed picks them. A test that leans on what another left behind fails here.
"""
import re
import subprocess
import sys

FULL = 100  # orders at scale 1


def main():
    program, scale, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    orders = max(1, round(FULL * scale))
    tests = 0
    for order in range(orders):
        # GoogleTest takes seeds 1..99999.
        command = [program, "--gtest_shuffle", f"--gtest_random_seed={(seed * 1000 + order) % 99999 + 1}", "--gtest_brief=1"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        passed = re.search(r"\[  PASSED  \] (\d+) test", done.stdout)
        if done.returncode != 0 or not passed:
            print(done.stdout)
            sys.exit(f"shuffled: failed: {' '.join(command)}")
        tests = int(passed[1])
    print(f"figure: {tests} tests in {orders} orders, 0 failed")


main()
