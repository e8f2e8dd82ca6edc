// The worked examples of docs/cost-model.md with the document's numbers, on the shipped chips.
#include "gatefold/device/equations.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "device/works.h"
#include "gatefold/device/chip.h"

namespace gatefold {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the layers of device/works.h

struct Priced {
  std::int64_t cycles, compute, memory, crossbar, held, leakage;
};

void expect_priced(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Priced& want) {
  ASSERT_TRUE(footprint_legal(spec, work, footprint));
  const DynamicEnergy energy = dynamic_energy(spec, work, footprint);
  EXPECT_EQ(layer_cycles(spec, work, footprint), Cycles(want.cycles));
  EXPECT_EQ(energy.compute, Energy(want.compute));
  EXPECT_EQ(energy.memory, Energy(want.memory));
  EXPECT_EQ(energy.crossbar, Energy(want.crossbar));
  EXPECT_EQ(held_leakage(spec, work, footprint), EnergyPerCycle(want.held));
  EXPECT_EQ(EnergyTotal::over(held_leakage(spec, work, footprint), layer_cycles(spec, work, footprint)), Energy(want.leakage));
}

// ---- six layers by hand ----

TEST(LayersByHand, FirstConvolutionOfKeywordSpotting) {
  expect_priced(chip("edge-nnic"), first_convolution(), kOne, {239, 768'000'000'000, 23'724'000'000, 60'800'000, 1'193'750, 285'306'250});
}

TEST(LayersByHand, Depthwise) {
  expect_priced(chip("edge-nnic"), depthwise(), kOne, {239, 172'800'000'000, 121'248'000'000, 60'800'000, 1'193'750, 285'306'250});
}

TEST(LayersByHand, PointwiseOnOneCoreAndOnTwoByTwo) {
  const DeviceSpec& spec = chip("edge-nnic");
  expect_priced(spec, pointwise(), kOne, {239, 1'228'800'000'000, 30'528'000'000, 60'800'000, 1'193'750, 285'306'250});
  expect_priced(spec, pointwise(), kTwoByTwo, {239, 1'231'200'000'000, 30'528'000'000, 12'921'600'000, 3'575'000, 854'425'000});
}

TEST(LayersByHand, FullyConnected) {
  expect_priced(chip("edge-nnic"), fully_connected(), kOne, {115, 1'843'200'000, 1'338'000'000, 60'800'000, 1'193'750, 137'281'250});
}

TEST(LayersByHand, AveragePoolOnOneClusterAndOnFour) {
  const DeviceSpec& spec = chip("edge-nnic");
  expect_priced(spec, average_pool(), kOne, {125, 2'400'000'000, 12'096'000'000, 60'800'000, 1'162'500, 145'312'500});
  expect_priced(spec, average_pool(), {4, 1}, {32, 2'400'000'000, 12'096'000'000, 243'200'000, 4'650'000, 148'800'000});
}

TEST(LayersByHand, DeepConvolutionOnArraysByColumnsAndByRows) {
  const DeviceSpec& spec = chip("server-v5p");
  const Work work = deep_convolution();
  constexpr std::int64_t kCompute = 116'761'559'040'000;
  expect_priced(spec, work, kOne, {7439, kCompute, 3'704'832'000'000, 115'200'000, 1'466'691'178, 10'910'715'673'142});
  expect_priced(spec, work, {2, 1, CoreSplit::kColumns},
                {3911, kCompute, 3'704'832'000'000, 230'400'000, 2'933'382'356, 11'472'458'394'316});
  expect_priced(spec, work, {2, 1, CoreSplit::kRows}, {4991, kCompute, 5'121'638'400'000, 230'400'000, 2'933'382'356, 14'640'511'338'796});
  EXPECT_EQ(layer_cycles(spec, work, {8, 1, CoreSplit::kColumns}), Cycles(3911));  // two column tiles feed two arrays
  EXPECT_EQ(layer_cycles(spec, work, {8, 1, CoreSplit::kRows}), Cycles(4991));     // a tile's load hides 128 rows or more
}

// ---- the equations one by one ----

TEST(Equations, TimeMultiplexCountsRowsOfWeightsPerPosition) {  // EQ-1, EQ-2
  const DeviceSpec& spec = chip("edge-nnic");
  const Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  EXPECT_EQ(time_multiplex(spec, wide, 1), 16);  // 9 * 256 = 2304 = 16 * 144
  EXPECT_EQ(time_multiplex(spec, wide, 4), 4);   // 9 * 64 = 576
  EXPECT_EQ(time_multiplex(spec, wide, 3), 6);   // 9 * 86 = 774
  EXPECT_EQ(time_multiplex(spec, wide, 16), 1);
  EXPECT_EQ(time_multiplex(spec, depthwise(), 16), 1);                                  // EQ-5: 9 inputs whatever the cores
  EXPECT_EQ(time_multiplex(spec, dot(WorkClass::kGrouped, 64, 256, 128, 9, 4), 1), 4);  // 9 * 64 of a group
}

TEST(Equations, MorePassesAndMoreCoresInOneLayer) {  // EQ-3, EQ-4
  const DeviceSpec& spec = chip("edge-nnic");
  const Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  EXPECT_EQ(layer_cycles(spec, wide, kOne), Cycles(4146));       // 2 * (64 * 16 + 64 * 16) + 50
  EXPECT_EQ(layer_cycles(spec, wide, kTwoByTwo), Cycles(1074));  // 2 * (64 * 4 + 64 * 4) + 50
}

TEST(Equations, TheOutputBusCanBeTheSlowerSide) {  // EQ-4, EQ-18
  Work wide_output = dot(WorkClass::kDense, 1000, 1, 64, 1);
  wide_output.output = Bytes(4 * 64'000);  // 32-bit results
  const DeviceSpec& edge = chip("edge-nnic");
  EXPECT_EQ(layer_cycles(edge, wide_output, kOne), Cycles(4114));  // the first result exists after 64 + 1 + 49 cycles; then 4000
  Work two_passes = dot(WorkClass::kDense, 1000, 1, 128, 1);
  two_passes.output = Bytes(2 * 128'000);                         // 2 cycles of the bus for each position of 1 cycle
  EXPECT_EQ(layer_cycles(edge, two_passes, kOne), Cycles(4114));  // 64 + 1 + 49 + 4000: the second load is hidden behind writes
  two_passes.positions = 10;
  two_passes.output = Bytes(2 * 1280);
  EXPECT_EQ(layer_cycles(edge, two_passes, kOne), Cycles(208));  // 2 * 64 + 10 + 1 + 49 + 20: the bus waits for the second load
  // Where a position's results take no longer than its chunks the bus adds the last position's rest only.
  Work narrow = dot(WorkClass::kDense, 100, 1, 64, 300);  // 300 products: 3 cycles
  narrow.output = Bytes(3 * 6400);
  EXPECT_EQ(layer_cycles(edge, narrow, kOne), Cycles(3 * 64 + 300 + 50 + 2));
}

TEST(Equations, GroupsShareATileOfAnArray) {  // EQ-6
  const DeviceSpec& spec = chip("server-v5p");
  const Work work = dot(WorkClass::kDepthwise, 3136, 64, 64, 9, 64, 2);
  EXPECT_EQ(layer_cycles(spec, work, kOne), Cycles(16'063));  // 14 groups a tile: 128 + 5 * 3136 + 255
}

TEST(Equations, VectorAndMoveLayers) {  // EQ-7, EQ-8
  const DeviceSpec& edge = chip("edge-nnic");
  EXPECT_EQ(layer_cycles(edge, softmax(), kOne), Cycles(1));
  Work move = vector(0, 8000, 8000, 8000, 64);
  move.kind = WorkClass::kMove;
  EXPECT_EQ(layer_cycles(edge, move, kOne), Cycles(125));
  EXPECT_EQ(layer_cycles(edge, move, {4, 1}), Cycles(32));
  const Work add = vector(8000, 16'000, 16'000, 8000, 64);
  EXPECT_EQ(layer_cycles(chip("server-v5p"), add, kOne), Cycles(16));  // 8000 B over 512 B a cycle; the pool needs 2
}

TEST(Equations, DotProductsUsefulAndOffered) {  // EQ-9, EQ-10
  const DeviceSpec& edge = chip("edge-nnic");
  const Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  EXPECT_EQ(useful_dot_products(edge, wide, {1, 3}), DotProducts(8192 * (6 + 6 + 6)));  // 86, 85 and 85 channels
  EXPECT_EQ(useful_dot_products(edge, depthwise(), {4, 4}), DotProducts(8000));
  EXPECT_EQ(dot_products_per_cycle(edge), 64);
  EXPECT_EQ(useful_dot_products(chip("server-v5p"), deep_convolution(), kOne), DotProducts(196 * 256 * 18));
  EXPECT_EQ(dot_products_per_cycle(chip("server-v5p")), 128);
  EXPECT_EQ(useful_dot_products(edge, average_pool(), kOne), DotProducts(0));
}

TEST(Equations, TermsOfDynamicEnergy) {  // EQ-11 .. EQ-16
  const DeviceSpec& edge = chip("edge-nnic");
  EXPECT_EQ(pointwise().macs(), Macs(512'000));  // EQ-11
  const Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  const Energy macs = wide.macs() * edge.mac;
  EXPECT_EQ(macs, Energy(45'298'483'200'000));
  EXPECT_EQ(dynamic_energy(edge, wide, kOne).compute - macs, Energy(8192 * 15 * 100'000LL));  // EQ-12
  EXPECT_EQ(dynamic_energy(edge, depthwise(), {4, 4}).compute, Energy(172'800'000'000));      // one core adds nothing
  EXPECT_EQ(dynamic_energy(edge, average_pool(), kOne).compute, Energy(8000 * 300'000LL));    // EQ-13
  EXPECT_EQ(sram_traffic(edge, wide, kOne), Bytes(295'424 + 294'912 + 8'192));                // EQ-14
  EXPECT_EQ(sram_traffic(chip("server-v5p"), deep_convolution(), {2, 1, CoreSplit::kColumns}), Bytes(3'087'360));
  EXPECT_EQ(sram_traffic(chip("server-v5p"), deep_convolution(), {2, 1, CoreSplit::kRows}), Bytes(4'268'032));
  EXPECT_EQ(dynamic_energy(edge, wide, kTwoByTwo).crossbar, Energy(52'428'800'000 + 121'600'000));  // EQ-15, EQ-16
  EXPECT_EQ(dynamic_energy(edge, depthwise(), {4, 4}).crossbar, route_energy(edge, 4));
  EXPECT_EQ(route_energy(edge, 1), Energy(60'800'000));
}

TEST(Equations, WiresOfAnOutput) {  // EQ-17
  const DeviceSpec& edge = chip("edge-nnic");
  EXPECT_EQ(byte_pitches(Bytes(8000), 0, 1, 0, 1), 8000);
  EXPECT_EQ(byte_pitches(Bytes(8000), 0, 1, 2, 1), 24'000);
  EXPECT_EQ(byte_pitches(Bytes(8000), 0, 2, 0, 4), 16'000);  // a quarter each over 1, 2, 2 and 3 pitches
  EXPECT_EQ(wire_energy(edge, Bytes(8000), {0, 1, 1}, {2, 1, 1}), Energy(9'600'000'000));
}

TEST(Equations, BusesExternalMemoryAndThrottling) {  // EQ-18 .. EQ-20
  const DeviceSpec& edge = chip("edge-nnic");
  EXPECT_EQ(bus_cycles(edge, Bytes(8000), 1), Cycles(125));
  EXPECT_EQ(bus_cycles(edge, Bytes(8000), 4), Cycles(32));
  EXPECT_EQ(external_cycles(edge, Bytes(1000)), Cycles(500));
  EXPECT_EQ(external_cycles(chip("server-v5p"), Bytes(1'000'000)), Cycles(615));
  EXPECT_EQ(throttled(Cycles(239), 50), Cycles(478));
  EXPECT_EQ(throttled(Cycles(239), 30), Cycles(797));
}

TEST(Equations, RowBlocksShareOneChannelWithTheirWeights) {  // EQ-19, EQ-52
  const DeviceSpec& edge = chip("edge-nnic");                // 2 B per cycle, for weights and spilled rows alike
  EXPECT_EQ(spill_cycles(edge, Bytes(1000)), Cycles(500));
  EXPECT_EQ(spill_cycles(edge, Bytes(0)), Cycles(0));
  const BlockStep step{Cycles(700), Bytes(200), Bytes(100), Bytes(1000), Bytes(400)};
  EXPECT_EQ(row_block_cycles(edge, std::vector{step}, false), Cycles(300 + 700 + 50));
  EXPECT_EQ(row_block_cycles(edge, std::vector{step, step}, false), Cycles(2 * (300 + 700 + 50)));
  // While a block computes, the rest of its weights arrives, and all that the next one needs; or the one before is stored.
  EXPECT_EQ(row_block_cycles(edge, std::vector{step, step}, true), Cycles(300 + 700 + 700 + 50));
  const BlockStep quick{Cycles(100), Bytes(200), Bytes(100), Bytes(1000), Bytes(400)};
  EXPECT_EQ(row_block_cycles(edge, std::vector{quick, quick}, true), Cycles(300 + (300 + 300) + (300 + 50) + 50));
}

TEST(Equations, WeightsAndWhatIsHeld) {  // EQ-21, EQ-22
  const DeviceSpec& server = chip("server-v5p");
  const Work deep = deep_convolution();
  EXPECT_EQ(weights_per_core(server, deep, {2, 1, CoreSplit::kColumns}), Bytes(590'336));
  EXPECT_EQ(weights_per_core(server, deep, {2, 1, CoreSplit::kRows}), Bytes(1'180'672));
  EXPECT_EQ(weights_stored(server, deep, {2, 1, CoreSplit::kColumns}), Bytes(1'180'672));
  EXPECT_EQ(weights_stored(server, deep, {2, 1, CoreSplit::kRows}), Bytes(2'361'344));
  const DeviceSpec& edge = chip("edge-nnic");
  const Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  EXPECT_EQ(weights_per_core(edge, wide, kTwoByTwo), Bytes(73'856));
  EXPECT_EQ(held_leakage(edge, wide, kOne), EnergyPerCycle(600'000 + 500'000 + 31'250 * (19 + 1 + 1)));
  EXPECT_EQ(held_leakage(edge, wide, kTwoByTwo), EnergyPerCycle(2 * 600'000 + 4 * (500'000 + 31'250 * (5 + 1 + 1))));
  const Work add = vector(8000, 16'000, 16'000, 8000, 64);
  EXPECT_EQ(held_leakage(server, add, kOne) - server.core.on - server.bank.on * 2, server.vector_pool_gate.on);
}

TEST(Equations, AStreamedLayerHasTwoBanksInEveryCore) {  // EQ-31
  const DeviceSpec& edge = chip("edge-nnic");
  EXPECT_EQ(stream_buffer(edge, Bytes(295'424), 1).prefetched, Bytes(32'768));
  EXPECT_EQ(stream_buffer(edge, Bytes(295'424), 1).first, Bytes(16'384));
  EXPECT_EQ(stream_buffer(edge, Bytes(295'424), 4).prefetched, Bytes(131'072));
  EXPECT_EQ(stream_buffer(edge, Bytes(295'424), 4).first, Bytes(65'536));
  EXPECT_EQ(stream_buffer(edge, Bytes(4'352), 1).first, Bytes(4'352));
}

TEST(Equations, Transfers) {  // EQ-23, EQ-24
  const DeviceSpec& edge = chip("edge-nnic");
  const Placement one{0, 1, 1};
  const Placement pair{2, 2, 1};
  EXPECT_EQ(transfer_energy(edge, Bytes(4352), one, {2, 1, 1}), Energy(18'278'400'000));  // 4352 * (2 * 1.5 + 3 * 0.4) pJ
  EXPECT_EQ(transfer_cycles(edge, Bytes(4352), one, pair), Cycles(68));
  EXPECT_EQ(transfer_cycles(edge, Bytes(4352), {0, 2, 1}, pair), Cycles(34));
}

TEST(Equations, AGapTakesTheCheapestState) {  // EQ-32, EQ-35
  const DeviceSpec& edge = chip("edge-nnic");
  EXPECT_EQ(edge.core.wake_energy, Energy(22'795'000));         // 47 * (500,000 - 15,000)
  EXPECT_EQ(edge.bank.wake_energy_retention, Energy(960'958));  // 41 * (31,250 - 7,812)
  EXPECT_EQ(edge.bank.wake_energy_off, Energy(2'562'008));      // 82 * (31,250 - 6)
  const struct {
    bool bank, data;
    std::int64_t gap, on, gated, wake;  ///< what the gap adds to the three parts
  } cases[] = {
      {true, true, 41, 41 * 31'250, 0, 0},             // equal cost: it stays ON
      {true, true, 100, 0, 781'200, 960'958},          // RETENTION
      {true, true, 300, 0, 2'343'600, 960'958},        // RETENTION: OFF would lose the data
      {true, false, 205, 0, 205 * 7'812, 960'958},     // RETENTION although empty
      {true, false, 206, 0, 206 * 6, 2'562'008},       // OFF
      {false, false, 47, 47 * 500'000, 0, 0},          // a core, ON
      {false, false, 48, 0, 48 * 15'000, 22'795'000},  // a core, OFF
  };
  for (const auto& c : cases) {
    Ledger ledger;
    Gating gating(edge, GatingScope::kAll, ledger);
    const ElementId element = c.bank ? gating.bank(BankId(0)) : gating.core(CoreId(0));
    gating.hold(element, Cycles(0), Cycles(10));
    if (c.data) gating.set_uses(BankId(0), {.weights = 1});
    const EnergyTotal before = ledger.part(Part::kLeakageOn);
    gating.hold(element, Cycles(10 + c.gap), Cycles(10 + c.gap));
    EXPECT_EQ(ledger.part(Part::kLeakageOn) - before, Energy(c.on)) << c.gap;
    EXPECT_EQ(ledger.part(Part::kLeakageGated), Energy(c.gated)) << c.gap;
    EXPECT_EQ(ledger.part(Part::kTransitions), Energy(c.wake)) << c.gap;
  }
}

TEST(Equations, AnInterruptedLayerHasSpentItsShareOfTheTime) {  // EQ-60
  const DynamicEnergy whole{Energy(1'228'800'000'000), Energy(30'528'000'000), Energy(60'800'000)};
  const DynamicEnergy spent = spent_until(whole, Cycles(100), Cycles(239));
  EXPECT_EQ(spent.compute, Energy(514'142'259'414));
  EXPECT_EQ(spent.memory, Energy(12'773'221'757));
  EXPECT_EQ(spent.crossbar, Energy(25'439'330));
  EXPECT_EQ(spent_until(whole, Cycles(0), Cycles(239)).total(), Energy(0));
  EXPECT_EQ(spent_until(whole, Cycles(239), Cycles(239)).total(), whole.total());
}

TEST(Equations, WhatARunNeverUsesIsOffFromTheStart) {  // EQ-32
  const DeviceSpec& edge = chip("edge-nnic");
  Ledger ledger;
  Gating gating(edge, GatingScope::kAll, ledger);
  gating.set_uses(BankId(0), {.weights = 1});
  gating.hold(gating.core(CoreId(0)), Cycles(0), Cycles(30));
  gating.settle(Cycles(40));  // too short for any break-even time
  EXPECT_EQ(ledger.part(Part::kLeakageOn), Energy(30 * 500'000));
  const std::int64_t clusters = 40 * 4 * 18'000;
  const std::int64_t cores = 10 * 15'000 + 40 * 15 * 15'000;
  const std::int64_t banks = 40 * (7'812 + 127 * 6);
  EXPECT_EQ(ledger.part(Part::kLeakageGated), Energy(clusters + cores + banks));
  EXPECT_EQ(ledger.part(Part::kTransitions), Energy(0));
}

TEST(Equations, DataKeepTheClustersOnTheirWayOn) {  // accounting rule of EQ-17 and EQ-23
  const DeviceSpec& edge = chip("edge-nnic");
  Chip modelled(edge, GatingScope::kAll);
  modelled.hold_path({3, 1, 1}, {1, 1, 1}, Cycles(0), Cycles(10));
  for (std::int32_t k = 0; k < edge.cluster_count; ++k) {
    EXPECT_EQ(modelled.gating().is_on(modelled.gating().cluster(ClusterId(k)), Cycles(0), Cycles(10)), k >= 1) << k;
  }
  EXPECT_EQ(modelled.ledger().part(Part::kLeakageOn), Energy(3 * 10 * 600'000));
}

// ---- a whole network ----

std::vector<Work> keyword_spotting() {
  std::vector<Work> works{first_convolution()};
  for (int block = 0; block < 4; ++block) {
    works.push_back(depthwise());
    works.push_back(pointwise());
  }
  works.push_back(average_pool());
  works.push_back(fully_connected());
  works.push_back(softmax());
  return works;
}

/// Each layer on the widest legal footprint within these bounds.
Cycles network_cycles(const DeviceSpec& spec, std::int64_t clusters, std::int64_t cores) {
  Cycles sum;
  for (const Work& work : keyword_spotting()) {
    Footprint footprint{clusters, cores};
    while (!footprint_legal(spec, work, footprint)) --(footprint.clusters > 1 ? footprint.clusters : footprint.cores);
    sum += layer_cycles(spec, work, footprint);
  }
  return sum;
}

TEST(KeywordSpotting, MoreCoresBuyNothingButAFasterPool) {
  const DeviceSpec& spec = chip("edge-nnic");
  EXPECT_EQ(network_cycles(spec, 1, 1), Cycles(2392));
  EXPECT_EQ(network_cycles(spec, 1, 4), Cycles(2392));
  EXPECT_EQ(network_cycles(spec, 4, 4), Cycles(2299));
  EnergyTotal dynamic;
  for (const Work& work : keyword_spotting()) dynamic += dynamic_energy(spec, work, kOne).total();
  EXPECT_EQ(dynamic, EnergyTotal(Energy(7'023'717'600'000)));
}

TEST(BytePitches, AreThoseOfEveryByteByItself) {
  std::mt19937_64 random{7};
  const auto number = [&](int low, int high) { return std::uniform_int_distribution<std::int32_t>(low, high)(random); };
  for (int trial = 0; trial < 3000; ++trial) {
    const std::int64_t total = number(0, 300);
    const std::int32_t from_first = number(0, 20), from_count = number(1, 16), to_first = number(0, 20), to_count = number(1, 16);
    std::int64_t sum = 0;
    for (std::int64_t byte = 0; byte < total; ++byte) {
      // Cluster i of n holds the bytes from floor(total * i / n) to floor(total * (i + 1) / n).
      std::int32_t from = 0;
      while (byte >= total * (from + 1) / from_count) ++from;
      std::int32_t to = 0;
      while (byte >= total * (to + 1) / to_count) ++to;
      sum += std::abs(from_first + from - to_first - to) + 1;
    }
    ASSERT_EQ(byte_pitches(Bytes(total), from_first, from_count, to_first, to_count), sum)
        << total << " bytes, " << from_first << "+" << from_count << " to " << to_first << "+" << to_count;
  }
}

}  // namespace
}  // namespace gatefold
