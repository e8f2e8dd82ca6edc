#!/usr/bin/env python3
"""Runs the command-line tool as a user does: help, exit statuses, refusals, and one small network from file to result.

usage: cli.py TOOL    (Python's standard library only; the network is written here, byte by byte, as ONNX's protobuf)
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

TOOL = ""
FAILURES = []


def gatefold(*arguments):
    return subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def expect(condition, what, process):
    if not condition:
        FAILURES.append(what)
        print(f"FAILED {what}\n  status {process.returncode}\n  stdout {process.stdout[-500:]!r}\n  stderr {process.stderr[-500:]!r}")


# ---- A one-layer network: y = relu(conv(x)), x [1, 1, 4, 4], weights [2, 1, 3, 3]. ----


def varint(number):
    out = b""
    while True:
        out += bytes([number & 127 | (128 if number > 127 else 0)])
        number >>= 7
        if not number:
            return out


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, dims, values):
    return b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name) + field(9, struct.pack(f"<{len(values)}f", *values))


def value_info(name, dims):
    extents = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, extents)))


def network(batch=1):
    conv = field(1, "x") + field(1, "w") + field(2, "c") + field(3, "conv1") + field(4, "Conv")
    relu = field(1, "c") + field(2, "y") + field(3, "relu1") + field(4, "Relu")
    graph = (field(1, conv) + field(1, relu) + field(2, "g") + field(5, tensor("w", [2, 1, 3, 3], [0.1 * i for i in range(18)]))
             + field(11, value_info("x", [batch, 1, 4, 4])) + field(12, value_info("y", [batch, 2, 2, 2])))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def npy(dims, values, descr="<f4", code="f"):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n" % (descr, "".join(f"{d}," for d in dims))
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}{code}", *values)


def png(width, height, level, claimed=None):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = claimed or (width, height)
    rows = b"".join(b"\0" + bytes([level]) * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


# ---- What is tested. ----


def help_and_version():
    top = gatefold("--help")
    expect(top.returncode == 0, "--help exits 0", top)
    for command in ("run", "compare", "inspect", "zoo", "devices", "plan", "check", "conformance", "play"):
        expect(command in top.stdout, f"--help names {command}", top)
        own = gatefold(command, "--help")
        expect(own.returncode == 0 and f"gatefold {command}" in own.stdout and "Example" in own.stdout, f"{command} --help has examples", own)
    version = gatefold("--version")
    expect(version.returncode == 0 and version.stdout.startswith("gatefold "), "--version", version)


def usage_errors():
    run = ["run", "net.onnx"]
    cases = [
        ([], "command"), (["fly"], "fly"), (["run"], "MODEL"), (["--colour"], "colour"), (["play"], "SCENARIO"), (["play", "s.yaml", "--device", "host"], "host"), (["play", "s.yaml", "--requests", "3"], "requests"),
        (["play", "s.yaml", "--duration", "5"], "5"), (["play", "s.yaml", "--policy", "gredy"], "greedy"), (["play", "s.yaml", "--seed", "x"], "seed"),
        (["compare", "s.yaml", "--requests", "3"], "--requests: is for a network"), (["compare", "s.yaml", "--deadline", "3ms"], "--deadline"),
        (["compare", "net.onnx", "--duration", "3s"], "is for a scenario file"), (["plan"], "MODEL"),
        (["plan", "net.onnx", "--every", "0s"], "more than nothing"), (["check"], "PLAN"), (["zoo", "resnet8"], "-o FILE.onnx"), (["zoo", "-o", "z.onnx"], "NAME"), (["zoo", "resnet8", "-o"], "-o"),
        (["zoo", "--seed", "2"], "NAME"),
        (["zoo", "resnet8", "-o", "z.onnx", "--json", "-"], "excludes"), (["zoo", "resnet8", "-o", "z.onnx", "--quiet"], "excludes"),
        (run + ["--policy", "gredy"], "did you mean 'greedy'"), (run + ["--policy", "planned"], "unknown policy"), (run + ["--policy"], "--policy"),
        (run + ["--numerics", "tflite"], "tflite"), (run + ["--deadline", "33"], "33"), (run + ["--deadline", "-1ms"], "-1ms"),
        (run + ["--deadline", "0ms"], "more than nothing"), (run + ["--requests", "0"], "0"), (run + ["--requests", "-3"], "-3"),
        (run + ["--requests", "many"], "many"), (run + ["--requests", "2000000000"], "2000000000"), (run + ["--every", "1 parsec"], "parsec"),
        (run + ["--rate", "0"], "'0'"), (run + ["--rate", "fast"], "fast"), (run + ["--rate", "5 m"], "5 m"),
        (run + ["--rate", "5", "--every", "1ms"], "excludes"), (run + ["--image", "a.png", "--input", "x.npy"], "excludes"),
        (run + ["--labels", "y.npy", "--timing-only"], "excludes"), (run + ["--dim", "batch"], "NAME=N"), (run + ["--dim", "=3"], "NAME=N"),
        (run + ["--dim", "batch=0"], "NAME=N"), (run + ["--dim", "batch=-1"], "NAME=N"), (run + ["--dim", "b=1", "--dim", "b=2"], "twice"),
        (run + ["--seed", "-1"], "seed"), (run + ["--seed", "x"], "seed"), (run + ["--at", "1ms"], "--at"),
        (run + ["--at", "1ms", "cap power 1W"], "not built"),
        (run + ["--cores", "4"], "cores"), (run + ["--why"], "--why"), (["compare", "net.onnx", "--why", "conv1"], "why"), (run + ["extra"], "extra"),
        (["inspect", "net.onnx", "--graph", "g.svg"], "graph"), (["inspect", "net.onnx", "--options"], "options"),
        (["inspect", "net.onnx", "--device", "edge-nnic"], "--options"),
        (["compare", "net.onnx", "--policies", "static,nope"], "unknown policy 'nope'"), (["devices", "list"], "list"), (["devices", "show"], "NAME"),
        (["conformance"], "DIR"),
    ]
    for arguments, word in cases:
        process = gatefold(*arguments)
        expect(process.returncode == 2 and word in process.stderr and not process.stdout, f"usage: {arguments}", process)


def input_errors():
    write("empty.onnx", b"")
    write("text.onnx", b"this is not a network")
    write("cut.onnx", network()[:-30])
    write("short.npy", npy([1, 1, 4, 4], [0.0] * 15))
    write("int8.npy", npy([1, 1, 4, 4], [0] * 16, "|i1", "b"))
    write("rank.npy", npy([4, 4], [0.0] * 16))
    write("wide.npy", npy([1, 1, 4, 5], [0.0] * 20))
    write("x.txt", b"1 2 3")
    write("broken.pb", b"\xff\xff\xff")
    write("broken.png", png(4, 4, 0)[:40])
    write("huge.png", png(4, 4, 0, claimed=(9000, 9000)))
    write("labels3.npy", npy([3], [0, 0, 0], "<i8", "q"))
    write("labelsf.npy", npy([1], [0.0]))
    write("bad.yaml", b"name: [")
    os.makedirs("nothing", exist_ok=True)
    run = ["run", "net.onnx"]
    cases = [
        (["run", "missing.onnx"], "missing.onnx"), (["run", "nothing"], "nothing"), (["run", "empty.onnx"], "empty"), (["run", "text.onnx"], "text"),
        (["run", "cut.onnx"], "cut"), (["inspect", "text.onnx"], "text"), (["compare", "missing.onnx"], "missing.onnx"),
        (run + ["--input", "missing.npy"], "missing.npy"), (run + ["--input", "short.npy"], "takes 64 bytes, found 60"),
        (run + ["--input", "int8.npy"], "found int8"), (run + ["--input", "rank.npy"], "[4, 4]"), (run + ["--input", "wide.npy"], "[1, 1, 4, 5]"),
        (run + ["--input", "x.txt"], "want an .npy array"), (run + ["--input", "broken.pb"], "broken.pb"),
        (run + ["--input", "x3.npy", "--input", "x3.npy"], "found 2 input files, want 1"), (run + ["--image", "missing.png"], "missing.png"),
        (run + ["--image", "x.txt"], "not a PNG or JPEG"), (run + ["--image", "broken.png"], "broken.png"), (run + ["--image", "huge.png"], "at most"),
        (run + ["--labels", "labels3.npy"], "found 3 labels"), (run + ["--labels", "labelsf.npy"], "want integers"),
        (run + ["--labels", "missing.npy"], "missing.npy"), (run + ["--device", "edge-nnik"], "edge-nnic"), (run + ["--device", "./no.yaml"], "no.yaml"),
        (run + ["--device", "bad.yaml"], "bad.yaml"), (run + ["--dim", "batch=2"], "batch"), (run + ["--at", "1ms", "occupy cluster 99"], "no cluster 99"),
        (run + ["--why", "conv2"], "did you mean 'conv1'"), (run + ["--at", "1ms", "explode"], "want occupy"), (run + ["--at", "soon", "occupy cluster 0"], "soon"),
        (run + ["--at", "1ms", "throttle cluster 1 0%"], "1% to 100%"), (run + ["--at", "1ms", "fail core 0.9"], "no core 0.9"),
        (run + ["--at", "1ms", "fail bank 1.2"], "CLUSTER.CORE.BANK"), (run + ["--at", "1ms", "occupy core 0.1"], "only fail and recover"),
        (run + ["--at", "1ms", "recover core 0.1"], "the core is not failed"),
        (run + ["--at", "1ms", "fail cluster 1", "--at", "2ms", "fail cluster 1"], "failed already"), (run + ["--at", "1ms", "release cluster 0"], "not occupied"), (run + ["--json", "no/such/folder/r.json"], "no/such/folder"),
        (["zoo", "resnet9", "-o", "z.onnx"], "did you mean 'resnet8'"), (["run", "zoo:ds-cn"], "did you mean 'ds-cnn'"), (["compare", "zoo:"], "Networks:"),
        (["inspect", "zoo:x"], "Networks:"), (["zoo", "ds-cnn", "-o", "no/such/folder/z.onnx"], "no/such/folder"),
        (["devices", "show", "edge-nnik"], "edge-nnic"), (["conformance", "missing"], "not a folder"), (["conformance", "nothing"], "found no case"),
    ]
    for arguments, word in cases:
        process = gatefold(*arguments)
        expect(process.returncode == 1 and process.stderr.startswith("gatefold: error: ") and word in process.stderr, f"input: {arguments}", process)
    expect(not os.path.exists("z.onnx"), "a refused network leaves no file", process)
    expect(not os.path.exists("no"), "a failed --json leaves nothing behind", process)


def one_run():
    table = gatefold("run", "net.onnx")
    expect(table.returncode == 0 and "edge-nnic (default" in table.stdout and "asked for as default" in table.stdout
           and "seeded uniform values" in table.stdout, "run says what it chose", table)
    first, second = gatefold("run", "net.onnx", "--json", "-"), gatefold("run", "net.onnx", "--json", "-")
    expect(first.returncode == 0 and first.stdout == second.stdout, "the same inputs give the same bytes", first)
    result = json.loads(first.stdout or "{}")
    expect(result.get("completed") == 1 and result.get("numerics") == "float32" and "wall_s" not in result, "one request completes", first)
    parts = result.get("energy_fj", {"total": "-1"})
    femtojoules = {key: int(text.replace(".", "")) for key, text in parts.items()}
    expect(femtojoules.pop("total") == sum(femtojoules.values()), "energy parts sum to the total exactly", first)
    other = gatefold("run", "net.onnx", "--seed", "2", "--json", "-")
    expect(json.loads(other.stdout or "{}").get("outputs") != result.get("outputs"), "another seed gives other inputs", other)
    timed = gatefold("run", "net.onnx", "--timings", "--json", "-")
    timed_result = json.loads(timed.stdout or "{}")
    decision = timed_result.get("decision_ns", {})
    expect("wall_s" in timed_result and "decision_ns" not in result, "--timings adds wall_s and decision_ns", timed)
    expect(None not in (decision.get("p50"), decision.get("p99")) and decision["p50"] <= decision["p99"], "--timings measures decisions", timed)
    quick = gatefold("run", "net.onnx", "--timing-only", "--json", "-")
    quick_result = json.loads(quick.stdout or "{}")
    expect(quick_result.get("outputs") == [] and quick_result.get("energy_fj") == result.get("energy_fj"), "--timing-only costs the same", quick)


def exact(text):
    return int(text.replace(".", ""))


def breakdown_and_profile():
    events = ["--at", "1us", "occupy cluster 1", "--at", "2us", "release cluster 1", "--at", "3us", "throttle cluster 1 50%"]
    process = gatefold("run", "net.onnx", "--breakdown", "--profile", "p.json", "--json", "r.json", "--requests", "2", "--device", "edge-16-skip", *events)
    expect(process.returncode == 0 and "between layers" in process.stdout and "no cluster" in process.stdout, "--breakdown adds two tables", process)
    with open("r.json") as file:
        result = json.load(file)
    total = exact(result["energy_fj"]["total"])
    rows = [layer["energy_fj"] for layer in result["layers"]] + [result["between_layers_energy_fj"]]
    expect(sum(exact(row["total"]) for row in rows) == total, "energy by layer sums to the total exactly", process)
    clusters = result["clusters"]["energy_fj"] + [result["chip_energy_fj"]]
    expect(len(clusters) == 17 and sum(exact(row["total"]) for row in clusters) == total, "energy by cluster sums to the total exactly", process)
    for part in result["energy_fj"]:
        expect(sum(exact(row[part]) for row in rows) == sum(exact(row[part]) for row in clusters) == exact(result["energy_fj"][part]),
               f"both tables hold all of {part}", process)
    expect(0 < result["layers"][0]["density"] <= 1 and result["layers"][0]["skipped_dot_products"] >= 0, "a chip that skips says the density", process)
    kinds = result["gating"]["elements"]
    expect(sum(kind["wakes"] for kind in kinds.values()) == result["gating"]["wakes"], "wakes by kind are all wakes", process)

    with open("p.json") as file:
        deltas = json.load(file)["deltas"]
    occupied, percent, uses = {}, {}, 0  # replayed in order
    for delta in deltas:
        if "cluster" in delta:
            occupied[delta["cluster"]], percent[delta["cluster"]] = delta["occupied"], delta["percent"]
        else:
            uses += delta["useful_dot_products"]
    expect([d["version"] for d in deltas if "cluster" in d] == [1, 2, 3] and occupied == {1: False} and percent == {1: 50},
           "the profile's deltas replay the events", process)
    # 2 requests of 4 positions x 2 filters, one chunk each.
    expect(uses == 2 * 4 * 2, "and count what was used", process)

    given = gatefold("run", "net.onnx", "--timing-only", "--density", "0.25", "--device", "edge-16-skip", "--json", "-")
    guess = json.loads(given.stdout or "{}")
    expect(guess.get("layers", [{}])[0].get("density") == 0.25 and any("zeros were not counted" in note for note in guess.get("notes", [])),
           "--density assumes one without data", given)
    expect(gatefold("run", "net.onnx", "--density", "0.5").returncode == 2, "--density needs --timing-only", given)


def why():
    """Cluster 0, where the layer lies, is taken before the second request and given back before the fourth."""
    events = ["--device", "edge-nnic", "--requests", "4", "--every", "100us", "--at", "50us", "occupy cluster 0", "--at", "250us", "release cluster 0"]
    asked = gatefold("run", "net.onnx", "--why", "conv1", *events, "--json", "-")
    result = json.loads(asked.stdout or "{}")
    decisions = result.get("why", [])
    expect(asked.returncode == 0 and len(decisions) >= 3 and sum(1 + d["alike"] for d in decisions) == 4, "--why tells every decision once", asked)
    for decision in decisions:
        options = decision["options"]
        taken = [o for o in options if o["standing"] == "chosen"]
        expect(len(taken) == 1 and taken[0]["placement"] == decision["chosen"] and taken[0]["dearer_j"] == 0, "one option is chosen", asked)
        for option in options:
            cost = dict(option["cost_j"])
            expect(abs(cost.pop("total") - sum(cost.values())) < 1e-18, "the terms are the cost", asked)
        cheaper = [o for o in options if o["dearer_j"] < 0]
        expect(not cheaper or all(o["standing"] == "occupied" for o in cheaper), "nothing cheaper was passed over", asked)
    moved = [d for d in decisions if d["shift"]]
    expect(len(moved) == 1 and moved[0]["request"] == 1 and moved[0]["forced"] and moved[0]["home"].startswith("cluster 0,"), "the shift is told", asked)
    home = [o for o in moved[0]["options"] if o["placement"] == moved[0]["home"]] if moved else []
    expect(home and home[0]["standing"] == "occupied", "and what excluded the home", asked)
    plain = json.loads(gatefold("run", "net.onnx", *events, "--json", "-").stdout)
    result.pop("why")
    expect(plain == result, "--why changes nothing else", asked)
    table = gatefold("run", "net.onnx", "--why", "0", *events)
    expect(table.returncode == 0 and "occupied; costs" in table.stdout and "forced" in table.stdout and "(home)" in table.stdout, "--why as a table", table)
    expect(gatefold("run", "net.onnx", "--device", "host", "--why", "conv1").returncode == 2, "--why is of modelled chips", table)


def files_in_and_out():
    many = gatefold("run", "net.onnx", "--input", "x3.npy", "--json", "r.json", "--quiet")
    expect(many.returncode == 0 and many.stdout == "" and many.stderr == "", "--quiet prints nothing", many)
    with open("r.json") as file:
        result = json.load(file)
    expect(result["completed"] == 3 and result["input"] == "x3.npy: 3 requests", "a leading dimension of 3 is three requests", many)
    one = gatefold("run", "net.onnx", "--input", "x3.npy", "--requests", "1", "--json", "-")
    expect(json.loads(one.stdout or "{}").get("completed") == 1, "--requests takes the first of them", one)
    image = gatefold("run", "net.onnx", "--image", "white.png", "--json", "-")
    outputs = json.loads(image.stdout or "{}").get("outputs", [])
    # White is 1.0 everywhere, so channel 1's outputs are the sum of its weights, 0.9 + 1.0 + .. + 1.7 = 11.7.
    expect(outputs and abs(outputs[0]["top"][0]["value"] - 11.7) < 1e-3 and outputs[0]["top"][0]["index"] == 4, "--image feeds white as 1.0", image)
    batch = gatefold("run", "batch.onnx", "--dim", "n=2", "--json", "-")
    expect(json.loads(batch.stdout or "{}").get("outputs", [{}])[0].get("shape") == [2, 2, 2, 2], "--dim binds the batch", batch)
    default = gatefold("run", "batch.onnx")
    expect("n = 1 (default)" in default.stdout, "an unbound batch is 1 and said so", default)


def the_other_commands():
    compare = gatefold("compare", "net.onnx", "--json", "-")
    policies = json.loads(compare.stdout or '{"policies": []}')["policies"]
    expect([p["policy"] for p in policies] == ["ungated", "static", "seed-literal", "greedy", "regret"] and all(p["outputs_identical"] for p in policies),
           "compare runs the default policies with the same outputs", compare)
    some = gatefold("compare", "net.onnx", "--policies", "static,default")
    expect(some.returncode == 0 and "to static" in some.stdout and "default" in some.stdout, "compare --policies", some)
    faulty = gatefold("compare", "net.onnx", "--requests", "3", "--at", "1ns", "fail cluster 0", "--json", "-")
    rows = json.loads(faulty.stdout or '{"policies": []}')["policies"]
    expect([p["completed"] for p in rows] == [3] * 5 and all(p["outputs_identical"] for p in rows) and all(p["shifts"]["forced"] > 0 for p in rows),
           "every policy survives a failed cluster with the same outputs", faulty)
    all_fail = [word for k in range(4) for word in ("--at", "1ns", f"fail cluster {k}")]
    dead = gatefold("compare", "net.onnx", "--requests", "3", "--device", "edge-nnic", *all_fail, "--json", "-")
    rows = json.loads(dead.stdout or '{"policies": []}')["policies"]
    expect(dead.returncode == 0 and [(p["completed"], p["shed"], sum(r["requests"] for r in p["shed_reasons"])) for p in rows] == [(0, 3, 3)] * 5,
           "on a dead chip every policy sheds every request and says why", dead)
    inspect = gatefold("inspect", "net.onnx")
    expect(inspect.returncode == 0 and "conv1" in inspect.stdout and "Cheapest shifts" in inspect.stdout, "inspect", inspect)
    options = gatefold("inspect", "net.onnx", "--options", "conv1", "--device", "edge-nnic", "--json", "-")
    listed = json.loads(options.stdout or "{}")
    rows = listed.get("options", [])
    expect(list(listed) == ["gatefold", "command", "model", "layer", "device", "options", "rejected"] and listed["device"]["name"] == "edge-nnic"
           and sum(row["chosen"] for row in rows) == 1 and len(rows) + sum(len(group["shapes"]) for group in listed["rejected"]) == 4 * 4,
           "inspect --options lists or rejects every shape and marks the one of the plan", options)
    by_index = gatefold("inspect", "net.onnx", "--options", "0", "--device", "edge-nnic", "--json", "-")
    expect(by_index.stdout == options.stdout, "inspect --options takes an index", by_index)
    table = gatefold("inspect", "net.onnx", "--options", "conv1")
    expect(table.returncode == 0 and "on edge-nnic (default" in table.stdout and "chosen" in table.stdout and "more cores than input channels" in table.stdout,
           "inspect --options as a table", table)
    near = gatefold("inspect", "net.onnx", "--options", "conv2")
    expect(near.returncode == 1 and "did you mean 'conv1'" in near.stderr, "an unknown layer is named with the nearest", near)
    devices = gatefold("devices", "--json", "-")
    names = [d["name"] for d in json.loads(devices.stdout or '{"devices": []}')["devices"]]
    expect("edge-nnic" in names and "server-v5p" in names, "devices", devices)
    show = gatefold("devices", "show", "edge-nnic")
    expect(show.returncode == 0 and "trust" in show.stdout, "devices show", show)


def zoo():
    listed = gatefold("zoo", "--json", "-")
    networks = json.loads(listed.stdout or '{"networks": []}')["networks"]
    expect(len(networks) == 7 and list(networks[0]) == ["name", "task", "input", "parameters", "macs", "source"], "zoo --json", listed)
    table = gatefold("zoo")
    expect(table.returncode == 0 and all(n["name"] in table.stdout and str(n["macs"]) in table.stdout for n in networks), "zoo", table)
    written = gatefold("zoo", "toycar-ae", "-o", "toycar-ae.onnx")
    expect(written.returncode == 0 and not written.stdout and os.path.getsize("toycar-ae.onnx") > 265864, "zoo writes a file", written)
    gatefold("zoo", "toycar-ae", "-o", "again.onnx")
    gatefold("zoo", "toycar-ae", "--seed", "2", "-o", "other.onnx")
    bytes_of = {name: open(name, "rb").read() for name in ("toycar-ae.onnx", "again.onnx", "other.onnx")}
    expect(bytes_of["toycar-ae.onnx"] == bytes_of["again.onnx"] != bytes_of["other.onnx"], "the seed alone decides the bytes", written)
    for command in ("run", "compare", "inspect"):
        by_file = gatefold(command, "toycar-ae.onnx", "--json", "-")
        by_name = gatefold(command, "zoo:toycar-ae", "--json", "-")
        expect(by_file.returncode == 0 and by_file.stdout == by_name.stdout, f"{command} zoo:NAME is {command} of its file", by_name)


def plans():
    plan = gatefold("plan", "net.onnx", "-o", "plan.json")
    expect(plan.returncode == 0 and "no plan costs less than" in plan.stdout, "plan says what it proves", plan)
    with open("plan.json", encoding="utf-8") as file:
        written = json.load(file)
    keys = {"options", "plan", "potentials", "energy_fj", "model_hash", "device", "objective", "bound"}
    expect(keys <= set(written) and set(written["device"]) >= {"name", "hash"}, "a plan file has its keys", plan)
    expect(all(isinstance(value, int) for row in written["potentials"] for value in row), "potentials are integers", plan)
    again = gatefold("plan", "net.onnx", "-o", "-")
    with open("plan.json", encoding="utf-8") as file:
        expect(again.stdout == file.read(), "the same inputs give the same plan file", again)
    holds = gatefold("check", "plan.json", "--json", "-")
    expect(holds.returncode == 0 and json.loads(holds.stdout)["holds"] is True, "check accepts what plan wrote", holds)
    for question in (["--every", "1ms"], ["--deadline", "1ms"], ["--every", "1ms", "--deadline", "100us", "--device", "edge-16"]):
        gatefold("plan", "net.onnx", *question, "-o", "asked.json")
        expect((asked := gatefold("check", "asked.json")).returncode == 0, f"check accepts a plan {question}", asked)

    gatefold("plan", "zoo:toycar-ae", "-o", "zoo.json")
    expect((zoo_holds := gatefold("check", "zoo.json")).returncode == 0, "networks of the zoo have plans, too", zoo_holds)

    def refused(what, word, *arguments, **changes):
        write("bad.json", json.dumps({**written, **changes}).encode())
        process = gatefold("check", "bad.json", *arguments)
        expect(process.returncode == 1 and word in process.stderr and not process.stdout, f"check refuses {what}", process)

    raised = [list(row) for row in written["potentials"]]
    raised[0][0] += 1
    refused("a changed potential", "is violated", potentials=raised)
    refused("a changed hash", "model_hash", model_hash="0" * 64)
    refused("another chip", "device.hash", "--device", "edge-16")
    refused("another network", "model_hash", "--model", "batch.onnx")
    refused("a missing network", "none.onnx", model="none.onnx")
    refused("a changed energy", "energy_fj", energy_fj="1")
    write("bad.json", b"{")
    expect((broken := gatefold("check", "bad.json")).returncode == 1 and "not JSON" in broken.stderr, "check refuses what is no JSON", broken)
    late = gatefold("plan", "net.onnx", "--deadline", "1ps")
    expect(late.returncode == 1 and "the fastest found takes" in late.stderr, "plan says if no plan is in time", late)
    expect((none := gatefold("check", "none.json")).returncode == 1 and "none.json" in none.stderr, "check names a missing file", none)


def conformance():
    folder = os.path.join("case", "test_data_set_0")
    os.makedirs(folder, exist_ok=True)
    write("case/model.onnx", network())
    write(os.path.join(folder, "input_0.pb"), tensor("x", [1, 1, 4, 4], [1.0] * 16))
    write(os.path.join(folder, "output_0.pb"), tensor("y", [1, 2, 2, 2], [3.6] * 4 + [11.7] * 4))
    right = gatefold("conformance", "case", "--at", "1ns", "throttle cluster 0 50%")
    expect(right.returncode == 0 and "1 pass" in right.stdout, "a right answer passes, on a throttled cluster too", right)
    write(os.path.join(folder, "output_0.pb"), tensor("y", [1, 2, 2, 2], [3.6] * 4 + [11.8] * 4))
    wrong = gatefold("conformance", "case")
    expect(wrong.returncode == 1 and "value 4" in wrong.stdout, "a wrong answer fails and says where", wrong)
    write("case/layers.json", b"{}")
    expect((unsupported := gatefold("conformance", "case")).returncode == 0 and "1 unsupported" in unsupported.stdout, "unsupported is not failed",
           unsupported)
    expect((strict := gatefold("conformance", "case", "--strict")).returncode == 1, "--strict counts it as failed", strict)


SCENARIO = """name: two
devices: [edge-16, edge-nnic]
duration: 10 s
seeds: [3]
networks: {words: "zoo:ds-cnn", things: "zoo:resnet8"}
streams:
  words: {network: words, arrivals: {process: periodic, rate: 10 Hz}, deadline: 100 ms}
  things: {network: things, arrivals: {process: poisson, rate: 1 % utilisation}, deadline: 20 T_ref}
