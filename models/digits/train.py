#!/usr/bin/python3
"""Trains the digits network and writes every file of this folder but README.md and itself.

What it makes: digits.onnx (float32), digits-int8.onnx (the same network, quantised after training), the held-out samples
as .npy, ten of them as .png, and expected.json with the outputs that tests compare against.

The split is by position: the last 360 of scikit-learn's 1,797 samples are held out. Neighbours in its file tend to share
a writer, so a shuffled split would show the network the hands it is tested on. The settings below were fixed before
the held-out part was first measured, and the weights are those of the last step: nothing was selected by that part.

The numbers of both networks are computed from the written files by a small interpreter (class Interpreter), not from
the trained module, so that what is exported is what is measured. It computes quantised layers in the integer contract:
    q = saturate(round_half_even(float32(acc) * scale) + zero_point),   scale = sx * sw / sy in float32, in that order,
with acc the int32 sum. Add and average pooling dequantise, compute in float32 and quantise.

Reproducible: one thread, fixed seeds, no clock. The same packages on the same kind of processor give the same bytes;
another processor may order float sums differently while training and so end in slightly different weights.

Data: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, licensed CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), in the copy of its
test set that scikit-learn ships. Changed here: grey levels 0..16 are scaled to 0..255.

Usage: train.py [-o FOLDER]    train, export, measure
       train.py --check        measure the files that are here against expected.json; needs no training packages
"""

import argparse
import json
import re
import struct
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HELD_OUT_COUNT = 360
GOLDEN_COUNT = 5       # held-out samples whose outputs are in expected.json, beside the ten images
SEED = 20
EPOCHS = 60
BATCH = 32
LEARNING_RATE = 4e-3   # peak of a one-cycle schedule
WEIGHT_DECAY = 1e-3
INPUT_SCALE = np.float32(1 / 255)   # with zero point -128 a pixel p is stored as p - 128
INPUT_ZERO_POINT = -128
OPSET = 13             # the first with quantisation per channel
IR_VERSION = 8


class Dot(NamedTuple):
    """A convolution with bias, then ReLU if `relu`. Padded so that stride 1 keeps the size."""
    name: str
    source: str
    ic: int
    oc: int
    kernel: int
    stride: int = 1
    group: int = 1
    relu: bool = True


CONVOLUTIONS = (
    Dot("conv1", "input", 1, 16, 3),
    Dot("conv2", "conv1", 16, 32, 3),
    Dot("depthwise3", "conv2", 32, 32, 3, stride=2, group=32),
    Dot("pointwise4", "depthwise3", 32, 64, 1),
    Dot("reduce5", "pointwise4", 64, 32, 1),
    Dot("expand6", "reduce5", 32, 64, 3, relu=False),
)
# Then: add7 = relu(pointwise4 + expand6), pool8 = mean over the image, dense9 = 64 -> 10, the logits.
DENSE = Dot("dense9", "pool8", 64, 10, 1, relu=False)


# ---- Data ----

def read_samples():
    """Pixels uint8 [1797, 1, 8, 8], labels int64 [1797], in scikit-learn's order."""
    from sklearn.datasets import load_digits
    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return pixels[:, None], digits.target.astype(np.int64)


def as_float(pixels):
    return pixels.astype(np.float32) / np.float32(255)


def as_int8(pixels):
    q = np.rint(as_float(pixels) / INPUT_SCALE) + INPUT_ZERO_POINT
    return np.clip(q, -128, 127).astype(np.int8)


# ---- Training ----

