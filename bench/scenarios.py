#!/usr/bin/env python3
"""Plays the suite of scenarios under every policy and prints one table per device, and which targets hold.

usage: scenarios.py --tool TOOL [--scale S] [--seed N] [--seeds N] [--only NN,..] [--jobs N] [--extra] [--update]

Every scenario of scenarios/ is played on its devices with its seeds by `gatefold compare`; a cell is the mean over seeds. A scale below 1 plays
that share of each duration with one seed, and checks only that everything is played; at full scale the exit status says whether the targets
hold. --extra plays scenarios/extra instead. --update writes the tables into docs/scenarios.md.
"""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Baselines first; those that the tool does not know are left out, and so are the targets that need them.
POLICIES = ["static", "static+timeout", "static+same", "static(trace)", "idle-timeout", "default"]
EDGE, MOBILE, NNIC = "edge-16", "mobile-npu", "edge-nnic"
BEGIN, END = "<!-- suite -->", "<!-- end of suite -->"


def tool(arguments, *command):
    return subprocess.run([arguments.tool, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def known_policies(arguments):
    """What the tool names when it is asked for a policy that does not exist."""
    refusal = tool(arguments, "play", "none.yaml", "--policy", "?").stderr
    known = re.search(r"Policies: ([^\n]*)", refusal)
    names = [name.strip() for name in known[1].split(",")] if known else []
    return [policy for policy in POLICIES if policy in names]


def listed(text, key):
    match = re.search(rf"^{key}: \[([^\]]*)\]", text, re.M)
    return [item.strip() for item in match[1].split(",")] if match else []


def seconds(text):
    match = re.search(r"^duration: ([\d.]+) s$", text, re.M)
    return float(match[1])


def play(arguments, path, device, seed, policies):
    command = ["compare", str(path), "--device", device, "--seed", seed, "--policies", ",".join(policies), "--json", "-", "--quiet"]
    if arguments.scale < 1:
        command += ["--duration", f"{max(1.0, seconds(path.read_text()) * arguments.scale):.3f}s"]
    process = tool(arguments, *command)
    if process.returncode != 0:
        return None, f"{path.name} on {device}, seed {seed}: {process.stderr.strip()}"
    return json.loads(process.stdout)["policies"], None


class Cell:
    """One policy on one scenario and device: sums over seeds."""

    def __init__(self):
        self.energy = self.without_floor = self.bound = self.requests = self.missed = self.shed = self.waited = 0
        self.p99 = self.violated = self.layer = self.wait = 0.0

    def add(self, result):
        energy = result["energy_j"]
        self.energy += energy["total"]
        self.without_floor += energy["total"] - energy["floor"]
        self.bound += result["bound"]["energy_j"]
        self.waited += result["coalescing"]["waited"]
        self.wait += result["coalescing"]["wait_s"]
        self.requests += result["requests"]
        self.missed += result["deadline_misses"] + result["shed"]
        self.shed += result["shed"]
        self.p99 = max(self.p99, result["latency_s"]["p99"] or 0)
        self.violated = max(self.violated, result["power_cap"]["violated_most_s"])
        self.layer = max(self.layer, result["power_cap"]["layer_most_s"])


def play_all(arguments, paths, policies):
    jobs = []
    for path in paths:
        text = path.read_text()
        seeds = (listed(text, "seeds") or ["1"])[:arguments.seeds] if arguments.scale >= 1 else [str(arguments.seed)]
        jobs += [(path, device, seed) for device in listed(text, "devices") for seed in seeds]
    cells, errors = {}, []
    done = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        futures = {pool.submit(play, arguments, *job, policies): job for job in jobs}
        for future in concurrent.futures.as_completed(futures):
            path, device, _ = futures[future]
            results, error = future.result()
            errors += [error] if error else []
            for policy, result in zip(policies, results or ()):
                cells.setdefault((path.stem, device, policy), Cell()).add(result)
            done += 1
            if sys.stderr.isatty():
                print(f"\r{done} of {len(jobs)}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return cells, errors, len(jobs)


def table(cells, device, policies):
    """Energy over static in all and without floor, requests missed, the worst p99 of the seeds; the bound of what default served, over static, and
    default's energy over it; and how many requests waited under default, how long on average."""
    lines = [f"### {device}", "", "| scenario | requests | " + " | ".join(policies) + " | bound | waited |",
             "| --- | ---: |" + " --- |" * (len(policies) + 2)]
    for name in sorted({key[0] for key in cells if key[1] == device}):
        base = cells[name, device, "static"]
        row = [name, f"{base.requests}"]
        for policy in policies:
            cell = cells[name, device, policy]
            energy = f"{cell.energy:.4g} J" if policy == "static" else f"{cell.energy / base.energy:.3f} / {cell.without_floor / base.without_floor:.3f}"
            row.append(f"{energy}, {cell.missed} missed, {cell.p99 * 1e3:.3g} ms")
        own = cells[name, device, "default"]
        row += [f"{own.bound / base.energy:.3f}, x {own.energy / own.bound:.3f}",
                f"{own.waited}, {own.wait / own.waited * 1e3:.3g} ms" if own.waited else "0"]
        lines.append("| " + " | ".join(row) + " |")
    means = ["geometric mean of 1-12", ""]
    for policy in policies:
        mean = geometric_mean(cells, device, policy, "static")
        means.append(f"{mean:.3f}" if mean else "")
    distance = mean_distance(cells, device)
    means += [f"x {distance:.3f} (mean of all)" if distance else "", ""]
    lines += ["| " + " | ".join(means) + " |", ""]
    return lines


def geometric_mean(cells, device, policy, base):
    """Of the energies of scenarios 1 to 12; None unless all twelve were played."""
    ratios = [cells[name, device, policy].energy / cells[name, device, base].energy
              for name in sorted({key[0] for key in cells if key[1] == device}) if name[:2].isdigit() and int(name[:2]) <= 12]
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if len(ratios) == 12 else None


def mean_distance(cells, device):
    """Of default's energy to the bound, the geometric mean over all scenarios."""
    own = [cell for key, cell in cells.items() if key[1:] == (device, "default") and cell.bound > 0]
    return math.exp(sum(math.log(cell.energy / cell.bound) for cell in own) / len(own)) if own else None


def targets(cells, policies):
    """(target, holds, what was found)"""
    rows = []

    def cell(number, device, policy="default"):
        return next(value for key, value in cells.items() if int(key[0][:2]) == number and key[1:] == (device, policy))

    def ratio(number, device, base):
        return cell(number, device).energy / cell(number, device, base).energy

    def at_most(what, found, limit):
        rows.append((what, found <= limit, f"{found:.3f} (target {limit})"))

    for device in (EDGE, MOBILE):
        at_most(f"steady (1, 2) over static, {device}", max(ratio(n, device, "static") for n in (1, 2)), 1.005)
        at_most(f"geometric mean of 1-12 over static, {device}", geometric_mean(cells, device, "default", "static"), 0.97 if device == EDGE else 0.90)
        at_most(f"14 over static, {device}", ratio(14, device, "static"), 0.45 if device == EDGE else 1.01)
        if "static+same" in policies:
            at_most(f"13 over static+same, {device}", ratio(13, device, "static+same"), 0.93 if device == EDGE else 1.01)
        if "idle-timeout" in policies:
            at_most(f"geometric mean of 1-12 over idle-timeout, {device}", geometric_mean(cells, device, "default", "idle-timeout"),
                    0.5 if device == EDGE else 0.7)
        if "static(trace)" in policies:
            at_most(f"geometric mean of 1-12 over static(trace), {device}", geometric_mean(cells, device, "default", "static(trace)"), 1.01)
        at_most(f"mean distance to the bound, {device}", mean_distance(cells, device), 1.1)
    baselines = [policy for policy in ("static", "static+timeout") if policy in policies]
    worse, later = [], []
    for device in (EDGE, MOBILE, NNIC):
        for number in range(1, 17):
            own = cell(number, device)
            if own.energy > 1.01 * min(cell(number, device, policy).energy for policy in baselines):
                worse.append(f"{number} on {device}")
            if own.missed > min(cell(number, device, policy).missed for policy in baselines):
                later.append(f"{number} on {device}")
        for number in (9, 11):
            rows.append((f"{number}: nothing missed, {device}", cell(number, device).missed == 0, f"{cell(number, device).missed} missed"))
        capped = cell(10, device)
        rows.append((f"10: cap violated no longer than one layer, {device}", capped.violated <= capped.layer,
                     f"{capped.violated * 1e3:.3g} ms, longest layer {capped.layer * 1e3:.3g} ms"))
    rows.append((f"energy at most 1.01 x the better of {' and '.join(baselines)}", not worse, "above in " + ", ".join(worse) if worse else "everywhere"))
    rows.append(("misses at most theirs", not later, "above in " + ", ".join(later) if later else "everywhere"))
    return rows


def update(lines):
    path = ROOT / "docs/scenarios.md"
    text = path.read_text()
    head, rest = text.split(BEGIN)
    path.write_text(head + BEGIN + "\n\n" + "\n".join(lines).strip() + "\n\n" + END + rest.split(END)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", required=True)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--extra", action="store_true")
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    policies = known_policies(arguments)
    paths = sorted((ROOT / "scenarios" / ("extra" if arguments.extra else "")).glob("*.yaml"))
    if arguments.only:
        paths = [path for path in paths if path.name[:2] in arguments.only.split(",")]
    cells, errors, plays = play_all(arguments, paths, policies)
    for error in errors:
        print(error, file=sys.stderr)
    lines = [f"Seeds of each file that were played: {'all' if arguments.seeds is None else f'the first {arguments.seeds}'}.", ""]
    for device in sorted({key[1] for key in cells}):
        lines += table(cells, device, policies)
    full = arguments.scale >= 1 and not arguments.extra and not arguments.only and not errors
    rows = targets(cells, policies) if full else []
    if rows:
        lines += ["| target | holds | found |", "| --- | --- | --- |"]
        lines += [f"| {what} | {'yes' if holds else 'no'} | {found} |" for what, holds, found in rows]
    print("\n".join(lines))
    if arguments.update and full:
        update(lines)
    missed = [what for what, holds, _ in rows if not holds]
    print(f"figure: {len(paths)} scenarios, {plays * len(policies)} plays under {', '.join(policies)}, {len(errors)} not played"
          + (f"; {len(rows) - len(missed)} of {len(rows)} targets hold" if full else ""))
    return 1 if missed or errors else 0


if __name__ == "__main__":
    sys.exit(main())
