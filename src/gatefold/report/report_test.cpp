// Reports of a small run that is built in code: the exact JSON, the exact tables, and the figures behind both.
#include <gtest/gtest.h>

#include "gatefold/report/figures.h"
#include "gatefold/report/json.h"
#include "gatefold/report/table.h"

namespace gatefold {
namespace {

using namespace literals;

ReportedRun small_run() {
  ReportedRun run;
  RunContext& context = run.context;
  context.version = "0.1.0";
  context.command = "run";
  context.model = "net";
  context.device = "chip";
  context.device_hash = "00ff";
  context.device_reason = "default: weights 1 KiB and peak activations fit";
  context.alias = "default";
  context.numerics = "integer";
  context.seed = 7;
  context.input = "seeded uniform values";
  context.notes = {"batch = 1 (default)"};
  context.accuracy = 0.5;
  RunResult& result = run.result;
  result.policy = "greedy";
  result.requests = 2;
  result.completed = 2;
  result.request_records = {{0_cycles, 1000_cycles, false}, {1000_cycles, 4000_cycles, true}};
  result.deadline_misses = 1;
  result.horizon = 4000_cycles;
  result.clock_hz = 1'000'000;
  result.energy.compute = 1500_aJ;
  result.energy.memory = 500_aJ;
  result.energy.floor = 2000_fJ;
  result.cluster_count = 4;
  result.mean_active = 1.5;
  result.active_cluster_seconds = 0.006;
  result.utilisation = 0.25;
  result.phases = {{"before", 0_cycles, 1000_cycles, 2}, {"during", 1000_cycles, 4000_cycles, 1}};
  result.wakes = 3;
  result.stall = 10_cycles;
  result.shifts_voluntary = 1;
  result.shift_bytes = 2_KiB;
  result.shift_energy = 250_aJ;
  result.shift_energy_voluntary = 50_aJ;
  result.bound = BoundRecord{"chain", 1000_aJ, 1100_aJ};
  result.live_ratio = LiveRatio{2000_aJ, 1000_aJ, 4};
  result.layers = {{"conv1", "Conv", "cluster 0, cores 0-1", 900_cycles, 1500_aJ, 1}};
  result.layers[0].parts = {1500_aJ, 500_aJ};
  result.layers[0].density = 0.5;
  result.layers[0].skipped = DotProducts(12);
  result.energy_between.back() = 2000_fJ;
  result.energy_clusters = {result.energy_between, result.layers[0].parts};
  result.stalls = 2;
  result.idle_times[static_cast<std::size_t>(ElementClass::kCore)].wakes = 3;
  result.idle_times[static_cast<std::size_t>(ElementClass::kCore)].gaps[4] = 5;
  result.profile = {{1, 7_cycles, ProfileDelta::Change{ClusterId(2), {7_cycles, true, 50, 2}}, {}},
                    {1, 9_cycles, {}, ProfileDelta::Use{Placement{}, DotProducts(10), DotProducts(2)}}};
  result.residency = {{"on", 0.25}, {"off", 0.75}};
  result.outputs.resize(2);
  result.outputs[0] = {{"y", Tensor::of<std::int8_t>({1, 3}, {1, 2, 3})}};
  result.outputs[1] = {{"y", Tensor::of<std::int8_t>({1, 3}, {5, -2, 5})}};
  result.simulate_seconds = 0.5;
  result.decision_ns = {40, 10, 30, 20};
  return run;
}

TEST(Json, ARunHasTheStableKeysInTheirOrder) {
  EXPECT_EQ(run_json(small_run()), R"json({
  "gatefold": "0.1.0",
  "command": "run",
  "model": "net",
  "device": {
    "name": "chip",
    "hash": "00ff"
  },
  "policy": "greedy",
  "alias": "default",
  "numerics": "integer",
  "seed": 7,
  "requests": 2,
  "completed": 2,
  "shed": 0,
  "shed_reasons": [],
  "accuracy": 0.5,
  "latency_s": {
    "p50": 0.001,
    "p99": 0.003,
    "max": 0.003
  },
  "deadline_misses": 1,
  "energy_j": {
    "total": 2.002e-12,
    "compute": 1.5e-15,
    "memory": 5e-16,
    "crossbar": 0.0,
    "external": 0.0,
    "leakage_on": 0.0,
    "leakage_gated": 0.0,
    "transitions": 0.0,
    "uncore": 0.0,
    "floor": 2e-12
  },
  "energy_fj": {
    "total": "2002.000",
    "compute": "1.500",
    "memory": "0.500",
    "crossbar": "0.000",
    "external": "0.000",
    "leakage_on": "0.000",
    "leakage_gated": "0.000",
    "transitions": "0.000",
    "uncore": "0.000",
    "floor": "2000.000"
  },
  "energy_per_request_j": 1.001e-12,
  "clusters": {
    "count": 4,
    "mean_active": 1.5,
    "active_cluster_seconds": 0.006,
    "utilisation": 0.25,
    "energy_fj": [
      {
        "total": "2.000",
        "compute": "1.500",
        "memory": "0.500",
        "crossbar": "0.000",
        "external": "0.000",
        "leakage_on": "0.000",
        "leakage_gated": "0.000",
        "transitions": "0.000",
        "uncore": "0.000",
        "floor": "0.000"
      }
    ]
  },
  "chip_energy_fj": {
    "total": "2000.000",
    "compute": "0.000",
    "memory": "0.000",
    "crossbar": "0.000",
    "external": "0.000",
    "leakage_on": "0.000",
    "leakage_gated": "0.000",
    "transitions": "0.000",
    "uncore": "0.000",
    "floor": "2000.000"
  },
  "between_layers_energy_fj": {
    "total": "2000.000",
    "compute": "0.000",
    "memory": "0.000",
    "crossbar": "0.000",
    "external": "0.000",
    "leakage_on": "0.000",
    "leakage_gated": "0.000",
    "transitions": "0.000",
    "uncore": "0.000",
    "floor": "2000.000"
  },
  "phases": [
    {
      "name": "before",
      "begin_s": 0.0,
      "end_s": 0.001,
      "mean_active": 2.0
    },
    {
      "name": "during",
      "begin_s": 0.001,
      "end_s": 0.004,
      "mean_active": 1.0
    }
  ],
  "gating": {
    "wakes": 3,
    "stall_s": 1e-05,
    "stalls": 2,
    "misgates": 0,
    "unknown_gaps": {
      "count": 0,
      "energy_j": 0.0,
      "competitive_j": 0.0,
      "offline_j": 0.0
    },
    "refills": 0,
    "elements": {
      "cluster": {
        "wakes": 0,
        "idle": []
      },
      "core": {
        "wakes": 3,
        "idle": [
          {
            "cycles_from": 16,
            "gaps": 5
          }
        ]
      },
      "bank": {
        "wakes": 0,
        "idle": []
      },
      "vector_pool": {
        "wakes": 0,
        "idle": []
      },
      "uncore": {
        "wakes": 0,
        "idle": []
      }
    }
  },
  "shifts": {
    "voluntary": 1,
    "forced": 0,
    "bytes": 2048,
    "energy_j": 2.5e-16,
    "voluntary_energy_j": 5e-17,
    "refused": 0
  },
  "spilled": [],
  "faults": {
    "interrupted": 0,
    "recomputed": 0,
    "reloaded_bytes": 0
  },
  "bound": {
    "kind": "chain",
    "energy_j": 1e-15,
    "reached_j": 1.1e-15,
    "gap": 0.09999999999999999,
    "live_ratio": 2.0
  },
  "live": {
    "paid_j": 2e-15,
    "hindsight_j": 1e-15,
    "configurations": 4
  },
  "layers": [
    {
      "name": "conv1",
      "op": "Conv",
      "placement": "cluster 0, cores 0-1",
      "cycles": 900,
      "energy_j": 1.5e-15,
      "energy_fj": {
        "total": "2.000",
        "compute": "1.500",
        "memory": "0.500",
        "crossbar": "0.000",
        "external": "0.000",
        "leakage_on": "0.000",
        "leakage_gated": "0.000",
        "transitions": "0.000",
        "uncore": "0.000",
        "floor": "0.000"
      },
      "row_blocks": 0,
      "shifts": 1,
      "density": 0.5,
      "skipped_dot_products": 12
    }
  ],
  "residency": {
    "on": 0.25,
    "off": 0.75
  },
  "outputs": [
    {
      "name": "y",
      "dtype": "int8",
      "shape": [
        1,
        3
      ],
      "sha256": "d9c435d331563373bc947254b223270a442b7c2cb2da6d5bd6bd306c91219c95",
      "top": [
        {
          "index": 0,
          "value": 5
        },
        {
          "index": 2,
          "value": 5
        },
        {
          "index": 1,
          "value": -2
        }
      ]
    }
  ],
  "input": "seeded uniform values",
  "notes": [
    "batch = 1 (default)"
  ]
}
)json");
}

TEST(Json, WhatARunCannotKnowIsNullOrEmpty) {
  ReportedRun run;
  run.context.timing_only = true;
  run.result.policy = "static";
  run.result.requests = 1;
  const std::string json = run_json(run);
  for (const char* line : {"\"accuracy\": null", "\"p50\": null", "\"energy_per_request_j\": null", "\"bound\": null", "\"outputs\": []",
                           "\"residency\": {}", "\"shed_reasons\": []"}) {
    EXPECT_NE(json.find(line), std::string::npos) << line << "\n" << json;
  }
  for (const char* key : {"alias", "wall_s", "decision_ns"}) EXPECT_EQ(json.find(key), std::string::npos) << key;
}

TEST(Json, TimingsAddTheWallClock) {
  ReportedRun run = small_run();
  run.context.timings = true;
  run.context.load_seconds = 0.25;
  const std::string json = run_json(run);
  EXPECT_NE(json.find("\"wall_s\": {\n    \"load\": 0.25,\n    \"simulate\": 0.5\n  },\n  \"decision_ns\": {\n    \"p50\": 20,\n"
                      "    \"p99\": 40\n  }"),
            std::string::npos)
      << json;
}

TEST(Json, AComparisonIsAListOfRunsThatSaysWhetherOutputsAgree) {
  std::vector<ReportedRun> runs{small_run(), small_run(), small_run()};
  runs[2].result.outputs[0][0].tensor = Tensor::of<std::int8_t>({1, 3}, {1, 2, 4});
  const std::string json = compare_json(runs);
  EXPECT_NE(json.find("\"policies\": ["), std::string::npos);
  const std::size_t first = json.find("\"outputs_identical\": true");
  const std::size_t second = json.find("\"outputs_identical\": true", first + 1);
  EXPECT_NE(second, std::string::npos);
  EXPECT_GT(json.find("\"outputs_identical\": false"), second);
}

TEST(Json, NamesThatAreNotUtf8DoNotBreakTheText) {
  ReportedRun run = small_run();
  run.context.model = "a\xff";
  EXPECT_NE(run_json(run).find("\"model\": \"a\xEF\xBF\xBD\""), std::string::npos);
}

TEST(Json, CaseNotesNameVendorSetsAndQuantisedOperators) {
  const auto notes =
      parse_case_notes(R"({"ops": {"QLinearConv": 3}, "sets": [{"set": 0, "kind": "ORT"}, {"set": 6, "kind": "VENDOR"}, 5]})");
  ASSERT_TRUE(notes);
  EXPECT_EQ(notes.value().vendor_sets, std::vector<std::int64_t>{6});
  EXPECT_TRUE(notes.value().operator_quantised);
  EXPECT_FALSE(parse_case_notes("[]"));
  EXPECT_FALSE(parse_case_notes("{"));
  EXPECT_TRUE(parse_case_notes("{}").value().vendor_sets.empty());
}

TEST(Table, ARunIsADozenLinesWithUnits) {
  ReportedRun run = small_run();
  run.context.has_deadline = true;
  EXPECT_EQ("\n" + run_table(run), R"(
model     net
device    chip (default: weights 1 KiB and peak activations fit)
policy    greedy (asked for as default)
numerics  integer: sums in int32, rounded half to even
input     seeded uniform values; seed 7
requests  2 completed, 0 shed
accuracy  50.0 % of the labels
latency   p50 1 ms, p99 3 ms, max 3 ms on the device's clock
deadline  missed by 1 requests
energy    1.001 pJ per request, 2.002 pJ in all, of which
            compute  1.5 fJ   0.1 %
            memory   500 aJ   0.0 %
            floor      2 pJ  99.9 %
clusters  1.5 of 4 powered on average; 25.0 % of what was powered did useful work
            2 powered before the events (0 s to 1 ms)
            1 powered during the events (1 ms to 4 ms)
states    on 25.0 %, off 75.0 % of the time, over all clusters, cores and banks
gating    3 wakes, 10 us of stalls, 0 refused gates
shifts    1 voluntary, 0 forced, 0 refused; 2 KiB moved for 250 aJ
bound     chain: at least 1 fJ per request can be shown, the plan takes 1.1 fJ (10.0 % above)
live      2.0000 x hindsight: shifts and requests were priced at 2 fJ, the best over 4 configurations at 1 fJ
output    y int8 [1, 3]: largest [0] = 5, [2] = 5, [1] = -2
note      batch = 1 (default)
)");
}

TEST(Table, ABreakdownAddsUpByLayerAndByCluster) {
  EXPECT_EQ(breakdown_table(small_run()), R"(
layer              total  compute  memory  floor
conv1               2 fJ   1.5 fJ  500 aJ    0 J
between layers      2 pJ      0 J     0 J   2 pJ
sum             2.002 pJ   1.5 fJ  500 aJ   2 pJ

cluster        total  compute  memory  floor
0               2 fJ   1.5 fJ  500 aJ    0 J
no cluster      2 pJ      0 J     0 J   2 pJ
sum         2.002 pJ   1.5 fJ  500 aJ   2 pJ
)");
}

TEST(Json, AProfileIsAListOfDeltas) {
  EXPECT_EQ(profile_json(small_run()), R"({
  "gatefold": "0.1.0",
  "device": {
    "name": "chip",
    "hash": "00ff"
  },
  "policy": "greedy",
  "clock_hz": 1000000,
  "deltas": [
    {
      "version": 1,
      "at_cycles": 7,
      "cluster": 2,
      "occupied": true,
      "percent": 50,
      "failed_cores": [
        1
      ]
    },
    {
      "version": 1,
      "at_cycles": 9,
      "placement": "cluster 0, core 0",
      "useful_dot_products": 10,
      "skipped_dot_products": 2
    }
  ]
}
)");
}

