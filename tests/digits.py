#!/usr/bin/env python3
"""Our own digits network on the modelled chip: digits.py TOOL.

Accuracy of both variants on the held-out part, and the outputs that models/digits/expected.json holds: int8 logits exactly,
float32 logits to the digits written there.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIGITS = ROOT / "models" / "digits"


def run(*words):
    done = subprocess.run([sys.argv[1], "run", *map(str, words), "--quiet", "--json", "-"], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"gatefold run {words}: status {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def main():
    expected = json.loads((DIGITS / "expected.json").read_text())
    figures = []
    for name, inputs in (("digits", "held_out_x_float32.npy"), ("digits-int8", "held_out_x_int8.npy")):
        model, wanted = DIGITS / f"{name}.onnx", expected[name]
        accuracy = run(model, "--input", DIGITS / inputs, "--labels", DIGITS / "held_out_y.npy")["accuracy"]
        if accuracy < 0.97:
            sys.exit(f"{name}: accuracy {accuracy:.4f}, wanted at least 0.97")
        for image, logits in sorted(wanted["images"].items()):
            output = run(model, "--image", DIGITS / "images" / image)["outputs"][0]
            for top in output["top"]:
                want, got = logits[top["index"]], top["value"]
                near = got == want if name == "digits-int8" else abs(got - want) <= 1e-3 * abs(want) + 1e-4
                if not near:
                    sys.exit(f"{name}, {image}: output {top['index']} is {got}, wanted {want}")
        figures.append(f"{name} {accuracy:.4f}")
    print(f"figure: accuracy on 360 held-out digits: {', '.join(figures)}; outputs of 10 images as written down")


if __name__ == "__main__":
    main()
