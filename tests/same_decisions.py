#!/usr/bin/env python3
"""The same inputs give the same decisions: same_decisions.py --tool TOOL [--scale S] [--seed N].

Seeded runs of networks, chips and policies with clusters occupied, slowed and given back are compared byte for byte: placements,
shifts, times, energies to the femtojoule, and every change of the chip's profile. Each run is compared

  with itself again;
  with its replay: the changes of conditions that its profile recorded are given to a new run as its events;
  at full scale, with the same run of tools built by g++ and clang++, for debugging and for release, in build/same-*.

Exit status: 0 all bytes equal, 1 some differ, or a tool cannot be built.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
NETWORKS = [ROOT / "models" / "digits" / "digits-int8.onnx", "zoo:ds-cnn", "zoo:resnet8", "zoo:toycar-ae"]
DEVICES = ["edge-nnic", "edge-16", "mobile-npu"]
POLICIES = ["ungated", "static", "static+timeout", "static+same", "idle-timeout", "seed-literal", "greedy", "regret", "work-function", "hindsight"]
OTHERS = [("g++", "Debug"), ("clang++", "Release"), ("clang++", "Debug")]  # the tool under test is g++, Release


def fail(text):
    print(text)
    sys.exit(1)


def run(tool, words, events, folder):
    """JSON and recorded profile of a run, as bytes."""
    profile = pathlib.Path(folder) / "profile.json"
    at = [word for time, event in events for word in ("--at", time, event)]
    done = subprocess.run([tool, "run", *map(str, words), *at, "--timing-only", "--quiet", "--json", "-", "--profile", profile], capture_output=True,
                          timeout=600)
    if done.returncode != 0:
        fail(f"gatefold run {' '.join(map(str, words + at))}: status {done.returncode}\n{done.stderr.decode()}")
    return done.stdout, profile.read_bytes()


def random_events(source, length, clusters):
    """Up to eight changes of random clusters, ascending in time."""
    events, occupied = [], set()
    for share in sorted(source.random() for _ in range(source.randint(2, 8))):
        cluster, time = source.randrange(min(clusters, 4)), f"{max(1, round(share * length * 1e9))}ns"
        if cluster in occupied:
            occupied.remove(cluster)
            events.append((time, f"release cluster {cluster}"))
        elif source.random() < 0.5 and len(occupied) < 2:
            occupied.add(cluster)
            events.append((time, f"occupy cluster {cluster}"))
        else:
            events.append((time, f"throttle cluster {cluster} {source.randint(1, 99)}%"))
    end = f"{round(length * 1e9) + 1}ns"
    return events + [(end, f"release cluster {cluster}") for cluster in sorted(occupied)]


def recorded_events(profile):
    """The events that a recorded profile tells of."""
    record = json.loads(profile)
    events, occupied = [], set()
    for delta in record["deltas"]:
        if "occupied" not in delta:
            continue
        cluster, time = delta["cluster"], f"{delta['at_cycles'] * 10**12 // record['clock_hz']}ps"
        if delta["occupied"] != (cluster in occupied):
            occupied ^= {cluster}
            events.append((time, f"{'occupy' if delta['occupied'] else 'release'} cluster {cluster}"))
        else:
            events.append((time, f"throttle cluster {cluster} {delta['percent']}%"))
    return events


def build(compiler, kind):
    folder = ROOT / "build" / f"same-{compiler.rstrip('+')}-{kind.lower()}"
    for command in (["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_BUILD_TYPE={kind}"],
                    ["cmake", "--build", folder, "--target", "gatefold_tool"]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            fail(f"{compiler}, {kind}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return folder / "gatefold"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tool, source = os.path.abspath(arguments.tool), random.Random(arguments.seed)
    others = [build(*other) for other in OTHERS] if arguments.scale >= 1 else []
    pairs = [(network, device) for network in NETWORKS for device in DEVICES]
    if arguments.scale < 1:
        pairs = source.sample(pairs, 2)
    runs, shifts, digest = 0, 0, hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        for network, device in pairs:
            alone = json.loads(run(tool, [network, "--device", device, "--policy", "static"], [], folder)[0])
            latency, clusters = alone["latency_s"]["max"], alone["clusters"]["count"]
            at = lambda share: f"{max(1, round(latency * share * 1e9))}ns"
            for policy in POLICIES:
                words = [network, "--device", device, "--policy", policy, "--requests", 12, "--every", at(2), "--deadline", at(1.5)]
                events = random_events(source, 20 * latency, clusters)
                first = run(tool, words, events, folder)
                for what, other in ([("run again", (tool, events)), ("replayed", (tool, recorded_events(first[1])))] +
                                    [(str(path.relative_to(ROOT)), (path, events)) for path in others]):
                    again = run(other[0], words, other[1], folder)
                    if again != first:
                        fail(f"{what}: gatefold run {' '.join(map(str, words))} with {events} gives other bytes")
                runs += 1
                counted = json.loads(first[0])["shifts"]
                shifts += counted["voluntary"] + counted["forced"]
                digest.update(first[0] + first[1])
    if shifts == 0:
        fail("no event made any layer shift: nothing was tested")
    built = f", and the same under {', '.join(f'{compiler} {kind}' for compiler, kind in OTHERS)}" if others else ""
    print(f"figure: {runs} runs under {len(POLICIES)} policies with {shifts} shifts, each the same bytes again and replayed{built}; sha256 "
          f"{digest.hexdigest()[:16]}")


if __name__ == "__main__":
    main()
