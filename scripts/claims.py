#!/usr/bin/env python3
"""Checks the claims of docs/claims.md by running the command beside each.

  claims.py [--build FOLDER] [--only NAME,..]              at full size
  claims.py [--build FOLDER] [--only NAME,..] --hundredth  at a hundredth of the size, with another seed
  claims.py --update                                       at full size; writes the figures into the table

A row's command runs in bash from the repository root, after {scale} (1, or 0.01), {seed} (1, or 2), {build} (the build
folder) and {tool} (the command-line tool in it) are filled in. It exits 0 when the claim holds, and prints a last line
"figure: .." with what it measured. A row whose command is "-" is an open claim: reported, never a failure.
Exit status: 0 every command that ran holds, 1 some do not, 2 the table or the arguments are at fault.
"""
import argparse
import dataclasses
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "claims.md"
COLUMNS = ["name", "claim", "command", "target", "last figure"]
PLACES = {"scale", "seed", "build", "tool"}


@dataclasses.dataclass
class Row:
    name: str
    command: str  # "-": open
    line: int     # 0-based line of the table


def cells(line):
    """The cells of a table row; a bar inside a cell is written \\|."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def read_rows(lines):
    """The rows of the one table whose header is COLUMNS, and what is wrong with it."""
    headers = [at for at, line in enumerate(lines) if cells(line) == COLUMNS]
    if len(headers) != 1:
        return [], [f"want one table with the header | {' | '.join(COLUMNS)} |, found {len(headers)}"]
    rows, errors = [], []
    for at in range(headers[0] + 2, len(lines)):
        if not lines[at].lstrip().startswith("|"):
            break
        row = cells(lines[at])
        if len(row) != len(COLUMNS):
            errors.append(f"line {at + 1}: {len(row)} columns, want {len(COLUMNS)}")
            continue
        name, _, command, _, _ = row
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) or name in [other.name for other in rows]:
            errors.append(f"line {at + 1}: name '{name}' is taken or not of the form a-b-1")
        unknown = set(re.findall(r"\{(\w+)\}", command)) - PLACES
        if unknown:
            errors.append(f"line {at + 1}: unknown place {{{unknown.pop()}}}; known: {', '.join(sorted(PLACES))}")
        rows.append(Row(name, command.strip("`"), at))
    return rows, errors


def run(row, places):
    """(holds, figure) of one claim; what the command said is shown when it does not hold."""
    command = re.sub(r"\{(\w+)\}", lambda match: places[match[1]], row.command)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    output = done.stdout.rstrip()
    figure = re.search(r"(?:^|\n)figure: (.*)\Z", output)
    if done.returncode == 0 and figure:
        return True, figure[1].strip()
    print("\n".join("  | " + line for line in output.splitlines()[-40:]))
    if done.returncode == 0:
        return False, "no last line 'figure: ..'"
    return False, (figure[1].strip() + ", " if figure else "") + f"exit status {done.returncode}"


def check(lines, only, places):
    """(exit status, {row: figure}) after printing a line for each row."""
    rows, errors = read_rows(lines)
    unknown = only - {row.name for row in rows}
    if unknown:
        errors.append(f"no claim '{unknown.pop()}'; there are: {', '.join(row.name for row in rows)}")
    if errors:
        print("\n".join(f"claims: {error}" for error in errors), file=sys.stderr)
        return 2, {}
    rows = [row for row in rows if not only or row.name in only]
    width = max((len(row.name) for row in rows), default=0)
    figures, verdicts = {}, []
    for row in rows:
        if row.command == "-":
            verdict, figure = "open", ""
        else:
            holds, figure = run(row, places)
            verdict = "holds" if holds else "FAILS"
            if holds:
                figures[row.line] = figure
        verdicts.append(verdict)
        print(f"{row.name:<{width}}  {verdict:<5}  {figure}".rstrip(), flush=True)
    counts = {verdict: verdicts.count(verdict) for verdict in ("holds", "FAILS", "open")}
    print(f"claims: {counts['holds']} hold, {counts['FAILS']} fail, {counts['open']} open")
    return (1 if counts["FAILS"] else 0), figures


def updated(lines, figures):
    """The table with each figure in the last cell of its line."""
    lines = list(lines)
    for at, figure in figures.items():
        bars = [match.start() for match in re.finditer(r"(?<!\\)\|", lines[at])]
        lines[at] = lines[at][:bars[-2]] + "| " + figure.replace("|", "\\|") + " |"
    return lines


def self_test():
    head = ["text", "| name | claim | command | target | last figure |", "| --- | --- | --- | --- | --- |"]
    table = [*head, "| good | c | `echo 'figure: {scale} a\\|b'` | t | old |", "| bad | c | `echo figure: 3; false` | t | - |",
             "| mute | c | `true` | t | - |", "| open | c | - | t | - |", "", "| other | table |"]
    places = {"scale": "0.01", "seed": "2", "build": "b", "tool": "b/gatefold"}
    with tempfile.TemporaryFile("w") as sink:
        stdout, stderr = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = sink
        seen = {
            "all": check(table, set(), places),
            "good": check(table, {"good"}, places),
            "bad": check(table, {"bad"}, places),
            "mute": check(table, {"mute"}, places),
            "open": check(table, {"open"}, places),
            "unknown name": check(table, {"none"}, places),
            "unknown place": check([*head, "| a | c | `echo {size}` | t | - |"], set(), places),
            "missing column": check([*head, "| a | c | `true` | t |"], set(), places),
            "no table": check(["text"], set(), places),
            "name twice": check([*head, *["| a | c | - | t | - |"] * 2], set(), places),
            "updated": updated(table, {3: "0.01 a|b"})[3],
        }
        sys.stdout, sys.stderr = stdout, stderr
    figure = {3: "0.01 a|b"}
    want = {"all": (1, figure), "good": (0, figure), "bad": (1, {}), "mute": (1, {}), "open": (0, {}), "unknown name": (2, {}),
            "unknown place": (2, {}), "missing column": (2, {}), "no table": (2, {}), "name twice": (2, {}),
            "updated": "| good | c | `echo 'figure: {scale} a\\|b'` | t | 0.01 a\\|b |"}
    wrong = [f"{case}: want {want[case]}, have {seen[case]}" for case in want if seen[case] != want[case]]
    print("\n".join(wrong) or f"claims: all {len(want)} cases as they should be")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description="Checks the claims of docs/claims.md.")
    parser.add_argument("--build", default=str(ROOT / "build" / "release"), help="the build folder (default build/release)")
    parser.add_argument("--only", default="", metavar="NAME,..", help="these rows")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--hundredth", action="store_true", help="a hundredth of the size, with another seed")
    size.add_argument("--update", action="store_true", help="write the figures into the table")
    size.add_argument("--self-test", action="store_true", help="check this script")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()

    build = pathlib.Path(arguments.build).resolve()
    places = {"scale": "0.01" if arguments.hundredth else "1", "seed": "2" if arguments.hundredth else "1",
              "build": str(build), "tool": str(build / "gatefold")}
    lines = TABLE.read_text().split("\n")
    status, figures = check(lines, {name for name in arguments.only.split(",") if name}, places)
    if arguments.update:
        TABLE.write_text("\n".join(updated(lines, figures)))
    return status


sys.exit(main())
