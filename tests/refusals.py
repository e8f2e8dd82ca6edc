#!/usr/bin/env python3
"""Counts malformed inputs that are refused with exactly the wanted message: refusals.py BUILD.

Runs the tests that hold a golden message against each malformed ONNX file, device file, tensor file, event and command
line, and adds up what they compared.
"""
import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent


def passed(room, filters):
    test = BUILD / "src" / "gatefold" / room / f"gatefold_{room}_test"
    done = subprocess.run([test, f"--gtest_filter={filters}"], capture_output=True, text=True, timeout=300)
    count = re.search(r"\[  PASSED  \] (\d+) test", done.stdout)
    if done.returncode != 0 or not count:
        sys.exit(f"{room}: status {done.returncode}\n{done.stdout[-2000:]}")
    return int(count[1])


def main():
    onnx = passed("onnx", "*/Refused.*:*Refuse*")
    device = passed("device", "*Refuse*:*Reports*")
    tensors = passed("model", "*RefusedWithAReason*")
    events = passed("runtime", "*Malformed*:*Refused*")
    command_line = subprocess.run([sys.executable, ROOT / "tests" / "cli.py", BUILD / "gatefold"], capture_output=True, text=True, timeout=300)
    if command_line.returncode != 0:
        sys.exit(f"cli.py: status {command_line.returncode}\n{command_line.stdout[-2000:]}{command_line.stderr[-2000:]}")
    total = onnx + device + tensors + events
    if total < 40:
        sys.exit(f"{total} refusals with a golden message, wanted at least 40")
    print(f"figure: {onnx} ONNX and {device} device tests of refusals, {tensors} tables of tensor files, {events} of events and runs, "
          "every message as wanted; the command line's own refusals exit with status 1 or 2 as tests/cli.py says")


if __name__ == "__main__":
    main()