def train(pixels, labels):
    """Parameters {layer: (weights, bias)} as float32 arrays, batch normalisation folded in."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            for d in CONVOLUTIONS:
                conv = nn.Conv2d(d.ic, d.oc, d.kernel, d.stride, d.kernel // 2, groups=d.group, bias=False)
                self.add_module(d.name, nn.Sequential(conv, nn.BatchNorm2d(d.oc)))
            self.dense9 = nn.Linear(DENSE.ic, DENSE.oc)

        def forward(self, x):
            values = {"input": x}
            for d in CONVOLUTIONS:
                y = self.get_submodule(d.name)(values[d.source])
                values[d.name] = y.relu() if d.relu else y
            add7 = (values["pointwise4"] + values["expand6"]).relu()
            return self.dense9(add7.mean((2, 3)))

    def distorted(x):
        """Each image turned by up to 12 degrees, scaled by up to 10 % and moved by up to 0.8 pixels."""
        n = len(x)

        def uniform(limit):
            return (torch.rand(n) * 2 - 1) * limit

        angle, zoom = uniform(np.pi / 15), 1 + uniform(0.1)
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        rows = torch.stack([cos, -sin, uniform(0.2), sin, cos, uniform(0.2)], 1)  # 0.2 of half the width = 0.8 pixels
        grid = nn.functional.affine_grid(rows.view(n, 2, 3), list(x.shape), align_corners=False)
        return nn.functional.grid_sample(x, grid, align_corners=False)

    network = Network()
    x, y = torch.from_numpy(as_float(pixels)), torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=EPOCHS * steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for step in range(steps):
            chosen = order[step * BATCH:(step + 1) * BATCH]
            optimiser.zero_grad()
            loss_of(network(distorted(x[chosen])), y[chosen]).backward()
            optimiser.step()
            schedule.step()

    parameters = {}
    with torch.no_grad():
        for d in CONVOLUTIONS:
            conv, norm = network.get_submodule(d.name)
            gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            weights = conv.weight.double() * gain.view(-1, 1, 1, 1)
            bias = norm.bias.double() - norm.running_mean.double() * gain
            parameters[d.name] = (weights.float().numpy(), bias.float().numpy())
        parameters["dense9"] = (network.dense9.weight.numpy(), network.dense9.bias.numpy())
    return parameters


# ---- Export ----

def conv_attributes(d):
    p = d.kernel // 2
    return dict(kernel_shape=[d.kernel] * 2, strides=[d.stride] * 2, pads=[p] * 4, dilations=[1, 1], group=d.group)


def model_of(name, nodes, constants, element_type):
    image = helper.make_tensor_value_info("input", element_type, [1, 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", element_type, [1, 10])
    initializers = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, name, [image], [logits], initializers)
    model = helper.make_model(graph, producer_name="gatefold-digits", ir_version=IR_VERSION,
                              opset_imports=[helper.make_opsetid("", OPSET)])
    onnx.checker.check_model(model, full_check=True)
    return model


def float_model(parameters):
    """The float32 network. The value a layer stores carries the layer's name."""
    nodes, constants = [], {}

    def node(op, name, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name, **attributes))

    def parameters_of(name):
        constants[f"{name}.weight"], constants[f"{name}.bias"] = parameters[name]
        return [f"{name}.weight", f"{name}.bias"]

    for d in CONVOLUTIONS:
        result = f"{d.name}.sum" if d.relu else d.name
        node("Conv", d.name, [d.source, *parameters_of(d.name)], result, **conv_attributes(d))
        if d.relu:
            node("Relu", f"{d.name}.relu", [result], d.name)
    node("Add", "add7", ["pointwise4", "expand6"], "add7.sum")
    node("Relu", "add7.relu", ["add7.sum"], "add7")
    node("GlobalAveragePool", "pool8", ["add7"], "pool8")
    node("Flatten", "flatten8", ["pool8"], "flatten8", axis=1)
    node("Gemm", "dense9", ["flatten8", *parameters_of("dense9")], "logits", transB=1)
    return model_of("digits", nodes, constants, TensorProto.FLOAT)


