#!/usr/bin/env python3
"""Real networks with real inputs and expected outputs, from ../shared/data beside the project.

  real.py CHECK --tool TOOL [--scale S] [--seed N]

CHECK is one of
  conformance  every network of the first group gives its expected outputs under every policy, with and without events,
               and integer networks give the same bits under all of them
  keyword      accuracy of the int8 keyword network on its labelled samples
  light        the full-size graphs run timing-only on server-v5p
  spilling     every network of the first group runs on edge-nnic, however large its activations, with its expected outputs
               under every policy and, if it is an integer network, the bits of a chip on which it fits; and so, timing-only, do
               the full-size graphs
  policies     the policies differ where they should
  steady       every first network and full-size graph on every shipped chip, timing-only: while nothing happens no run-time policy
               costs more than 0.5 % more than static
  throttled    the same with the busiest cluster throttled, and with it occupied, for half of the run: the default policy misses fewer
               deadlines than static or takes less energy, or does what static does; it never misses more, nor takes more than 1 % more energy,
               deadlines saved or not. Whoever is late serves what has piled up without pauses, and saves wakes by that: of energy, the
               higher of what static takes and what it takes undisturbed counts. Runs of 150 requests; of runs of 10, in which a single
               shift of all weights can cost more than 1 %, it is said how many do
  mutations    a real network with random bytes changed: no crash, no hang, bounded memory

A scale below 1 takes a sample of the networks, drawn with the seed. Without the data folder nothing is checked, and the
last line says so. Exit status: 0 the claim holds, 1 it does not.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
POLICIES = ["ungated", "static", "seed-literal", "greedy", "regret"]
RUN_TIME = ["greedy", "regret"]
INTEGER = ["mlperf_tiny_dscnn_kws_int8_qdq", "mlperf_tiny_resnet8_cifar10_int8_qdq", "mlperf_tiny_autoencoder_toycar_int8_qdq",
           "mlperf_tiny_mobilenetv1_vww96_int8_qdq", "imagenet_mobilenetv2_qdq_int8"]
FLOAT = ["mlperf_tiny_dscnn_kws_fp32", "mlperf_tiny_resnet8_cifar10_fp32", "mlperf_tiny_autoencoder_toycar_fp32",
         "mlperf_tiny_mobilenetv1_vww96_fp32", "mnist_cntk_opset8", "mnist_cnn_pytorch_opset16", "fastestdet_coco_352",
         "ultraface_rfb_320", "yunet_n_320", "espcn_bsd300_resize"]
LIGHT = ["bvlc_alexnet", "inception_v1", "resnet50", "shufflenet", "squeezenet", "vgg19"]


class Failed(Exception):
    pass


class Check:
    def __init__(self, arguments):
        self.tool, self.scale, self.random = arguments.tool, arguments.scale, random.Random(arguments.seed)

    def call(self, *words, timeout=300):
        return subprocess.run([self.tool, *map(str, words)], capture_output=True, text=True, timeout=timeout)

    def result(self, *words):
        """The JSON of a run or comparison that must succeed."""
        done = self.call(*words, "--quiet", "--json", "-")
        if done.returncode != 0:
            raise Failed(f"gatefold {' '.join(map(str, words))}: status {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    def sample(self, networks, least=2):
        if self.scale >= 1:
            return networks
        return self.random.sample(networks, min(len(networks), max(least, round(len(networks) * self.scale))))

    def events(self, network):
        """Cluster 0 is taken in the middle of the first request and given back before a second would end."""
        run = self.result("run", model(network), "--policy", "static", "--timing-only")
        latency = run["latency_s"]["max"]
        at = lambda share: f"{max(1, round(latency * share * 1e9))}ns"
        return ["--at", at(0.4), "occupy cluster 0", "--at", at(1.4), "release cluster 0"]

    def conformance(self):
        checked = shifts = 0
        networks = self.sample(INTEGER, 1) + self.sample(FLOAT, 1)
        for network in networks:
            events = self.events(network)
            bits = set()
            for policy in POLICIES:
                for extra in ([], events):
                    done = self.call("conformance", model(network).parent, "--policy", policy, "--strict", *extra)
                    if done.returncode != 0:
                        raise Failed(f"{network} under {policy} {extra}:\n{done.stdout}{done.stderr}")
                    inputs = [word for file in sorted(model(network).parent.glob("test_data_set_0/input_*.pb"))
                              for word in ("--input", file)]
                    run = self.result("run", model(network), "--policy", policy, *inputs, *extra)
                    bits.add(tuple(output["sha256"] for output in run["outputs"]))
                    shifts += run["shifts"]["voluntary"] + run["shifts"]["forced"]
                    checked += 1
            if network in INTEGER and len(bits) != 1:
                raise Failed(f"{network}: {len(bits)} different outputs over policies and events")
        if shifts == 0:
            raise Failed("no event made any layer shift: nothing was tested")
        return f"{len(networks)} networks, {checked} runs as expected, {shifts} shifts, integer outputs the same bits"

    def keyword(self):
        folder = DATA / "inputs" / "kws01"
        run = self.result("run", model("mlperf_tiny_dscnn_kws_int8_qdq"), "--input", folder / "x_int8_n_49_10_1.npy", "--labels",
                          folder / "y_int64.npy")
        wanted = 0.9025  # MANIFEST.md: ONNX Runtime on the same 667 samples
        if abs(run["accuracy"] - wanted) > 0.003:
            raise Failed(f"accuracy {run['accuracy']:.4f}, wanted {wanted} +- 0.003")
        return f"accuracy {run['accuracy']:.4f} on {run['requests']} samples (reference {wanted})"

    def light(self):
        slowest, figures = 0, []
        for name in LIGHT:
            file = light(name)
            run = self.result("run", file, "--timing-only", "--timings", "--device", "server-v5p")
            if run["completed"] != 1:
                raise Failed(f"{name}: {run['completed']} requests completed, wanted 1")
            slowest = max(slowest, run["wall_s"]["simulate"])
            figures.append(f"{name} {run['latency_s']['max'] * 1e6:.1f} us {run['energy_j']['total'] * 1e3:.2f} mJ")
        if self.scale >= 1 and slowest > 1e-3:
            raise Failed(f"the slowest event loop took {slowest * 1e6:.0f} us, wanted at most 1000 us")
        return f"{', '.join(figures)}; slowest event loop {slowest * 1e6:.0f} us"

    def spilling(self):
        networks = self.sample(INTEGER, 1) + self.sample(FLOAT, 1)
        spilled, largest, bytes_ = 0, "", 0
        for network in networks:
            inputs = [word for file in sorted(model(network).parent.glob("test_data_set_0/input_*.pb")) for word in ("--input", file)]
            small = self.result("run", model(network), "--device", "edge-nnic", *inputs)
            done = self.call("conformance", model(network).parent, "--device", "edge-nnic", "--strict")
            if done.returncode != 0:
                raise Failed(f"{network} on edge-nnic:\n{done.stdout}{done.stderr}")
            if network in INTEGER:
                runs = [self.result("run", model(network), "--device", "server-v5p", *inputs)]
                runs += [self.result("run", model(network), "--device", "edge-nnic", "--policy", policy, *inputs)
                         for policy in (POLICIES if small["spilled"] else [])]
                for run in runs:
                    if [o["sha256"] for o in run["outputs"]] != [o["sha256"] for o in small["outputs"]]:
                        raise Failed(f"{network}: other bits on {run['device']['name']} under {run['policy']} than on edge-nnic")
            elif small["spilled"]:
                for policy in POLICIES:
                    done = self.call("conformance", model(network).parent, "--device", "edge-nnic", "--policy", policy, "--strict")
                    if done.returncode != 0:
                        raise Failed(f"{network} under {policy} on edge-nnic:\n{done.stdout}{done.stderr}")
            spilled += bool(small["spilled"])
        graphs = LIGHT if self.scale >= 1 else ["vgg19"]
        for name in graphs:
            file = light(name)
            run = self.result("run", file, "--timing-only", "--device", "edge-nnic")
            if run["completed"] != 1:
                raise Failed(f"{name} on edge-nnic: {run['completed']} requests completed, wanted 1")
            if name == "vgg19" and not run["spilled"]:
                raise Failed("vgg19 on edge-nnic: no activation is spilled")
            if name == "vgg19":
                largest = f"vgg19 {run['latency_s']['max'] * 1e3:.0f} ms {run['energy_j']['total'] * 1e3:.1f} mJ"
                bytes_ = sum(tensor["bytes"] for tensor in run["spilled"])
            spilled += bool(run["spilled"])
        return (f"{len(networks)} networks with outputs and {len(graphs)} graphs timing-only run on edge-nnic, {spilled} of them spilling, "
                f"outputs as expected; {largest}, {bytes_ / 2**20:.1f} MiB spilled in all")

    def policies(self):
        least, saved = float("inf"), 0
        networks = self.sample(INTEGER + FLOAT, 2)
        for network in networks:
            steady = self.result("compare", model(network), "--timing-only", "--every", "100ms", "--requests", 10)
            energy = {run["policy"]: run["energy_j"]["total"] for run in steady["policies"]}
            least = min(least, energy["ungated"] / energy["static"])
            if energy["ungated"] < 1.05 * energy["static"]:
                raise Failed(f"{network}: ungated costs {energy['ungated'] / energy['static']:.3f} x static, wanted 1.05 or more")
            if any(run["shifts"]["voluntary"] + run["shifts"]["forced"] for run in steady["policies"]):
                raise Failed(f"{network}: a layer shifted though nothing happened")
            latency = self.result("run", model(network), "--policy", "static", "--timing-only")["latency_s"]["max"]
            events = ["--at", f"{round(latency * 2.4e9)}ns", "occupy cluster 0", "--at", f"{round(latency * 12e9)}ns", "release cluster 0"]
            taken = self.result("compare", model(network), "--timing-only", "--policies", "static,greedy", "--requests", 10, "--every",
                                f"{round(latency * 2e9)}ns", "--deadline", f"{round(latency * 1.9e9)}ns", *events)
            static, greedy = taken["policies"]
            shifted = greedy["shifts"]["voluntary"] + greedy["shifts"]["forced"]
            better = (greedy["deadline_misses"] < static["deadline_misses"] or greedy["energy_j"]["total"] < static["energy_j"]["total"])
            if not shifted or not better:
                raise Failed(f"{network}: greedy shifts {shifted} layers, misses {greedy['deadline_misses']} of static's "
                             f"{static['deadline_misses']}, {greedy['energy_j']['total'] / static['energy_j']['total']:.3f} x its energy")
            saved += static["deadline_misses"] - greedy["deadline_misses"]
        return f"{len(networks)} networks: ungated at least {least:.2f} x static; greedy misses {saved} deadlines fewer in all"

    def pairs(self):
        devices = [device["name"] for device in self.result("devices")["devices"]]
        return self.sample([(name, device) for name in INTEGER + FLOAT + LIGHT for device in devices], 3)

    def compared(self, name, device, *words):
        """Two policies of a comparison, timing-only; None where the chip is refused for the network."""
        words = ["compare", light(name) if name in LIGHT else model(name), "--device", device, "--timing-only", *words]
        done = self.call(*words, "--quiet", "--json", "-")
        if done.returncode == 1:
            print(f"{name} on {device} is refused: {done.stderr.strip()}")
            return None
        if done.returncode != 0:
            raise Failed(f"gatefold {' '.join(map(str, words))}: status {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)["policies"]

    def steady(self):
        worst, runs, refused = 0, 0, 0
        for name, device in self.pairs():
            policies = self.compared(name, device, "--policies", ",".join(["static", *RUN_TIME]), "--requests", 8)
            if policies is None:
                refused += 1
                continue
            runs += 1
            static = policies[0]["energy_j"]["total"]
            for policy in policies[1:]:
                ratio = policy["energy_j"]["total"] / static
                worst = max(worst, ratio)
                if ratio > 1.005:
                    raise Failed(f"{name} on {device}: {policy['policy']} costs {ratio:.4f} x static though nothing happens")
        return f"{runs} pairs of network and chip ({refused} refused), {len(RUN_TIME)} run-time policies: at most {worst:.4f} x static"

    def throttled(self):
        tallies = {150: Tally(), 10: Tally()}
        for name, device in self.pairs():
            alone = self.compared(name, device, "--policies", "static")
            if alone is None:
                continue
            latency, cluster = alone[0]["latency_s"]["p50"], busiest(alone[0])
            at = lambda share: f"{round(latency * share * 1e12)}ps"
            for begin, end in (("throttle cluster {} 50%", "recover cluster {}"), ("occupy cluster {}", "release cluster {}")):
                for requests, tally in tallies.items():
                    stream = ["--every", at(2), "--deadline", at(1.5), "--requests", requests]
                    undisturbed = self.compared(name, device, "--policies", "static", *stream)[0]
                    events = ["--at", at(2.4), begin.format(cluster), "--at", at(requests), end.format(cluster)]
                    static, default = self.compared(name, device, "--policies", "static,default", *stream, *events)
                    tally.add(f"{name} on {device}, {begin.split()[0]}, {requests} requests", static, default, undisturbed)
        long, short = tallies.values()
        if long.faults:
            raise Failed("\n".join(long.faults))
        return (f"{long.text()}; of {short.cases} runs of 10 requests {short.fewer} miss fewer, {short.cheaper} take less, "
                f"{len(short.dearer)} cost more than 1 % more ({short.unpaid} of them without missing fewer)")

    def mutations(self):
        original = model("mlperf_tiny_dscnn_kws_int8_qdq").read_bytes()
        count, refused, limit = max(10, round(1000 * self.scale)), 0, 1 << 30
        bound = lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "mutated.onnx"
            for case in range(count):
                file.write_bytes(self.mutated(original))
                done = subprocess.run([self.tool, "run", file, "--quiet"], capture_output=True, timeout=20, preexec_fn=bound)
                if done.returncode not in (0, 1) or (done.returncode == 1) != done.stderr.startswith(b"gatefold: error: "):
                    kept = ROOT / "build" / "mutated.onnx"
                    kept.write_bytes(file.read_bytes())
                    raise Failed(f"mutation {case}: status {done.returncode}, kept as {kept.relative_to(ROOT)}\n{done.stderr.decode()[-500:]}")
                refused += done.returncode == 1
        return f"{count} mutations within {limit >> 20} MiB of address space: {refused} refused, {count - refused} still a network, 0 crashes"

    def mutated(self, original):
        changed = bytearray(original)
        for _ in range(self.random.randint(1, 8)):
            kind, at = self.random.randrange(4), self.random.randrange(len(changed))
            if kind == 0:
                changed[at] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                changed[at] = self.random.randrange(256)
            elif kind == 2:
                del changed[at:at + self.random.randint(1, 16)]
            else:
                changed[at:at] = self.random.randbytes(self.random.randint(1, 16))
        return bytes(changed)


class Tally:
    """Comparisons of the default policy with static while something happens: figures, and the cases that break the claim."""

    def __init__(self):
        self.faults, self.dearer, self.worst = [], [], (0, "none")
        self.cases = self.fewer = self.cheaper = self.equal = self.neither = self.unpaid = 0

    def add(self, what, static, default, undisturbed):
        ratio = default["energy_j"]["total"] / max(static["energy_j"]["total"], undisturbed["energy_j"]["total"])
        missed, before = default["deadline_misses"] + default["shed"], static["deadline_misses"] + static["shed"]
        figures = f"{what}: {ratio:.4f} x the energy of static, {missed} of its {before} deadlines missed"
        self.cases += 1
        self.worst = max(self.worst, (ratio, what))
        self.fewer += missed < before
        self.cheaper += ratio < 1
        self.equal += missed == before and ratio == 1
        self.neither += missed == before and ratio > 1
        if ratio > 1.01:
            grown = {part: energy - static["energy_j"][part] for part, energy in default["energy_j"].items() if part != "total"}
            cause = max(grown, key=grown.get)
            self.dearer.append((ratio, figures))
            self.unpaid += missed >= before
            figures += (f"; {cause} grows most, by {grown[cause] / static['energy_j']['total']:.2%} of static's energy; "
                        f"{default['shifts']['voluntary']} voluntary and {default['shifts']['forced']} forced shifts")
            print(figures)
        if missed > before or ratio > 1.01:
            self.faults.append(figures)

    def text(self):
        worst = f"{self.worst[0]:.4f} x, {self.worst[1]}"
        return (f"{self.cases} runs: {self.fewer} miss fewer deadlines, {self.cheaper} take less energy, {self.equal} are equal, "
                f"{self.neither} miss as many and take more, 0 miss more; {len(self.dearer)} take more than 1 % more (worst: {worst})")


def busiest(run):
    """The cluster that holds the most layers."""
    return collections.Counter(re.match(r"clusters? (\d+)", layer["placement"])[1] for layer in run["layers"]).most_common(1)[0][0]


def light(name):
    return DATA / "conformance" / "onnx-1.23-light" / f"light_{name}.onnx"


def model(network):
    return DATA / "models" / network / "model.onnx"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=["conformance", "keyword", "light", "spilling", "policies", "steady", "throttled", "mutations"])
    parser.add_argument("--tool", required=True)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.tool = os.path.abspath(arguments.tool)
    if not DATA.is_dir():
        print(f"NOT CHECKED: the folder with real networks, ../shared/data, is MISSING; '{arguments.check}' needs it")
        print("figure: not checked, no data folder")
        return 0
    try:
        figure = getattr(Check(arguments), arguments.check)()
    except (Failed, subprocess.TimeoutExpired) as failure:
        print(failure)
        return 1
    print(f"figure: {figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
