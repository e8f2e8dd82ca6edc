#!/usr/bin/env python3
"""Certificates of real networks: every one is accepted, every tampered one rejected: plans.py --tool TOOL [--scale S] [--seed N].

Plans each network of ../shared/data (and the project's own digits) on each shipped chip, for one request, for a period and for
a deadline, and checks the file. Then one number, placement or hash of it is changed, and check must refuse it and name an edge,
an option or the key. A scale below 1 takes a sample. Exit status: 0 the claim holds, 1 it does not.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
DEVICES = ["edge-16", "edge-nnic", "mobile-npu", "server-v5p"]
QUESTIONS = [[], ["--every", "33ms"], ["--every", "2s"]]


def networks():
    found = [ROOT / "models" / "digits" / "digits-int8.onnx"]
    found += sorted((DATA / "models").glob("*/model.onnx"))
    return found + sorted((DATA / "conformance" / "onnx-1.23-light").glob("light_*.onnx"))


class Plans:
    def __init__(self, arguments):
        self.tool, self.random = arguments.tool, random.Random(arguments.seed)
        self.accepted = self.rejected = self.exact = self.unplanned = 0
        self.faults = []

    def call(self, *words):
        return subprocess.run([self.tool, *map(str, words)], capture_output=True, text=True, timeout=600)

    def one(self, network, device, question, path):
        plan = self.call("plan", network, "--device", device, *question, "-o", path, "--quiet")
        if plan.returncode == 1:  # an operator it does not know, or weights or activations that do not fit
            self.unplanned += 1
            return
        case = f"{network.parent.name}/{network.name} on {device} {' '.join(question)}"
        checked = self.call("check", path)
        if plan.returncode != 0 or checked.returncode != 0:
            self.faults.append(f"{case}: plan {plan.returncode} {plan.stderr}, check {checked.returncode} {checked.stderr}")
            return
        self.accepted += 1
        original = json.loads(path.read_text())
        self.exact += original["bound"]["gap_fj"] == "0.000"
        for tamper in self.random.sample(TAMPERS, 3):
            changed = json.loads(path.read_text())
            if not tamper(changed, self.random) or changed == original:
                continue
            path.write_text(json.dumps(changed))
            refused = self.call("check", path)
            path.write_text(json.dumps(original))
            if refused.returncode == 1 and path.name in refused.stderr:
                self.rejected += 1
            else:
                self.faults.append(f"{case}: {tamper.__name__} is not rejected: {refused.returncode} {refused.stdout} {refused.stderr}")

    def deadline(self, network, device, path):
        """The same within half of what the free plan takes, if that can be."""
        free = self.call("run", network, "--device", device, "--policy", "static", "--timing-only", "--quiet", "--json", "-")
        if free.returncode == 0:
            latency = json.loads(free.stdout)["latency_s"]["max"]
            self.one(network, device, ["--deadline", f"{latency * 0.5 * 1e9:.0f}ns"], path)


def bumped(text, random):
    whole, fraction = text.split(".")
    return f"{int(whole) + random.choice([-1, 1])}.{fraction}"


def pick(lists, random):
    return random.choice([entry for entry in lists if entry])


def option_energy(plan, random):
    option = random.choice(random.choice(plan["options"]))
    option["energy_fj"] = bumped(option["energy_fj"], random)
    return True


def option_cycles(plan, random):
    random.choice(random.choice(plan["options"]))["cycles"] += random.choice([-1, 1])
    return True


def option_lost(plan, random):
    random.choice(plan["options"]).pop()
    return True


def potential(plan, random):
    row = random.choice(plan["potentials"])
    row[random.randrange(len(row))] += random.choice([-1, 1])
    return True


def arrival(plan, random):
    if not plan["arrivals"]:
        return False
    row = random.choice(plan["arrivals"])
    row[random.randrange(len(row))] += random.choice([-1, 1])
    return True


def cut_potential(plan, random):
    if not plan["cuts"]:
        return False
    row = random.choice(plan["cuts"])["potentials"]
    row[random.randrange(len(row))] += random.choice([-1, 1])
    return True


def placement(plan, random):
    step = random.choice(plan["plan"])
    step["first"] += 1
    return len(plan["plan"]) > 1


def step_energy(plan, random):
    step = random.choice(plan["plan"])
    step["energy_fj"] = bumped(step["energy_fj"], random)
    return True


def energy(plan, random):
    plan["energy_fj"] = bumped(plan["energy_fj"], random)
    return True


def bound(plan, random):
    plan["bound"]["energy_fj"] = bumped(plan["bound"]["energy_fj"], random)
    return True


def mean(plan, random):
    if plan["mean_aj"] is None:
        return False
    plan["mean_aj"] += random.choice([-1, 1])
    return True


def multiplier(plan, _):
    plan["time_price_aj_per_cycle"] += 1
    return True


def model_hash(plan, _):
    plan["model_hash"] = plan["model_hash"][::-1]
    return True


def device_hash(plan, _):
    plan["device"]["hash"] = plan["device"]["hash"][::-1]
    return True


TAMPERS = [option_energy, option_cycles, option_lost, potential, arrival, cut_potential, placement, step_energy, energy, bound, mean,
           multiplier, model_hash, device_hash]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.tool = os.path.abspath(arguments.tool)
    if not DATA.is_dir():
        print("NOT CHECKED: the folder with real networks, ../shared/data, is MISSING; only the project's own network is planned")
    plans = Plans(arguments)
    cases = [(network, device) for network in networks() for device in DEVICES]
    if arguments.scale < 1:
        cases = plans.random.sample(cases, min(len(cases), max(4, round(len(cases) * arguments.scale))))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "plan.json"
        for network, device in cases:
            for question in QUESTIONS:
                plans.one(network, device, question, path)
            plans.deadline(network, device, path)
    print("\n".join(plans.faults))
    print(f"figure: {plans.accepted} certificates accepted, {plans.exact} of them exact; {plans.rejected} tampered ones rejected; "
          f"{plans.unplanned} plans refused by name; {len(plans.faults)} faults")
    return 1 if plans.faults or plans.accepted == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
