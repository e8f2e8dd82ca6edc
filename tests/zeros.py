#!/usr/bin/env python3
"""Networks on `edge-16` and on `edge-16-skip`, which is the same chip but for its zeros.

usage: zeros.py TOOL    (the digits network, and the int8 networks of ../shared/data where it lies beside the checkout)

The outputs are the same bits; no layer takes longer; a dot layer's computing costs at most its input's density, and 0.02, of what it costs on dense data.
Energy falls with the density that was measured: over several inputs of each network, the slopes of its shares of the dense energy against the mean density of
the dot layers, by least squares with a level of its own for each network.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOT = ("Conv", "Gemm", "MatMul")
SLACK = 0.02
SEEDS = 4
PARTS = {"MAC": ("compute",), "dynamic": ("compute", "memory", "crossbar", "external"), "total": ("total",)}


def run(tool, model, device, given):
    command = [tool, "run", model, "--device", device, "--policy", "static", "--requests", "1", *given, "--json", "-"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if process.returncode != 0:
        sys.exit(f"{model} on {device}: {process.stderr}")
    return json.loads(process.stdout)


def inputs_of(model):
    """Options of the tool for several inputs: generated ones, and those that lie beside the network."""
    beside = sorted(model.parent.glob("test_data_set_*/input_0.pb")) or [model.parent / "held_out_x_int8.npy"]
    return [("--seed", str(seed)) for seed in range(1, SEEDS + 1)] + [("--input", str(path)) for path in beside]


def energy(result, parts):
    return sum(float(result["energy_fj"][part]) for part in parts)


def faults_of(name, dense, sparse):
    if dense["outputs"] != sparse["outputs"]:
        yield f"{name}: other outputs"
    for before, after in zip(dense["layers"], sparse["layers"]):
        if after["cycles"] > before["cycles"]:
            yield f"{name}: {after['name']} takes longer"
        if before["op"] in DOT and energy(after, ["compute"]) > energy(before, ["compute"]) * (after["density"] + SLACK):
            share = energy(after, ["compute"]) / energy(before, ["compute"])
            yield f"{name}: {after['name']} computes for {share:.3f} of the energy at a density of {after['density']:.3f}"


def measured_density(dense, sparse):
    """Of the dot layers' operands, by what they compute on dense data."""
    pairs = [(energy(before, ["compute"]), after["density"]) for before, after in zip(dense["layers"], sparse["layers"]) if before["op"] in DOT]
    return sum(weight * density for weight, density in pairs) / sum(weight for weight, _ in pairs)


def slope(networks, part):
    """Of a share of the dense energy against the measured density; `networks`: lists of (density, shares)."""
    products = squares = 0.0
    for runs in networks:
        mean_density = sum(density for density, _ in runs) / len(runs)
        mean_share = sum(shares[part] for _, shares in runs) / len(runs)
        products += sum((density - mean_density) * (shares[part] - mean_share) for density, shares in runs)
        squares += sum((density - mean_density) ** 2 for density, _ in runs)
    return products / squares


def main():
    tool = sys.argv[1]
    shared = ROOT.parent / "shared" / "data" / "models"
    models = [ROOT / "models" / "digits" / "digits-int8.onnx", *sorted(shared.glob("mlperf_tiny_*_int8_qdq/model.onnx"))]
    faults, layers, networks, cycles = [], 0, [], [0, 0]
    for model in models:
        networks.append([])
        for given in inputs_of(model):
            dense, sparse = (run(tool, str(model), device, given) for device in ("edge-16", "edge-16-skip"))
            faults += faults_of(f"{model} {given[1]}", dense, sparse)
            cycles[0] += sum(layer["cycles"] for layer in dense["layers"])
            cycles[1] += sum(layer["cycles"] for layer in sparse["layers"])
            shares = {part: energy(sparse, names) / energy(dense, names) for part, names in PARTS.items()}
            networks[-1].append((measured_density(dense, sparse), shares))
        layers += sum(layer["op"] in DOT for layer in dense["layers"])
    slopes = {part: slope(networks, part) for part in PARTS}
    faults += [f"{part} energy does not fall with density" for part, found in slopes.items() if found <= 0]
    runs = [point for network in networks for point in network]
    saved = [shares["MAC"] for _, shares in runs]
    densities = [density for density, _ in runs]
    print("\n".join(faults))
    print(f"figure: {len(models)} networks, {layers} dot layers, {len(runs)} runs at densities of {min(densities):.2f} to {max(densities):.2f}, computing at {min(saved):.2f} to "
          f"{max(saved):.2f} of dense, cycles at {cycles[1] / cycles[0]:.3f}; slopes against density: "
          + ", ".join(f"{part} {found:.2f}" for part, found in slopes.items()) + f"; {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