def activation_parameters(low, high):
    """Scale and zero point of int8 that cover [low, high] and hold 0 exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / 255)
    return scale, np.int8(np.clip(np.rint(-128 - low / float(scale)), -128, 127))


def calibrated(values):
    """Scale and zero point per stored activation, from the smallest and largest value of the training part."""
    result = {"input": (INPUT_SCALE, np.int8(INPUT_ZERO_POINT))}
    for name in [d.name for d in CONVOLUTIONS] + ["add7", "pool8", "logits"]:
        result[name] = activation_parameters(float(values[name].min()), float(values[name].max()))
    # A power of two makes every product and sum of the pooling exact in float32, so its result cannot depend on
    # the order in which an implementation adds.
    result["add7"] = (np.float32(2.0 ** np.ceil(np.log2(result["add7"][0]))), result["add7"][1])
    return result


def int8_model(parameters, activations):
    """The quantised network in the Quantize/Dequantize form: int8 in, int8 between layers, int8 out. Weights are
    symmetric in [-127, 127] with one scale per output channel; biases are int32 at scale sx * sw."""
    nodes, constants = [], {}

    def node(op, name, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name, **attributes))
        return output

    def dequantised(stored, reader, quantised_as=None):
        origin = quantised_as or stored
        return node("DequantizeLinear", f"{stored}.for.{reader}", [stored, f"{origin}.scale", f"{origin}.zero_point"],
                    f"{stored}.real.{reader}")

    def quantised(value, name):
        constants[f"{name}.scale"], constants[f"{name}.zero_point"] = activations[name]
        node("QuantizeLinear", f"{name}.quantize", [value, f"{name}.scale", f"{name}.zero_point"], name)

    def parameter(name, values, scale, stored_type):
        limits = np.iinfo(stored_type)
        q = np.rint(values.astype(np.float64) / scale.astype(np.float64).reshape((-1,) + (1,) * (values.ndim - 1)))
        constants[name] = np.clip(q, -limits.max, limits.max).astype(stored_type)
        constants[f"{name}.scale"], constants[f"{name}.zero_point"] = scale, np.zeros(len(scale), stored_type)
        return node("DequantizeLinear", f"{name}.dequantize", [name, f"{name}.scale", f"{name}.zero_point"],
                    f"{name}.real", axis=0)

    def parameters_of(name, source):
        weights, bias = parameters[name]
        largest = np.abs(weights).reshape(len(weights), -1).max(1)
        sw = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
        return [parameter(f"{name}.weight", weights, sw, np.int8),
                parameter(f"{name}.bias", bias, activations[source][0] * sw, np.int32)]

    constants["input.scale"], constants["input.zero_point"] = activations["input"]
    for d in CONVOLUTIONS:
        x = dequantised(d.source, d.name)
        result = node("Conv", d.name, [x, *parameters_of(d.name, d.source)], f"{d.name}.sum", **conv_attributes(d))
        if d.relu:
            result = node("Relu", f"{d.name}.relu", [result], f"{d.name}.positive")
        quantised(result, d.name)
    total = node("Add", "add7", [dequantised("pointwise4", "add7"), dequantised("expand6", "add7")], "add7.sum")
    quantised(node("Relu", "add7.relu", [total], "add7.positive"), "add7")
    quantised(node("GlobalAveragePool", "pool8", [dequantised("add7", "pool8")], "pool8.mean"), "pool8")
    node("Flatten", "flatten8", ["pool8"], "flatten8", axis=1)
    x = dequantised("flatten8", "dense9", quantised_as="pool8")
    quantised(node("Gemm", "dense9", [x, *parameters_of("dense9", "pool8")], "dense9.sum", transB=1), "logits")
    return model_of("digits-int8", nodes, constants, TensorProto.INT8)


# ---- Measuring ----

class Quantised(NamedTuple):
    """A dequantised value whose stored integers are still at hand."""
    stored: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray

    def centred(self):
        return self.stored.astype(np.int64) - self.zero_point.astype(np.int64).reshape(self.per_axis())

    def real(self):
        return self.scale.reshape(self.per_axis()) * self.centred().astype(np.float32)

    def per_axis(self):
        return (-1,) + (1,) * (self.stored.ndim - 1) if self.scale.ndim else ()


class Sum(NamedTuple):
    """The int32 accumulators of a dot product, channels on axis 1, worth `scale` [oc] = sx * sw each."""
    accumulators: np.ndarray
    scale: np.ndarray


def real(value):
    return value.real() if isinstance(value, Quantised) else value


def convolved(x, w, stride, pad, group):
    """x [n, ic, ih, iw], w [oc, ic / group, k, k] -> [n, oc, oh, ow], in the type of its arguments."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    n, ic, oh, ow = windows.shape[:4]
    columns = windows.reshape(n, group, ic // group, oh, ow, -1)
    filters = w.reshape(group, w.shape[0] // group, ic // group, -1)
    return np.einsum("ngchwk,gock->ngohw", columns, filters, optimize=True).reshape(n, -1, oh, ow)


class Interpreter:
    """Runs the operators of the two networks on a whole batch. `values` keeps every tensor of the last run."""

    def __init__(self, path):
        self.graph = onnx.load(str(path)).graph
        self.constants = {i.name: numpy_helper.to_array(i) for i in self.graph.initializer}
        self.values = {}

    def run(self, x):
        self.values = dict(self.constants, input=x)
        for node in self.graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            inputs = [self.values[name] for name in node.input]
            self.values[node.output[0]] = getattr(self, node.op_type)(attributes, *inputs)
        return self.values["logits"]

    def DequantizeLinear(self, attributes, stored, scale, zero_point):
        return Quantised(stored, scale, zero_point)

    def QuantizeLinear(self, attributes, x, scale, zero_point):
        if isinstance(x, Sum):
            factor = (x.scale / scale).reshape((1, -1) + (1,) * (x.accumulators.ndim - 2))
            scaled = x.accumulators.astype(np.float32) * factor
        else:
            scaled = x / scale
        assert scaled.dtype == np.float32
        return np.clip(np.rint(scaled) + np.float32(zero_point), -128, 127).astype(np.int8)

    def dot(self, product, x, w, b, channels):
        """`product(x, w)` plus the bias: int32 sums where the operands are quantised, else float32."""
        if not isinstance(x, Quantised):
            return product(x, w) + b.reshape(channels)
        scale = x.scale * w.scale
        assert np.array_equal(scale, b.scale) and not w.zero_point.any() and not b.zero_point.any()
        total = product(x.centred(), w.centred()) + b.centred().reshape(channels)
        assert np.abs(total).max() < 2**31
        return Sum(total.astype(np.int32), scale)

    def Conv(self, attributes, x, w, b):
        stride, pad, group = attributes["strides"][0], attributes["pads"][0], attributes["group"]
        return self.dot(lambda x, w: convolved(x, w, stride, pad, group), x, w, b, (-1, 1, 1))

    def Gemm(self, attributes, x, w, b):
        return self.dot(lambda x, w: x @ w.T, x, w, b, (-1,))

    def Relu(self, attributes, x):
        return Sum(np.maximum(x.accumulators, 0), x.scale) if isinstance(x, Sum) else np.maximum(x, np.float32(0))

    def Add(self, attributes, a, b):
        return real(a) + real(b)

    def GlobalAveragePool(self, attributes, x):
        x = real(x)
        return x.sum((2, 3), keepdims=True, dtype=np.float32) / np.float32(x.shape[2] * x.shape[3])

    def Flatten(self, attributes, x):
        return x.reshape(len(x), -1)


def accuracy(logits, labels):
    return float((logits.argmax(1) == labels).mean())


def measured(folder):
    """The content of expected.json, computed from the files in `folder`."""
    labels = np.load(folder / "held_out_y.npy")
    result = {}
    for name, kind in (("digits", "float32"), ("digits-int8", "int8")):
        logits = Interpreter(folder / f"{name}.onnx").run(np.load(folder / f"held_out_x_{kind}.npy"))
        rows = logits.tolist() if kind == "int8" else [[float(f"{v:.6g}") for v in row] for row in logits]
        images = {f"digit-{digit}.png": rows[i] for digit, i in enumerate(first_of_each(labels))}
        result[name] = {
            "numerics": "integer" if kind == "int8" else "float32",
            "held_out_correct": int((logits.argmax(1) == labels).sum()),
            "held_out_count": len(labels),
            "held_out_accuracy": round(accuracy(logits, labels), 6),
            "held_out_first": rows[:GOLDEN_COUNT],
            "images": images,
        }
    return result


def agrees(got, want):
    """int8 values and counts must be equal; float32 values may differ by what another order of summation changes."""
    if isinstance(want, dict):
        return got.keys() == want.keys() and all(agrees(got[key], want[key]) for key in want)
    if isinstance(want, list):
        return len(got) == len(want) and all(map(agrees, got, want))
    return abs(got - want) <= 1e-3 * abs(want) + 1e-4 if isinstance(want, float) else got == want


# ---- Files ----

def first_of_each(labels):
    """The position of the first sample of each digit."""
    return [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]


def png_of(pixels):
    """An 8-bit greyscale PNG of uint8 [h, w]."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)   # 0: the row is not filtered
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def json_of(expected):
    """JSON with every row of logits on one line."""
    rows = re.compile(r"\[[^\[\]{}]*\]")
    return rows.sub(lambda row: "[" + " ".join(row[0][1:-1].split()) + "]", json.dumps(expected, indent=1)) + "\n"


def write_all(folder):
    pixels, labels = read_samples()
    known, held_out = slice(0, -HELD_OUT_COUNT), slice(-HELD_OUT_COUNT, None)
    parameters = train(pixels[known], labels[known])
    (folder / "images").mkdir(parents=True, exist_ok=True)
    onnx.save(float_model(parameters), str(folder / "digits.onnx"))
    reference = Interpreter(folder / "digits.onnx")
    reference.run(as_float(pixels[known]))
    onnx.save(int8_model(parameters, calibrated(reference.values)), str(folder / "digits-int8.onnx"))

    np.save(folder / "held_out_x_float32.npy", as_float(pixels[held_out]))
    np.save(folder / "held_out_x_int8.npy", as_int8(pixels[held_out]))
    np.save(folder / "held_out_y.npy", labels[held_out])
    for digit, i in enumerate(first_of_each(labels[held_out])):
        (folder / "images" / f"digit-{digit}.png").write_bytes(png_of(pixels[held_out][i, 0]))
    (folder / "expected.json").write_text(json_of(measured(folder)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent, help="folder to write to")
    parser.add_argument("--check", action="store_true", help="train nothing: measure the folder's files")
    arguments = parser.parse_args()
    folder = arguments.output
    if not arguments.check:
        write_all(folder)
    got, want = measured(folder), json.loads((folder / "expected.json").read_text())
    for name, figures in got.items():
        print(f"{name}: {figures['held_out_correct']} of {figures['held_out_count']} held-out samples right "
              f"({figures['held_out_accuracy']:.2%})")
    if not agrees(got, want):
        print("expected.json disagrees with what the networks give", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
