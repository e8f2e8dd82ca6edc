#!/usr/bin/python3
"""The zoo's networks: zoo.py BUILD.

Their counts match the published ones, a file gives the same network back, activations look like those of trained networks
(the tests of tests/zoo); each file is read by the tool as zoo:NAME is, and by ONNX's own checker where python3-onnx is
installed. The figure lists parameters and multiply-accumulates, and how many of the pairs of network and chip run today;
pairs that do not are refused because they do not fit, and listed.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1])
TOOL = BUILD / "gatefold"
CHIPS = ["edge-16", "mobile-npu", "server-v5p"]

try:
    import onnx.checker as checker  # not `onnx` alone, which would also be the folder of this name beside this file
except ImportError:
    checker = None


def gatefold(*words):
    return subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, timeout=300)


def wanted(*words):
    done = gatefold(*words)
    if done.returncode != 0:
        sys.exit(f"gatefold {words}: status {done.returncode}\n{done.stderr}")
    return done.stdout


def check_file(name, macs, folder):
    path = folder / f"{name}.onnx"
    wanted("zoo", name, "-o", path)
    inspections = [json.loads(wanted("inspect", network, "--json", "-")) for network in (path, f"zoo:{name}")]
    if inspections[0] != inspections[1]:
        sys.exit(f"{name}: the file is not the network that zoo:{name} is")
    found = sum(layer["macs"] for layer in inspections[0]["layers"])
    if found != macs:
        sys.exit(f"{name}: found {found} MACs, want {macs}")
    if checker:
        checker.check_model(str(path), full_check=True)


def does_not_fit(name, chip):
    done = gatefold("run", f"zoo:{name}", "--device", chip, "--timing-only")
    if done.returncode == 0:
        return False
    if "does not fit" not in done.stderr:
        sys.exit(f"{name} on {chip}: status {done.returncode}\n{done.stderr}")
    return True


def main():
    tests = subprocess.run([BUILD / "tests" / "zoo" / "gatefold_zoo_networks_test"], capture_output=True, text=True, timeout=300)
    print(tests.stdout)
    if tests.returncode != 0:
        sys.exit("the tests of the zoo failed")
    networks = json.loads(wanted("zoo", "--json", "-"))["networks"]
    with tempfile.TemporaryDirectory() as folder:
        for network in networks:
            check_file(network["name"], network["macs"], pathlib.Path(folder))
    large = [f"{network['name']} on {chip}" for network in networks for chip in CHIPS if does_not_fit(network["name"], chip)]
    pairs = len(networks) * len(CHIPS)
    counts = ", ".join(f"{network['name']} {network['parameters']:,} / {network['macs']:,}" for network in networks)
    checked = "every file passes ONNX's checker" if checker else "without ONNX's checker (python3-onnx is missing)"
    print("do not fit: " + (", ".join(large) or "none"))
    print(f"figure: parameters / MACs {counts}; {checked}; {pairs - len(large)} of {pairs} pairs of network and chip run")


main()
