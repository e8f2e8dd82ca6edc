#!/usr/bin/python3
"""What it costs to make a network ready on the host.

  host_load.py --build DIR [--scale S] time|memory

time    from the file's name to a network that can serve, its calibration kept from an earlier session, against reading the file's
        bytes and packing its weights: at most 1.5 x for every network. Both are the second time in a process (the first load of
        all also pays for the registry of ONNX schemas), medians of 15 processes in turn. Judged at --scale 1.
memory  the peak of a process that loads a network and serves a request: at most 1.5 x the file's size + 64 MiB.

The networks are those with the largest files that the host covers, and two of the zoo. Exit status 1: a target is missed.
"""
import argparse
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "models"
NETWORKS = ["imagenet_mobilenetv2_qdq_int8", "ultraface_rfb_320", "mlperf_tiny_autoencoder_toycar_fp32", "fastestdet_coco_352",
            "mlperf_tiny_mobilenetv1_vww96_fp32", "mlperf_tiny_mobilenetv1_vww96_int8_qdq"]
ZOO = ["resnet50-224", "mobilenet-v2-224"]
TIME_MAX, MEMORY_MAX, MEMORY_FIXED = 1.5, 1.5, 64 << 20


def measure(build, *words):
    done = subprocess.run([build / "tests" / "host" / "gatefold_host_load", *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{words}: {done.stderr.strip()}")
    return done.stdout.split(maxsplit=3)


def networks(build, folder):
    if not DATA.exists():
        print(f"{DATA} is MISSING: only networks of the zoo are measured")
    paths = [path for path in (DATA / name / "model.onnx" for name in NETWORKS) if path.exists()]
    for name in ZOO:
        paths.append(folder / f"{name}.onnx")
        subprocess.run([build / "gatefold", "zoo", name, "-o", paths[-1]], check=True, stdout=subprocess.DEVNULL)
    return paths


def label(path):
    return path.parent.name if path.name == "model.onnx" else path.stem


def time(build, folder, scale):
    ratios = []
    for path in networks(build, folder):
        measure(build, "session", path, folder)  # leaves the calibration there
        load, floor = [], []
        for _ in range(max(1, round(15 * scale))):
            first, again, _, calibration = measure(build, "session", path, folder)
            if not calibration.startswith("from "):
                sys.exit(f"{label(path)}: calibration was {calibration.strip()}")
            load.append((int(again), int(first)))
            floor.append(int(measure(build, "floor", path)[1]))
        first = statistics.median(first for _, first in load) / 1e6
        load, floor = statistics.median(again for again, _ in load) / 1e6, statistics.median(floor) / 1e6
        ratios.append((load / floor, label(path)))
        print(f"{label(path):40} {path.stat().st_size / 2**20:7.2f} MiB  load {load:8.2f} ms, reading and packing {floor:8.2f} ms: x {load / floor:.2f}; "
              f"the first of a process {first:.2f} ms")
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio, _ in ratios))
    print("figure: load time over reading and packing x {:.2f} (geometric mean of {}), worst {:.2f} ({})".format(mean, len(ratios), *max(ratios)))
    return scale >= 1 and max(ratios)[0] > TIME_MAX


def memory(build, folder, _):
    worst = (0, "")
    for path in networks(build, folder):
        _, _, peak, _ = measure(build, "session", path, folder)
        allowed = MEMORY_MAX * path.stat().st_size + MEMORY_FIXED
        worst = max(worst, (int(peak) / allowed, label(path)))
        print(f"{label(path):40} {path.stat().st_size / 2**20:7.2f} MiB  peak {int(peak) / 2**20:7.1f} of {allowed / 2**20:7.1f} MiB")
    print("figure: peak memory at most {:.2f} of what is allowed ({})".format(*worst))
    return worst[0] > 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["time", "memory"])
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build = arguments.build.resolve()
        sys.exit(int({"time": time, "memory": memory}[arguments.what](build, pathlib.Path(folder), arguments.scale)))


main()
