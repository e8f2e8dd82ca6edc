#!/usr/bin/python3
"""Gatefold's host against ONNX Runtime: the same networks, inputs and thread counts, alternating in one run.

  vs_onnxruntime.py --build DIR [--only NAME ..] [--threads 1,2] [--scale S] [--rates 1,10,50] [--packages DIR]

ONNX Runtime comes from the npm package onnxruntime-node, at a version that carries its library inside; it is fetched when
missing, with install scripts off. Both sides are processes of their own and take turns of a few requests, warmed up anew for each; a
request is the call of each side's own interface. What a network of one Relu costs is printed too: it is the share of the
interface, and is NOT taken off.

Prints, per network and thread count, p50 and p99 of both in milliseconds, their ratios (below 1: Gatefold is faster),
requests per second at saturation (one client) as a ratio; at each rate CPU seconds per request of Gatefold, of ONNX Runtime as
it comes and without spinning; peak memory less that of a process without the network. Ends with a figure line. Exit status:
0 every target holds or nothing could be compared (the last line says so), 1 a target is missed.
"""
import argparse
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy
    import onnx
    from onnx import numpy_helper
except ImportError as missing:
    print(f"NOT COMPARED: {missing} (python3-onnx)\nfigure: NOT COMPARED, {missing}")
    sys.exit(0)

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
VERSION = "1.30.0"  # carries the library for processors in the package; the expected outputs come from this version too
NETWORKS = ["mlperf_tiny_dscnn_kws_fp32", "mlperf_tiny_dscnn_kws_int8_qdq", "mlperf_tiny_mobilenetv1_vww96_fp32",
            "mlperf_tiny_mobilenetv1_vww96_int8_qdq", "mlperf_tiny_resnet8_cifar10_fp32", "mlperf_tiny_resnet8_cifar10_int8_qdq",
            "mlperf_tiny_autoencoder_toycar_fp32", "mlperf_tiny_autoencoder_toycar_int8_qdq", "imagenet_mobilenetv2_qdq_int8",
            "fastestdet_coco_352", "ultraface_rfb_320", "yunet_n_320", "espcn_bsd300_resize", "resnet50"]
P50_MEAN, P50_WORST, CPU_DEFAULT, CPU_NO_SPIN = 1.0, 1.2, 0.1, 1.0


def loudly_nothing(why):
    print(f"NOT COMPARED: {why}\nfigure: NOT COMPARED, {why}")
    sys.exit(0)


def fetch_package(folder, fetch):
    library = lambda: list(folder.glob("node_modules/onnxruntime-node/bin/napi-v*/linux/*/libonnxruntime.so*"))
    if not shutil.which("node") or not shutil.which("npm"):
        loudly_nothing("node and npm are not installed")
    if not library() and not fetch:
        loudly_nothing(f"onnxruntime-node is not in {folder}, and a test fetches nothing")
    if not library():
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder),
                               f"onnxruntime-node@{VERSION}"], capture_output=True, text=True)
        if done.returncode != 0:
            loudly_nothing(f"npm could not fetch onnxruntime-node {VERSION}: {done.stderr.strip().splitlines()[-1:]}")
    if not library():
        loudly_nothing(f"the package onnxruntime-node {VERSION} has no library for this machine")


def model_path(name):
    return DATA / "conformance" / "onnx-1.23-light" / "light_resnet50.onnx" if name == "resnet50" else DATA / "models" / name / "model.onnx"


def inputs_of(path, folder):
    """(name, array, raw file) of every network input: the recorded ones, or seeded values."""
    graph = onnx.load(str(path)).graph
    constants = {tensor.name for tensor in graph.initializer}
    result = []
    for i, value in enumerate(value for value in graph.input if value.name not in constants):
        recorded = path.parent / "test_data_set_0" / f"input_{i}.pb"
        if recorded.exists():
            array = numpy_helper.to_array(onnx.TensorProto.FromString(recorded.read_bytes()))
        else:
            shape = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
            array = numpy.random.default_rng(1).random(shape, dtype=numpy.float32)
        file = folder / f"input_{i}.bin"
        file.write_bytes(numpy.ascontiguousarray(array).tobytes())
        result.append((value.name, array, file))
    return result


class Side:
    def __init__(self, words):
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{' '.join(map(str, words[:3]))} did not start")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def run(self, count):
        return [float(word) for word in self.ask(f"run {count}").split()]

    def rate(self, rate, count):
        words = [float(word) for word in self.ask(f"rate {rate} {count}").split()]
        return words[0] / count

    def peak(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def identity_network(folder):
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 16])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 16])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "one", [x], [y])
    path = folder / "identity.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