events:
  - {at: 1/2, do: fail cluster 0}
  - {at: 6 s, do: cap power 0.9 of static}
"""


def scenarios():
    write("two.yaml", SCENARIO.encode())
    played = gatefold("play", "two.yaml", "--json", "-")
    expect(played.returncode == 0, "play", played)
    result = json.loads(played.stdout)
    expect(list(result)[:6] == ["gatefold", "command", "scenario", "device", "policy", "alias"] and result["command"] == "play", "play: first keys", played)
    expect(result["scenario"] == "two" and result["device"]["name"] == "edge-16" and result["seed"] == 3, "play: the file's device and seed", played)
    streams = result["streams"]
    expect([s["name"] for s in streams] == ["words", "things"] and streams[0]["requests"] == 100, "play: streams", played)
    expect(result["requests"] == sum(s["requests"] for s in streams) == result["completed"] + result["shed"], "play: requests add up", played)
    expect(set(result["qos"]) == {"met", "stp", "antt", "fairness"} and 0 < result["qos"]["met"] <= 1, "play: quality of service", played)
    parts = {part: exact(energy) for part, energy in result["energy_fj"].items()}
    expect(sum(energy for part, energy in parts.items() if part != "total") == parts["total"], "play: energy adds up", played)
    expect(len(result["notes"]) == 3 and "1.0 % utilisation is" in result["notes"][0], "play: resolved figures", played)
    expect(result["faults"]["events"] == 1 and 3.9 < result["power_cap"]["capped_s"] < 4.2, "play: events", played)
    expect(gatefold("play", "two.yaml", "--json", "-").stdout == played.stdout, "play: the same inputs give the same bytes", played)
    other = gatefold("play", "two.yaml", "--device", "edge-nnic", "--seed", "4", "--duration", "2s", "--policy", "static")
    expect(other.returncode == 0 and "edge-nnic" in other.stdout and "2 s of virtual time, seed 4" in other.stdout and "deadline" in other.stdout,
           "play: another device, seed and duration", other)
    compared = gatefold("compare", "two.yaml", "--policies", "ungated,static", "--json", "c.json")
    expect(compared.returncode == 0 and "to static" in compared.stdout, "compare on a scenario: table", compared)
    with open("c.json", encoding="utf-8") as file:
        both = json.load(file)
    expect([p["policy"] for p in both["policies"]] == ["ungated", "static"], "compare on a scenario: policies", compared)
    expect(both["policies"][0]["energy_j"]["total"] > both["policies"][1]["energy_j"]["total"], "compare on a scenario: ungated costs more", compared)
    write("bad.yaml", SCENARIO.replace("zoo:ds-cnn", "zoo:ds-cmn").replace("10 Hz", "-10 Hz").replace("cluster 0", "cluster 99").encode())
    bad = gatefold("play", "bad.yaml")
    expect(bad.returncode == 1 and not bad.stdout and "bad.yaml:5: " in bad.stderr and "ds-cnn" in bad.stderr and "bad.yaml:7: " in bad.stderr
           and "there is no cluster 99" in bad.stderr, "play: all that is wrong with a scenario", bad)
    missing = gatefold("play", "none.yaml")
    expect(missing.returncode == 1 and "none.yaml" in missing.stderr, "play: no such file", missing)


def on_the_host():
    """Real cores: the outputs are a chip's, nothing else is the same twice."""
    chip = json.loads(gatefold("run", "net.onnx", "--input", "x3.npy", "--json", "-").stdout)
    run = gatefold("run", "net.onnx", "--input", "x3.npy", "--device", "host", "--calibration", "kept", "--json", "-")
    result = json.loads(run.stdout or "{}")
    expect(run.returncode == 0 and result["device"]["name"] == "host" and result["completed"] == 3, "a run on the host", run)
    host_top, chip_top = (outputs["outputs"][0]["top"][0] for outputs in (result, chip))
    same = host_top["index"] == chip_top["index"] and abs(host_top["value"] - chip_top["value"]) < 1e-4
    expect(same and result["outputs"][0]["shape"] == chip["outputs"][0]["shape"], "outputs are the chip's", run)
    expect(result["energy_j"] is None and result["energy_source"] is None or result["energy_source"] == "rapl", "energy is not invented", run)
    expect(result["core_s"]["busy"] > 0 and result["calibration"].startswith("measured"), "core time, layers measured", run)
    again = gatefold("run", "net.onnx", "--device", "host", "--calibration", "kept", "--json", "-")
    expect(json.loads(again.stdout)["calibration"].startswith("from kept/"), "layer times are found again", again)
    write("watts", b"busy: 4 W\nspin: 2 W\nasleep: 0 W\n")
    paid = gatefold("run", "net.onnx", "--device", "host", "--cores", "1", "--every", "1ms", "--requests", "5", "--deadline", "100s",
                    "--power", "watts", "--json", "-")
    result = json.loads(paid.stdout or "{}")
    expect(result["energy_source"] == "watts" and abs(result["energy_j"]["busy"] - 4 * result["core_s"]["busy"]) < 1e-9, "declared watts", paid)
    expect(result["deadline_misses"] == 0 and result["clusters"]["cores"] == 1 and result["elapsed_s"] >= 0.004, "arrivals in real time", paid)
    table = gatefold("compare", "net.onnx", "--device", "host", "--requests", "3")
    expect(table.returncode == 0 and all(name in table.stdout for name in ("fewest-cores", "all-cores", "one-core")), "compare", table)
    write("watts", b"busy: 4\n")
    refused = gatefold("run", "net.onnx", "--device", "host", "--power", "watts")
    expect(refused.returncode == 1 and "watts: found 'busy: 4', wanted a power" in refused.stderr, "a malformed power profile", refused)
    for arguments in (["--cores", "2"], ["--device", "host", "--policy", "greedy"], ["--policy", "one-core"], ["--device", "host", "--timing-only"],
                      ["--device", "host", "--at", "1ms", "occupy cluster 0"], ["--device", "host", "--cores", "0"]):
        usage = gatefold("run", "net.onnx", *arguments)
        expect(usage.returncode == 2 and "usage" in usage.stderr, f"usage: {arguments}", usage)


def main():
    global TOOL
    TOOL = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write("net.onnx", network())
        write("batch.onnx", network("n"))
        write("x3.npy", npy([3, 1, 4, 4], [0.01 * i for i in range(48)]))
        write("white.png", png(7, 5, 255))
        for test in (help_and_version, usage_errors, input_errors, one_run, breakdown_and_profile, why, files_in_and_out, scenarios, on_the_host,
                     the_other_commands, zoo, plans, conformance):
            test()
        os.chdir("/")
    print(f"cli: {len(FAILURES)} failures" if FAILURES else "cli: passed")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