TEST(Table, AComparisonHasOneRowPerPolicy) {
  std::vector<ReportedRun> runs{small_run(), small_run()};
  runs[0].context.alias = "static";
  runs[0].result.policy = "static";
  runs[0].context.device_reason.clear();
  runs[0].context.notes.clear();
  runs[1].result.energy.floor = EnergyTotal(1000_fJ);
  EXPECT_EQ("\n" + compare_table(runs), R"(
model     net
device    chip
numerics  integer: sums in int32, rounded half to even
input     seeded uniform values; seed 7

policy   energy/request  to static   p50   p99  misses  shed     clusters  shifts  moved  wakes  same outputs
static         1.001 pJ      1.000  1 ms  3 ms       1     0  2.00 / 1.00       1  2 KiB      3  yes
default          501 fJ      0.500  1 ms  3 ms       1     0  2.00 / 1.00       1  2 KiB      3  yes

clusters: powered while layers execute, of 4, before / during / after the events. moved: bytes that shifts carried. same outputs: every byte equal to the first row's.
)");
}

TEST(Table, DevicesShowEveryNumberWithItsSource) {
  DeviceSpec device;
  device.name = "chip";
  device.description = "a chip";
  device.hash = "00ff";
  device.clock_hz = 100'000'000;
  device.cluster_count = 2;
  device.cores_per_cluster = 4;
  device.banks_per_core = 2;
  device.bank.size = 1_KiB;
  device.compute_type = "int8";
  device.entries = {{"clock", "100 MHz", "a paper", "T", ""}, {"bank.leakage_on", "0.2 mW/MiB", "arithmetic", "D", "31250 aJ/cycle"}};
  EXPECT_EQ("\n" + devices_table({device}), R"(
device  clusters  cores    clock    SRAM  computes  description
chip           2      8  100 MHz  16 KiB  int8      a chip
)");
  EXPECT_EQ("\n" + device_table(device), R"(
chip: a chip
hash 00ff

key              value       resolved        trust  source
clock            100 MHz                     T      a paper
bank.leakage_on  0.2 mW/MiB  31250 aJ/cycle  D      arithmetic

trust: P patent, A public research artefact, T published table, D derived from tagged numbers, ? unconfirmed
)");
  EXPECT_NE(device_json(device, "0.1.0").find("\"resolved\": \"31250 aJ/cycle\""), std::string::npos);
  EXPECT_NE(devices_json({device}, "0.1.0").find("\"memory_bytes\": 16384"), std::string::npos);
}

TEST(Figures, OutputsDifferInTypeShapeOrAnyByte) {
  const ReportedRun run = small_run();
  EXPECT_TRUE(same_outputs(run.result, run.result));
  RunResult other = run.result;
  other.outputs[1][0].tensor = Tensor::of<std::uint8_t>({1, 3}, {5, 254, 5});
  EXPECT_FALSE(same_outputs(run.result, other));
  other.outputs[1][0].tensor = run.result.outputs[1][0].tensor.reshaped({3, 1});
  EXPECT_FALSE(same_outputs(run.result, other));
  other = run.result;
  other.outputs.pop_back();
  EXPECT_FALSE(same_outputs(run.result, other));
}

}  // namespace
}  // namespace gatefold
