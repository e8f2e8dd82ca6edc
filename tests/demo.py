#!/usr/bin/env python3
"""Holds what `make run` shows to what it claims: demo.py BUILD.

Two tables with the same five policies; in steady state greedy costs what static costs and shifts nothing; with a cluster
taken away greedy shifts layers and misses fewer deadlines than static; outputs are the same everywhere.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
POLICIES = ["ungated", "static", "seed-literal", "greedy", "regret"]


def tables(text):
    """The comparisons in order, each {policy: {column: cell}}."""
    found, columns = [], None
    for line in text.splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if cells[0] == "policy":
            columns = cells
            found.append({})
        elif columns and cells[0] in POLICIES and len(cells) == len(columns):
            found[-1][cells[0]] = dict(zip(columns, cells))
    return found


def main():
    shown = subprocess.run([ROOT / "scripts" / "demo.sh"], capture_output=True, text=True, timeout=300,
                           env={"GATEFOLD": f"{sys.argv[1]}/gatefold", "PATH": "/usr/bin:/bin"})
    errors = [] if shown.returncode == 0 else [f"demo.sh: status {shown.returncode}: {shown.stderr}"]
    found = tables(shown.stdout)

    def expect(condition, what):
        if not condition:
            errors.append(what)

    expect(len(found) == 2 and all(list(table) == POLICIES for table in found), "two tables with the four policies")
    if not errors:
        steady, taken = found
        expect(all(row["same outputs"] == "yes" for table in found for row in table.values()), "outputs are the same everywhere")
        expect(all(row["shifts"] == "0" for row in steady.values()), "nothing shifts in steady state")
        expect(steady["greedy"]["energy/request"] == steady["static"]["energy/request"], "greedy = static in steady state")
        expect(int(taken["greedy"]["shifts"]) > 0, "greedy shifts when its cluster is taken")
        expect(int(taken["greedy"]["misses"]) < int(taken["static"]["misses"]), "greedy misses fewer deadlines than static")
    for error in errors:
        print(f"not so: {error}")
    if errors:
        print(shown.stdout)
        return 1
    print(f"figure: {len(found)} tables; misses static {taken['static']['misses']}, greedy {taken['greedy']['misses']} with "
          f"{taken['greedy']['shifts']} shifts and {taken['greedy']['moved']} moved")
    return 0


if __name__ == "__main__":
    sys.exit(main())
