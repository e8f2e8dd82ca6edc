// What a device file may not be: every refusal with its whole message.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gatefold/device/shipped.h"
#include "gatefold/device/spec.h"

namespace gatefold {
namespace {

/// What the device below says of external memory.
constexpr const char* kExternal =
    "external:\n  access: <100 pJ/B>\n  bandwidth: <1 GB/s>\n  spill_access: <100 pJ/B>\n  spill_bandwidth: <1 GB/s>\n"
    "  spill_capacity: <8 MiB>\n";

/// A whole device, in short: `<x>` stands for `{value: x, source: s, trust: "?"}`.
constexpr std::string_view kDevice = R"(name: tiny
description: a device for tests
default_rank: 0
clock: <100 MHz>
compute:
  kind: reduction
  type: int8
  clusters: <2>
  cores_per_cluster: <2>
  lanes: <8>
  inputs_per_unit: <9>
  weight_load: <64 cycles>
  pipeline_latency: <50 cycles>
  segment_layers: <1>
  lane_add: <0.1 pJ>
  float_element: <1 B>
  mac: <0.3 pJ/MAC>
vector:
  per_cluster: <8 values/cycle>
  value: <0.3 pJ/value>
banks:
  per_core: <4>
  size: <1 KiB>
  access: <1 pJ/B>
  leakage_on: <1 mW/MiB>
  leakage_retention: <0.25>
  leakage_off: <0.0002>
  retention_wake_latency: <4 cycles>
  retention_break_even: <41 cycles>
  off_wake_latency: <10 cycles>
  off_break_even: <82 cycles>
  sleep_after: <0 cycles>
external:
  access: <100 pJ/B>
  bandwidth: <1 GB/s>
  spill_access: <100 pJ/B>
  spill_bandwidth: <1 GB/s>
  spill_capacity: <8 MiB>
crossbar:
  output_bus: <8 B/cycle>
  wire: <100 fJ/bit/mm>
  pitch: <1 mm>
  route_change: <16 cycles>
  route_words: <8>
  route_word_size: <4 B>
power:
  cluster:
    on: <60 uW>
    gated: <3 %>
    wake_latency: <60 cycles>
    break_even: <469 cycles>
    clock: <0 W>
  core:
    on: <50 uW>
    gated: <3 %>
    wake_latency: <10 cycles>
    break_even: <47 cycles>
    clock: <0 W>
  uncore:
    chip:
      on_during: requests
      on: <3 mW>
      gated: <0 W>
      wake_latency: <100 us>
      wake_energy: <1 uJ>
  floor: <30 uW>
)";

using Edits = std::vector<std::pair<std::string_view, std::string_view>>;

std::string device(const Edits& edits = {}) {
  std::string text(kDevice);
  for (const auto& [from, to] : edits) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
  }
  std::string expanded;
  for (const char c : text) {
    if (c == '<') expanded += "{value: ";
    else if (c == '>') expanded += ", source: s, trust: \"?\"}";
    else expanded += c;
  }
  return expanded;
}