class Comparison:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.serve = pathlib.Path(arguments.build) / "bench" / "host_serve"
        self.p50, self.saturation, self.cpu_default, self.cpu_no_spin, self.rss = [], [], [], [], []
        self.idle = None

    def sides(self, path, threads, spin="1"):
        inputs = inputs_of(path, self.folder)
        described = [f"{name}|{array.dtype}|{','.join(map(str, array.shape))}|{file}" for name, array, file in inputs]
        ours = Side([self.serve, path, threads, *(file for *_, file in inputs)])
        theirs = Side(["node", ROOT / "bench" / "ort_serve.js", path, threads, spin, self.arguments.packages, *described])
        return ours, theirs

    def same_output(self, ours, theirs):
        files = [self.folder / "ours.bin", self.folder / "theirs.bin"]
        for side, file in zip((ours, theirs), files):
            side.ask(f"output {file}")
        a, b = (file.read_bytes() for file in files)
        if a == b:
            return "same bits"
        x, y = (numpy.frombuffer(data, numpy.float32) for data in (a, b))
        if x.shape != y.shape:
            return "ANOTHER OUTPUT"
        return f"largest difference {float(numpy.max(numpy.abs(x - y))):.1e} of {float(numpy.max(numpy.abs(y))):.2g}"

    def alternate(self, ours, theirs):
        first = max(theirs.run(3)[-1], 1)
        turn = max(1, min(50, int(20e3 / first)))  # 20 ms a turn
        warm = max(1, int(150e3 / first))  # and 150 ms before it that do not count, for caches and for what each side thinks is free
        a, b = [], []
        for _ in range(max(3, round(40 * self.arguments.scale))):
            for side, latencies in ((ours, a), (theirs, b)):
                side.run(warm)
                latencies += side.run(turn)
        return a, b

    def compare(self, name, path, threads):
        ours, theirs = self.sides(path, threads)
        output = self.same_output(ours, theirs)
        a, b = self.alternate(ours, theirs)
        peaks = (ours.peak(), theirs.peak())
        self.idle = self.idle or peaks  # the first network is one Relu: what the processes take without one
        memory = [max(1.0, peak - idle) for peak, idle in zip(peaks, self.idle)]
        p50 = quantile(a, 0.5) / quantile(b, 0.5)
        p99 = quantile(a, 0.99) / quantile(b, 0.99)
        saturation = (len(a) / sum(a)) / (len(b) / sum(b))
        print(f"{name:40} {threads} thread(s)  p50 {quantile(a, 0.5) / 1e3:8.3f} / {quantile(b, 0.5) / 1e3:8.3f} ms = {p50:5.2f}   "
              f"p99 {quantile(a, 0.99) / 1e3:8.3f} / {quantile(b, 0.99) / 1e3:8.3f} ms = {p99:5.2f}   throughput x {saturation:5.2f}   "
              f"memory +{memory[0]:.0f} / +{memory[1]:.0f} MiB   {output}", flush=True)
        ours.close()
        theirs.close()
        return p50, saturation, memory[0] / memory[1]

    def rates(self, name, path):
        """CPU seconds per request at a given rate with all threads: ours, theirs as it comes, theirs without spinning."""
        for rate in self.arguments.rates:
            used = []
            for spin in ("1", "0"):
                ours, theirs = self.sides(path, 2, spin)
                count = max(3, round(rate * 5 * self.arguments.scale))
                if spin == "1":
                    used.append(ours.rate(rate, count))
                used.append(theirs.rate(rate, count))
                ours.close()
                theirs.close()
            if rate == 10:
                self.cpu_default.append(used[0] / used[1])
                self.cpu_no_spin.append(used[0] / used[2])
            print(f"{name:40} {rate:3} requests/s  CPU ms per request {used[0] * 1e3:8.3f}, ONNX Runtime {used[1] * 1e3:8.3f} "
                  f"(x {used[0] / used[1]:.3f}), without spinning {used[2] * 1e3:8.3f} (x {used[0] / used[2]:.3f})", flush=True)

    def all(self):
        print("Gatefold / ONNX Runtime; ratios below 1: Gatefold takes less")
        self.compare("(one Relu: the interfaces' share)", identity_network(self.folder), 1)
        for name in self.arguments.only or NETWORKS:
            path = model_path(name)
            if not path.exists():
                loudly_nothing(f"{path} is missing")
            for threads in self.arguments.threads:
                p50, saturation, rss = self.compare(name, path, threads)
                self.p50.append((p50, f"{name} at {threads}"))
                self.saturation.append(saturation)
                self.rss.append(rss)
            self.rates(name, path)
        return self.verdict()

    def verdict(self):
        mean = lambda values: math.exp(sum(map(math.log, values)) / len(values))
        p50 = [ratio for ratio, _ in self.p50]
        worst = max(self.p50)
        figures = [f"p50 x {mean(p50):.2f} (geometric mean of {len(p50)}), worst {worst[0]:.2f} ({worst[1]})",
                   f"throughput x {mean(self.saturation):.2f}", f"peak memory x {mean(self.rss):.2f}"]
        holds = mean(p50) <= P50_MEAN and worst[0] <= P50_WORST and mean(self.saturation) >= 1 and mean(self.rss) <= 1
        if self.cpu_default:
            figures.append(f"CPU at 10 requests/s x {mean(self.cpu_default):.3f} of its default, x {mean(self.cpu_no_spin):.2f} without spinning")
            holds = holds and mean(self.cpu_default) <= CPU_DEFAULT and mean(self.cpu_no_spin) <= CPU_NO_SPIN
        print("figure: " + "; ".join(figures))
        return 0 if holds else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(word) for word in text.split(",") if word]
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--rates", type=numbers, default=[1, 10, 50])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--packages", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.packages = (arguments.packages or pathlib.Path(arguments.build) / "onnxruntime-node").resolve()
    if not DATA.exists():
        loudly_nothing(f"{DATA} is missing")
    sample = arguments.scale < 0.1  # as in tests, which use no network: one network, one thread
    fetch_package(arguments.packages, not sample)
    if sample:
        arguments.only, arguments.threads, arguments.rates = arguments.only or NETWORKS[1:2], [1], [10]
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(Comparison(arguments, pathlib.Path(folder)).all())


main()
