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
  result.bound = BoundRecord{"chain", 1000_aJ, 1100_aJ};
  result.layers = {{"conv1", "Conv", "cluster 0, cores 0-1", 900_cycles, 1500_aJ, 1}};
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
    "utilisation": 0.25
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
    "misgates": 0
  },
  "shifts": {
    "voluntary": 1,
    "forced": 0,
    "bytes": 2048,
    "energy_j": 2.5e-16,
    "refused": 0
  },
  "faults": {
    "interrupted": 0,
    "recomputed": 0,
    "reloaded_bytes": 0
  },
  "bound": {
    "kind": "chain",
    "energy_j": 1e-15,
    "reached_j": 1.1e-15,
    "gap": 0.09999999999999999
  },
  "layers": [
    {
      "name": "conv1",
      "op": "Conv",
      "placement": "cluster 0, cores 0-1",
      "cycles": 900,
      "energy_j": 1.5e-15,
      "shifts": 1
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
output    y int8 [1, 3]: largest [0] = 5, [2] = 5, [1] = -2
note      batch = 1 (default)
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

TEST(Figures, PercentilesAreNearestRank) {
  EXPECT_EQ(percentile({}, 50), std::nullopt);
  EXPECT_EQ(percentile({7}, 1), 7);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 50), 2);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 51), 3);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 100), 4);
  std::vector<std::int64_t> hundred;
  for (std::int64_t i = 100; i >= 1; --i) hundred.push_back(i);
  EXPECT_EQ(percentile(hundred, 99), 99);
}

TEST(Figures, NumbersCarryTheUnitThatFits) {
  EXPECT_EQ(seconds_text(0), "0 s");
  EXPECT_EQ(seconds_text(1.2345678e-3), "1.235 ms");
  EXPECT_EQ(seconds_text(100), "100 s");
  EXPECT_EQ(seconds_text(1e-9), "1 ns");
  EXPECT_EQ(joules_text(45.6e-6), "45.6 uJ");
  EXPECT_EQ(joules_text(-2e-3), "-2 mJ");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(23142), "22.6 KiB");
  EXPECT_EQ(bytes_text(3 << 20), "3 MiB");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(2'656'768), "2.657 M");
  EXPECT_EQ(percent_text(0.4521), "45.2 %");
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

/// input -> conv (weights 8 B, bias 8 B) -> relu -> y; conv's output [1, 2, 2, 2] int8, the input [1, 1, 2, 2] float32.
LayerGraph small_graph() {
  LayerGraph graph;
  graph.name = "net";
  graph.activations.resize(3);
  graph.activations[0].name = "x";
  graph.activations[0].shape = Shape{1, 1, 2, 2};
  graph.activations[0].consumers = {LayerId(0)};
  graph.activations[0].last_use = LayerId(0);
  graph.activations[1].name = "c";
  graph.activations[1].type = ElementType::kInt8;
  graph.activations[1].shape = Shape{1, 2, 2, 2};
  graph.activations[1].producer = LayerId(0);
  graph.activations[1].consumers = {LayerId(1)};
  graph.activations[1].last_use = LayerId(1);
  graph.activations[2] = graph.activations[1];
  graph.activations[2].name = "y";
  graph.activations[2].producer = LayerId(1);
  graph.activations[2].consumers = {};
  graph.activations[2].last_use = std::nullopt;
  graph.activations[2].network_output = true;
  Layer conv;
  conv.name = "conv1";
  conv.kind = LayerKind::kDot;
  conv.op = Conv{};
  conv.inputs.resize(3);
  conv.inputs[0].tensor = TensorId(0);
  conv.inputs[1].constant = Tensor::splat<std::int8_t>({2, 1, 2, 2}, 1);
  conv.inputs[1].type = ElementType::kInt8;
  conv.inputs[1].shape = Shape{2, 1, 2, 2};
  conv.inputs[2].constant = Tensor::splat<float>({2}, 1);
  conv.inputs[2].shape = Shape{2};
  conv.outputs = {TensorId(1)};
  conv.dot.oc = 2;
  conv.dot.oh = conv.dot.ow = conv.dot.kh = conv.dot.kw = 2;
  Layer relu;
  relu.name = "relu";
  relu.op = Unary{};
  relu.inputs.resize(1);
  relu.inputs[0].tensor = TensorId(1);
  relu.outputs = {TensorId(2)};
  graph.layers.push_back(std::move(conv));
  graph.layers.push_back(std::move(relu));
  graph.inputs = {TensorId(0)};
  return graph;
}

TEST(Inspection, CountsWorkBytesAndThePriceOfAShift) {
  const Inspection inspection = inspect(small_graph());
  ASSERT_EQ(inspection.layers.size(), 2U);
  EXPECT_EQ(inspection.layers[0].macs, 2 * 4 * 4);
  EXPECT_EQ(inspection.layers[0].weights, 16_B);
  EXPECT_EQ(inspection.layers[0].inputs, 16_B);
  EXPECT_EQ(inspection.layers[0].live, 24_B);
  EXPECT_TRUE(inspection.layers[0].reads_network_input);
  EXPECT_EQ(inspection.layers[1].live, 16_B);
  EXPECT_EQ(inspection.layers[1].producers, std::vector<LayerId>{LayerId(0)});
  EXPECT_EQ(inspection.layers[1].shift_bytes(), 8_B);
  EXPECT_EQ(inspection.by_shift_price, (std::vector<LayerId>{LayerId(1), LayerId(0)}));
  EXPECT_EQ(inspection.live_peak, 24_B);
  EXPECT_NE(inspection_json(inspection, "0.1.0").find("\"cheapest_shifts\": [\n    1,\n    0\n  ]"), std::string::npos);
}

TEST(Table, InspectionListsLayersAndThenTheCheapestShifts) {
  EXPECT_EQ("\n" + inspection_table(inspect(small_graph())), R"(
net: 2 layers, 32 MACs, 16 B of weights, 24 B of activations alive at the peak

   layer  operator  kind    MACs  weights    in  out  live  producers
0  conv1  Conv      dot       32     16 B  16 B  8 B  24 B  input
1  relu   Relu      vector     0      0 B   8 B  8 B  16 B  0

live: all activations that must be kept while the layer runs, its own included

Cheapest shifts (2 of 2): what moves if the layer runs elsewhere than before
   layer  moves  weights  live inputs  routes
1  relu     8 B      0 B          8 B       1
0  conv1   32 B     16 B         16 B       1
)");
}

}  // namespace
}  // namespace gatefold
