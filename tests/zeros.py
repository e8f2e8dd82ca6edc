#!/usr/bin/env python3
"""Networks on `edge-16` and on `edge-16-skip`, which is the same chip but for its zeros.

usage: zeros.py TOOL    (the digits network, and the int8 networks of ../shared/data where it lies beside the checkout)

The outputs are the same bits; no layer takes longer; a dot layer's computing costs at most its input's density, and 0.02, of what it costs on dense data.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOT = ("Conv", "Gemm", "MatMul")
SLACK = 0.02


def run(tool, model, device):
    process = subprocess.run([tool, "run", model, "--device", device, "--policy", "static", "--json", "-"], capture_output=True, text=True, timeout=600)
    if process.returncode != 0:
        sys.exit(f"{model} on {device}: {process.stderr}")
    return json.loads(process.stdout)


def main():
    tool = sys.argv[1]
    shared = ROOT.parent / "shared" / "data" / "models"
    models = [ROOT / "models" / "digits" / "digits-int8.onnx", *sorted(shared.glob("mlperf_tiny_*_int8_qdq/model.onnx"))]
    faults, layers, saved, cycles = [], 0, [], [0, 0]
    for model in models:
        dense, sparse = run(tool, str(model), "edge-16"), run(tool, str(model), "edge-16-skip")
        if dense["outputs"] != sparse["outputs"]:
            faults.append(f"{model}: other outputs")
        for before, after in zip(dense["layers"], sparse["layers"]):
            cycles[0] += before["cycles"]
            cycles[1] += after["cycles"]
            if after["cycles"] > before["cycles"]:
                faults.append(f"{model}: {after['name']} takes longer")
            if before["op"] not in DOT:
                continue
            layers += 1
            share = float(after["energy_fj"]["compute"]) / float(before["energy_fj"]["compute"])
            if share > after["density"] + SLACK:
                faults.append(f"{model}: {after['name']} computes for {share:.3f} of the energy at a density of {after['density']:.3f}")
        saved.append(float(sparse["energy_fj"]["compute"]) / float(dense["energy_fj"]["compute"]))
    print("\n".join(faults))
    print(f"figure: {len(models)} networks, {layers} dot layers, computing at {min(saved):.2f} to {max(saved):.2f} of dense, "
          f"cycles at {cycles[1] / cycles[0]:.3f}; {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