void expect_refused(const Edits& edits, std::string_view message) {
  const auto spec = parse_device(device(edits), "f");
  ASSERT_FALSE(spec) << message;
  EXPECT_EQ(spec.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(spec.error().message, message);
}

TEST(DeviceFile, TheFixtureItselfIsSound) {
  const auto spec = parse_device(device(), "f");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec.value().uncore.at(0).gate.wake_latency, Cycles(10'000));
}

TEST(DeviceFile, SuggestsTheKeyNearestToAnUnknownOne) {
  expect_refused({{"clock:", "clok:"}},
                 "f:1: clock: found nothing, wanted a frequency in Hz, kHz, MHz or GHz\n"
                 "f:4: clok: found an unknown key, wanted a known one, perhaps 'clock'");
  expect_refused({{"  lanes:", "  lane:"}},
                 "f:5: compute.lanes: found nothing, wanted a number without a unit\n"
                 "f:10: compute.lane: found an unknown key, wanted a known one, perhaps 'lanes'");
  expect_refused({{"power:", "energy:"}},
                 "f:1: power: found nothing, wanted a map of its keys: cluster, core, uncore, floor\n"
                 "f:46: energy: found an unknown key, wanted name, base, description, default_rank, clock, compute, weights, vector, "
                 "controller, banks, "
                 "external, crossbar or power");
  expect_refused({{"      on_during: requests", "      on_during: requests\n      color: red"}},
                 "f:62: power.uncore.chip.color: found an unknown key, wanted on_during, on, gated, wake_latency, wake_energy "
                 "or break_even");
}

TEST(DeviceFile, SuggestsTheNearestPartOfANumber) {
  expect_refused({{"<2>", "{value: 2, sauce: s, source: s, trust: \"?\"}"}},
                 "f:8: compute.clusters.sauce: found an unknown key, wanted value, source or trust");
}

TEST(DeviceFile, RefusesDottedAndWildKeys) {
  expect_refused({{"clock:", "compute.clock:"}},
                 "f:1: clock: found nothing, wanted a frequency in Hz, kHz, MHz or GHz\n"
                 "f:4: compute.clock: found an unknown key, wanted name, base, description, default_rank, clock, compute, weights, vector, "
                 "controller, banks, external, crossbar or power");
  expect_refused({{"    chip:", "    \"*\":"}},
                 "f:60: power.uncore: found '*' as a part's name, wanted lower-case letters, digits, - and _");
}

TEST(DeviceFile, RefusesASecondValueForAKey) {
  expect_refused({{"  lanes: <8>", "  lanes: <8>\n  lanes: <16>"}},
                 "f:11: compute.lanes: found the key a second time, wanted it once (first on line 10)");
  expect_refused({{"  core:\n", "  cluster:\n"}},
                 "f:46: power.core: found nothing, wanted a map of its keys: on, gated, wake_latency, wake_energy, break_even, clock\n"
                 "f:53: power.cluster: found the key a second time, wanted it once (first on line 47)");
  expect_refused({{"<2>", "{value: 2, value: 3, source: s, trust: \"?\"}"}},
                 "f:8: compute.clusters.value: found the key a second time, wanted it once (first on line 8)");
}

TEST(DeviceFile, ReportsMissingKeys) {
  expect_refused({{"clock: <100 MHz>\n", ""}}, "f:1: clock: found nothing, wanted a frequency in Hz, kHz, MHz or GHz");
  expect_refused({{"  size: <1 KiB>\n", ""}}, "f:21: banks.size: found nothing, wanted a size in B, KiB, MiB or GiB");
  expect_refused({{"      on: <3 mW>\n", ""}}, "f:60: power.uncore.chip.on: found nothing, wanted a power in kW, W, mW, uW, nW or pW");
  expect_refused({{"name: tiny\n", ""}}, "f:1: name: found nothing, wanted 1 to 64 lower-case letters, digits, - and _");
  expect_refused({{"  kind: reduction\n", ""}}, "f:5: compute.kind: found nothing, wanted reduction or systolic");
  expect_refused({{"default_rank: 0\n", ""}}, "f:1: default_rank: found nothing, wanted a number without a unit");
  expect_refused({{"      on_during: requests\n", ""}},
                 "f:60: power.uncore.chip.on_during: found nothing, wanted requests, external or link");
  expect_refused(
      {{kExternal, ""}},
      "f:1: external: found nothing, wanted a map of its keys: access, bandwidth, spill_access, spill_bandwidth, spill_capacity");
}

TEST(DeviceFile, ReportsMissingPartsOfANumber) {
  expect_refused({{"<100 MHz>", "{value: 100 MHz}"}},
                 "f:4: clock.source: found nothing, wanted where the number is from, in one line\n"
                 "f:4: clock.trust: found nothing, wanted P, A, T, D or \"?\"");
  expect_refused({{"<100 MHz>", "{source: s, trust: A}"}}, "f:4: clock.value: found nothing, wanted a frequency in Hz, kHz, MHz or GHz");
  expect_refused({{"<100 MHz>", "{}"}},
                 "f:4: clock.value: found nothing, wanted a frequency in Hz, kHz, MHz or GHz\n"
                 "f:4: clock.source: found nothing, wanted where the number is from, in one line\n"
                 "f:4: clock.trust: found nothing, wanted P, A, T, D or \"?\"");
}

TEST(DeviceFile, SaysWhichUnitsAreAccepted) {
  expect_refused({{"100 MHz", "100"}}, "f:4: clock: found '100', wanted a frequency in Hz, kHz, MHz or GHz");
  expect_refused({{"1 KiB", "1 KB"}}, "f:23: banks.size: found '1 KB', wanted a size in B, KiB, MiB or GiB");
  expect_refused({{"1 mW/MiB", "1 mW"}},
                 "f:25: banks.leakage_on: found '1 mW', wanted a power per size in kW/MiB, W/MiB, mW/MiB, uW/MiB or nW/MiB");
  expect_refused({{"<0.25>", "<1 W>"}},
                 "f:26: banks.leakage_retention: found '1 W', wanted a power per size in kW/MiB, W/MiB, mW/MiB, uW/MiB or "
                 "nW/MiB, or a share such as 0.03 or 3 %");
  expect_refused({{"0.3 pJ/MAC", "0.3 pJ"}},
                 "f:17: compute.mac: found '0.3 pJ', wanted an energy per MAC in uJ/MAC, nJ/MAC, pJ/MAC or fJ/MAC");
  expect_refused({{"<4 cycles>", "<4>"}},
                 "f:28: banks.retention_wake_latency: found '4', wanted a count in cycles, or a time in s, ms, us, ns or ps");
  expect_refused({{"64 cycles", "64 ns"}}, "f:12: compute.weight_load: found '64 ns', wanted a count in cycles");
  expect_refused({{"<2>", "<2 B>"}}, "f:8: compute.clusters: found '2 B', wanted a number without a unit");
  expect_refused({{"1 GB/s", "1 Gbit/s"}}, "f:35: external.bandwidth: found '1 Gbit/s', wanted a bandwidth in B/s, kB/s, MB/s or GB/s");
  expect_refused({{"100 fJ/bit/mm", "100 fJ/mm"}},
                 "f:41: crossbar.wire: found '100 fJ/mm', wanted an energy per bit and length in nJ/bit/mm, pJ/bit/mm or fJ/bit/mm");
  expect_refused({{"0.3 pJ/value", "much"}},
                 "f:20: vector.value: found 'much', wanted an energy per value in uJ/value, nJ/value, pJ/value or fJ/value");
  expect_refused({{"8 values/cycle", ""}}, "f:19: vector.per_cluster.value: found nothing, wanted a rate in values/cycle");
}

TEST(DeviceFile, HoldsNumbersToTheirRanges) {
  expect_refused({{"clusters: <2>", "clusters: <4097>"}}, "f:8: compute.clusters: found '4097', wanted 1 to 4096");
  expect_refused({{"clusters: <2>", "clusters: <0>"}}, "f:8: compute.clusters: found '0', wanted 1 to 4096");
  expect_refused({{"cores_per_cluster: <2>", "cores_per_cluster: <17>"}}, "f:9: compute.cores_per_cluster: found '17', wanted 1 to 16");
  expect_refused({{"per_core: <4>", "per_core: <1025>"}}, "f:22: banks.per_core: found '1025', wanted 1 to 1024");
  expect_refused({{"1 KiB", "2 GiB"}}, "f:23: banks.size: found '2 GiB', wanted 1 B to 1 GiB");
  expect_refused({{"<3 %>", "<101 %>"}}, "f:49: power.cluster.gated: found '101 %', wanted 0 to 1");
  expect_refused({{"<3 %>", "<-3 %>"}}, "f:49: power.cluster.gated: found '-3 %', wanted 0 to 1");
  expect_refused({{"100 MHz", "10 Hz"}}, "f:4: clock: found '10 Hz', wanted 1 MHz to 100 GHz");
  expect_refused({{"60 uW", "11 kW"}}, "f:48: power.cluster.on: found '11 kW', wanted 0 W to 10 kW");
  expect_refused({{"<100 us>", "<2 s>"}}, "f:64: power.uncore.chip.wake_latency: found '2 s', wanted 0 s to 1 s");
  expect_refused({{"default_rank: 0", "default_rank: 101"}}, "f:3: default_rank: found '101', wanted 0 to 100");
}

TEST(DeviceFile, WantsWholeNumbersOfWholeThings) {
  expect_refused({{"clusters: <2>", "clusters: <2.5>"}}, "f:8: compute.clusters: found '2.5', wanted a whole number");
  expect_refused({{"64 cycles", "64.5 cycles"}}, "f:12: compute.weight_load: found '64.5 cycles', wanted a whole number");
  expect_refused({{"1 KiB", "1.0001 KiB"}}, "f:23: banks.size: found '1.0001 KiB', wanted a whole number");
  expect_refused({{"100 MHz", "1234567.8 Hz"}}, "f:4: clock: found '1234567.8 Hz', wanted a whole number");
}

TEST(DeviceFile, RefusesMoreDigitsThanItCanKeep) {
  expect_refused({{"0.3 pJ/MAC", "1.23456789012345678901 pJ/MAC"}},
                 "f:17: compute.mac: found '1.23456789012345678901 pJ/MAC', wanted fewer digits");
  expect_refused({{"60 uW", "1e-60 W"}},
                 "f:48: power.cluster.on: found '1e-60 W', wanted a number that resolves to at most 1 J and fits 128 bits exactly\n"
                 "f:49: power.cluster.gated: found '3 %', wanted a number that resolves to at most 1 J and fits 128 bits exactly");
  expect_refused({{"<100 us>", "<1e-40 s>"}}, "f:64: power.uncore.chip.wake_latency: found '1e-40 s', wanted fewer digits");
  expect_refused({{"1 KiB", "9007199254740993 GiB"}}, "f:23: banks.size: found '9007199254740993 GiB', wanted fewer digits");
}

TEST(DeviceFile, ChecksWordsNamesAndText) {
  expect_refused({{"kind: reduction", "kind: adder"}}, "f:6: compute.kind: found 'adder', wanted reduction or systolic");
  expect_refused({{"type: int8", "type: [int8]"}}, "f:7: compute.type: found a list, wanted int8 or bf16");
  expect_refused({{"on_during: requests", "on_during: no"}},
                 "f:61: power.uncore.chip.on_during: found 'no', wanted requests, external or link");
  expect_refused({{"name: tiny", "name: Tiny Chip"}}, "f:1: name: found 'Tiny Chip', wanted 1 to 64 lower-case letters, digits, - and _");
  expect_refused({{"name: tiny", "name:"}}, "f:1: name: found nothing, wanted 1 to 64 lower-case letters, digits, - and _");
  expect_refused({{"a device for tests", "\"\""}}, "f:2: description: found '', wanted one line of 1 to 500 characters");
  expect_refused({{"a device for tests", "\"two\\nlines\""}},
                 "f:2: description: found 'two?lines', wanted one line of 1 to 500 characters");
  expect_refused({{"    chip:", "    Chip 1:"}},
                 "f:60: power.uncore: found 'Chip 1' as a part's name, wanted lower-case letters, digits, - and _");
}

TEST(DeviceFile, ChecksSourceAndTrust) {
  expect_refused({{"<100 MHz>", "{value: 100 MHz, source: s, trust: sure}"}}, "f:4: clock.trust: found 'sure', wanted P, A, T, D or \"?\"");
  expect_refused({{"<100 MHz>", "{value: 100 MHz, source: \"\", trust: A}"}},
                 "f:4: clock.source: found '', wanted where the number is from, in one line");
  expect_refused({{"<100 MHz>", "{value: 100 MHz, source: [a, b], trust: A}"}},
                 "f:4: clock.source: found a list, wanted where the number is from, in one line");
}

TEST(DeviceFile, TernaryWeightsNeedTheirNumbersAndOnlyTheyMayHaveThem) {
  expect_refused({{"vector:\n", "weights:\n  type: ternary\n  tree_bits: <4>\nvector:\n"}},
                 "f:19: weights.share: found nothing, wanted a number without a unit");
  expect_refused({{"vector:\n", "weights:\n  share: <4>\nvector:\n"}},
                 "f:19: weights.share: found a key of ternary weights, wanted none: weights.type is not ternary");
  EXPECT_TRUE(parse_device(device({{"vector:\n", "weights:\n  type: ternary\n  share: <4>\n  tree_bits: <4>\nvector:\n"}}), "f"));
}

TEST(DeviceFile, BlocksAreSkippedOnlyWhereLanesShareThem) {
  expect_refused({{"vector:\n", "  activation_sparsity: skip\nweights:\n  type: ternary\n  share: <4>\n  tree_bits: <4>\nvector:\n"}},
                 "f:18: compute.activation_sparsity: found 'skip', wanted none or gate: weights.type is ternary");
  expect_refused({{"vector:\n", "  activation_sparsity: some\nvector:\n"}},
                 "f:18: compute.activation_sparsity: found 'some', wanted none, gate or skip");
  const auto gated = parse_device(device({{"vector:\n", "  activation_sparsity: gate\n  activation_compression: bitmap\nvector:\n"}}), "f");
  ASSERT_TRUE(gated) << gated.error().message;
  EXPECT_EQ(gated.value().activation_sparsity, ActivationSparsity::kGate);
  EXPECT_TRUE(gated.value().activation_bitmap);
}

TEST(DeviceFile, SegmentsDivideTheirLanesEvenly) {
  expect_refused({{"segment_layers: <1>", "segment_layers: <3>"}},
                 "f:14: compute.segment_layers: found 8 lanes for 3 layers, wanted a divisor of compute.lanes");
}

TEST(DeviceFile, SaysWhatTheVectorUnitLacksAndWhoComputesItInstead) {
  expect_refused({{"banks:\n", "  lacks: softmax relu\nbanks:\n"}},
                 "f:21: vector.lacks: found 'relu', wanted words of: pool, unary, binary, reduce, softmax, lrn");
  expect_refused({{"banks:\n", "controller:\n  rate: <1 value/cycle>\nbanks:\n"}},
                 "f:22: controller.value: found nothing, wanted rate and value, or neither");
}

TEST(DeviceFile, ABaseIsAShippedFileWithoutOne) {
  expect_refused(
      {{"name: tiny\n", "name: tiny\nbase: edge-61\n"}},
      "f:2: base: found 'edge-61', wanted a shipped device without a base of its own: edge-16, edge-nnic, mobile-npu, server-v5p");
  const auto derived = parse_device("name: mine\nbase: edge-nnic\npower: {floor: {value: 1 mW, source: s, trust: \"?\"}}\n", "f");
  ASSERT_TRUE(derived) << derived.error().message;
  EXPECT_EQ(derived.value().name, "mine");
  EXPECT_EQ(derived.value().floor, EnergyPerCycle(10'000'000));
  EXPECT_EQ(derived.value().core.on, EnergyPerCycle(500'000));
}

TEST(DeviceFile, WantsMapsWhereKeysAre) {
  expect_refused({{"<100 MHz>", "100 MHz"}}, "f:4: clock: found '100 MHz', wanted {value: .., source: \"..\", trust: ..}");
  expect_refused({{"<100 MHz>", "[100 MHz]"}}, "f:4: clock: found a list, wanted {value: .., source: \"..\", trust: ..}");
  expect_refused({{"<100 MHz>", ""}}, "f:4: clock: found nothing, wanted {value: .., source: \"..\", trust: ..}");
  expect_refused({{kExternal, "external: none\n"}}, "f:33: external: found 'none', wanted a map of keys");
  expect_refused({{kExternal, "external:\n  - access\n"}}, "f:33: external: found a list, wanted a map of keys");
  expect_refused({{"clock:", "[clock, speed]:"}},
                 "f:1: clock: found nothing, wanted a frequency in Hz, kHz, MHz or GHz\n"
                 "f:4: found a list as a key, wanted a word");
}

TEST(DeviceFile, KeysOfOneCoreKindDoNotSuitTheOther) {
  expect_refused({{"kind: reduction", "kind: systolic"}},
                 "f:5: compute.array_dim: found nothing, wanted a number without a unit\n"
                 "f:10: compute.lanes: found a key of reduction cores, wanted none: compute.kind is systolic\n"
                 "f:11: compute.inputs_per_unit: found a key of reduction cores, wanted none: compute.kind is systolic\n"
                 "f:12: compute.weight_load: found a key of reduction cores, wanted none: compute.kind is systolic\n"
                 "f:13: compute.pipeline_latency: found a key of reduction cores, wanted none: compute.kind is systolic\n"
                 "f:14: compute.segment_layers: found a key of reduction cores, wanted none: compute.kind is systolic\n"
                 "f:15: compute.lane_add: found a key of reduction cores, wanted none: compute.kind is systolic");
  expect_refused({{"  lanes: <8>", "  array_dim: <8>"}},
                 "f:5: compute.lanes: found nothing, wanted a number without a unit\n"
                 "f:10: compute.array_dim: found a key of systolic cores, wanted none: compute.kind is reduction");
}

TEST(DeviceFile, WantsExactlyOneOfTwoAlternatives) {
  expect_refused({{"  per_cluster: <8 values/cycle>\n", ""}}, "f:18: vector.per_cluster: found nothing, wanted it or vector.pool");
  expect_refused({{"  value: <0.3 pJ/value>",
                   "  value: <0.3 pJ/value>\n  pool:\n    units: <6>\n    values_per_unit: <8 values/cycle>\n    on_per_unit: <1 "
                   "W>\n    gated: <3 %>\n    wake_latency: <2 cycles>\n    break_even: <32 cycles>"}},
                 "f:21: vector.pool: found both vector.per_cluster and vector.pool, wanted one of the two");
  expect_refused({{"    break_even: <47 cycles>\n", ""}},
                 "f:53: power.core.wake_energy: found nothing, wanted it or power.core.break_even");
  expect_refused({{"      wake_energy: <1 uJ>", "      wake_energy: <1 uJ>\n      break_even: <32 cycles>"}},
                 "f:66: power.uncore.chip.break_even: found both power.uncore.chip.wake_energy and power.uncore.chip.break_even, "
                 "wanted one of the two");
}

TEST(DeviceFile, OrdersTheLeakageOfStates) {
  expect_refused({{"<0.25>", "<2 mW/MiB>"}},
                 "f:26: banks.leakage_retention: found '2 mW/MiB' (19531 aJ/cycle), wanted at most banks.leakage_on (9766 aJ/cycle)");
  expect_refused({{"<0.0002>", "<0.5>"}},
                 "f:27: banks.leakage_off: found '0.5' (4883 aJ/cycle), wanted at most banks.leakage_retention (2441 aJ/cycle)");
  expect_refused(
      {{"      gated: <0 W>", "      gated: <4 mW>"}},
      "f:63: power.uncore.chip.gated: found '4 mW' (40000000 aJ/cycle), wanted at most power.uncore.chip.on (30000000 aJ/cycle)");
  expect_refused({{"<0.25>", "<0 W/MiB>"}},
                 "f:27: banks.leakage_off: found '0.0002' (2 aJ/cycle), wanted at most banks.leakage_retention (0 aJ/cycle)");
}

TEST(DeviceFile, LimitsWhatNumbersResolveTo) {
  expect_refused(
      {{"clusters: <2>", "clusters: <4096>"}, {"cores_per_cluster: <2>", "cores_per_cluster: <16>"}, {"per_core: <4>", "per_core: <17>"}},
      "f:22: banks.per_core: found 1114112 banks in the chip, wanted at most 1048576");
  expect_refused({{"50 uW", "10 kW"}, {"47 cycles", "1e9 cycles"}},
                 "f:57: power.core.break_even: found '1e9 cycles', wanted a number that resolves to at most 1 J and fits 128 bits exactly");
}

TEST(DeviceFile, RefusesAnchorsAliasesAndTags) {
  expect_refused({{"clock: <100 MHz>", "clock: &c <100 MHz>"}}, "f:4: clock: found an anchor, wanted plain values");
  expect_refused(
      {{"clock: <100 MHz>", "clock: &c <100 MHz>\nspare: *c"}},
      "f:4: clock: found an anchor, wanted plain values\n"
      "f:5: spare: found an alias, wanted the value written out\n"
      "f:5: spare: found an unknown key, wanted name, base, description, default_rank, clock, compute, weights, vector, controller, banks, "
      "external, crossbar or power");
  expect_refused({{"name: tiny", "name: !!str tiny"}}, "f:1: name: found a tag 'tag:yaml.org,2002:str', wanted plain values");
  expect_refused({{"compute:", "compute: !chip"}}, "f:5: compute: found a tag '!chip', wanted plain values");
}

TEST(DeviceFile, RefusesWhatIsNotOneDocument) {
  expect_refused({{"power:\n", "---\npower:\n"}}, "f:46: found a second document, wanted one device per file");
  expect_refused({{"  floor: <30 uW>\n", "  floor: <30 uW>\n---\nname: two\n"}},
                 "f:67: found a second document, wanted one device per file");
}

TEST(DeviceFile, ReportsSyntaxErrorsWithTheirLine) {
  expect_refused({{"lanes: <8>", "lanes: {value: 8"}}, "f:11: found a syntax error 'end of map flow not found', wanted YAML");
  expect_refused({{"compute:\n", "compute: {\n"}}, "f:7: found a syntax error 'end of map flow not found', wanted YAML");
  expect_refused({{"  lanes", "\tlanes"}}, "f:10: found a syntax error 'end of map not found', wanted YAML");
  expect_refused(
      {{"<100 MHz>", "'100 MHz"}},
      "f:1: compute: found nothing, wanted a map of its keys: kind, type, clusters, cores_per_cluster, lanes, inputs_per_unit, "
      "weight_load, pipeline_latency, segment_layers, lane_add, array_dim, float_element, mac, weight_buffer, "
      "activation_sparsity, activation_compression\n"
      "f:1: vector: found nothing, wanted a map of its keys: per_cluster, pool, value, lacks\n"
      "f:1: banks: found nothing, wanted a map of its keys: per_core, size, access, leakage_on, leakage_retention, leakage_off, "
      "retention_wake_latency, retention_wake_energy, retention_break_even, off_wake_latency, off_wake_energy, off_break_even, "
      "sleep_after\n"
      "f:1: external: found nothing, wanted a map of its keys: access, bandwidth, spill_access, spill_bandwidth, spill_capacity\n"
      "f:1: crossbar: found nothing, wanted a map of its keys: output_bus, wire, pitch, route_change, route_words, "
      "route_word_size\n"
      "f:1: power: found nothing, wanted a map of its keys: cluster, core, uncore, floor\n"
      "f:4: clock: found '100 MHz compute: kind: reduction type: int8 clusters: {value..', wanted {value: .., source: \"..\", "
      "trust: ..}");
}

TEST(DeviceFile, ReportsAllErrorsAtOnceInTheFilesOrder) {
  expect_refused({{"clock: <100 MHz>", "clock: <100 Mhz>"},
                  {"  lanes: <8>", "  lanez: <8>"},
                  {"  mac: <0.3 pJ/MAC>\n", ""},
                  {"  size: <1 KiB>", "  size: 1 KiB"},
                  {"<0.0002>", "<0.5>"},
                  {"per_core: <4>", "per_core: <9999>"},
                  {"on_during: requests", "on_during: maybe"},
                  {"  floor: <30 uW>", "  floor: <30 uW>\n  floor: <31 uW>"}},
                 "f:4: clock: found '100 Mhz', wanted a frequency in Hz, kHz, MHz or GHz\n"
                 "f:5: compute.lanes: found nothing, wanted a number without a unit\n"
                 "f:5: compute.mac: found nothing, wanted an energy per MAC in uJ/MAC, nJ/MAC, pJ/MAC or fJ/MAC\n"
                 "f:10: compute.lanez: found an unknown key, wanted a known one, perhaps 'lanes'\n"
                 "f:21: banks.per_core: found '9999', wanted 1 to 1024\n"
                 "f:22: banks.size: found '1 KiB', wanted {value: .., source: \"..\", trust: ..}\n"
                 "f:60: power.uncore.chip.on_during: found 'maybe', wanted requests, external or link\n"
                 "f:66: power.floor: found the key a second time, wanted it once (first on line 65)");
}

TEST(DeviceFile, RefusesWhatIsNoMap) {
  EXPECT_EQ(parse_device("", "f").error().message, "f:1: found an empty file, wanted a device");
  EXPECT_EQ(parse_device("# nothing\n", "f").error().message, "f:1: found an empty file, wanted a device");
  EXPECT_EQ(parse_device("- a\n", "f").error().message, "f:1: found a list, wanted a map of the keys of docs/devices.md");
  EXPECT_EQ(parse_device("edge\n", "f").error().message, "f:1: found 'edge', wanted a map of the keys of docs/devices.md");
}

TEST(DeviceFile, RefusesFilesBeyondAMebibyte) {
  EXPECT_EQ(parse_device(std::string((1 << 20) + 1, '#'), "f").error().message, "f: found 1048577 bytes, wanted at most 1048576");
}

TEST(DeviceFile, RefusesDeepNesting) {
  std::string text = "power:";
  for (int i = 0; i < 20; ++i) text += " {a:";
  EXPECT_FALSE(parse_device(text + std::string(20, '}'), "f"));
  const auto deep = parse_device(device({{"<100 MHz>", "[[[[[[[[[[]]]]]]]]]]"}}), "f");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message,
            "f:4: clock: found nesting deeper than 8, wanted the keys of docs/devices.md\n"
            "f:4: clock: found a list, wanted {value: .., source: \"..\", trust: ..}");
}

TEST(DeviceFile, ShowsAtMostAHundredErrorsAndCountsTheRest) {
  std::string text = device();
  for (int i = 0; i < 150; ++i) text += "unknown" + std::to_string(i) + ": 1\n";
  const std::string message = parse_device(text, "f").error().message;
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 100);
  EXPECT_EQ(message.substr(message.rfind('\n') + 1), "f: and 50 more");
}

TEST(DeviceFile, HostileTextNeitherCrashesNorReachesTheMessage) {
  const std::string hostile = parse_device(device({{"tiny", "\"\\e[31mred\\0\""}}), "f").error().message;
  EXPECT_EQ(hostile, "f:1: name: found '?[31mred?', wanted 1 to 64 lower-case letters, digits, - and _");
  // What parsers recurse on or search through; a file may be sixteen times as long.
  constexpr std::size_t kSize = 1 << 16;
  for (const std::string_view unit :
       {"[", "{", "{a: ", "- ", "? ", "a: ", "&a ", "*a ", "!a ", "'", "\"", "|\n", "%", "\xff", "a\n", ",", "a:\n"}) {
    std::string text;
    while (text.size() + unit.size() <= kSize) text += unit;
    EXPECT_FALSE(parse_device(text, "f")) << unit;
  }
  EXPECT_FALSE(parse_device(std::string(kSize, '\0'), "f"));
}

TEST(DeviceFile, RefusesAMebibyteOfDistinctKeys) {
  std::string text;
  for (int i = 0; text.size() < (1 << 20) - 16; ++i) text += std::to_string(i) + ":\n";
  const std::string message = parse_device(text, "f").error().message;
  EXPECT_NE(message.find("f:1: 0: found an unknown key"), std::string::npos);
}

}  // namespace
}  // namespace gatefold
