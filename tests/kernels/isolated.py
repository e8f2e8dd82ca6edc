#!/usr/bin/env python3
"""Checks that files compiled for one instruction set share no function with the rest: isolated.py OBJECT ..

An inline function of a header that is emitted in such a file may be the copy that the linker keeps for the whole program,
and then runs on processors that lack the instructions. Weak symbols are what the linker may choose between.
"""
import pathlib
import subprocess
import sys


def main():
    objects = [name for name in sys.argv[1:] if "tile_avx" in pathlib.Path(name).name]
    if not objects:
        sys.exit("isolated: no file of an instruction set among the objects")
    shared = []
    for name in objects:
        lines = subprocess.run(["nm", "-C", name], capture_output=True, text=True, check=True).stdout.splitlines()
        shared += [f"{pathlib.Path(name).name}: {line}" for line in lines if line[17:18] in "WVu"]
    print("\n".join(shared) or f"isolated: {len(objects)} files share no function")
    sys.exit(bool(shared))


main()
