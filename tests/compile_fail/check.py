"""Checks that a line of code does not compile, for the reason it should: check.py FILE -- COMPILER ARGUMENT..

FILE compiles as it stands and, with GATEFOLD_VIOLATION defined, is refused with a message that matches the regular
expression of its line "// Refused: ..". The first half shows that nothing but the violation is wrong with the file.
"""
import os
import pathlib
import re
import subprocess
import sys


def compile_(command, path, *more):
    command = [*command, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *more, str(path)]
    environment = {**os.environ, "LC_ALL": "C"}  # plain quotes in the messages
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def main():
    path, separator, *command = sys.argv[1:]
    assert separator == "--"
    refused = re.search(r"^// Refused: (.*)$", pathlib.Path(path).read_text(), re.MULTILINE)
    if not refused:
        sys.exit(f"{path}: no line '// Refused: REGULAR EXPRESSION'")

    control = compile_(command, path)
    if control.returncode != 0:
        sys.exit(f"{path}: does not compile without its violation:\n{control.stderr}")
    violation = compile_(command, path, "-DGATEFOLD_VIOLATION")
    if violation.returncode == 0:
        sys.exit(f"{path}: the violation compiles")
    if not re.search(refused[1], violation.stderr):
        sys.exit(f"{path}: refused, but not with '{refused[1]}':\n{violation.stderr}")


main()
