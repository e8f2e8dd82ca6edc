// The worked examples of what a device file may say beyond the shipped chips: shared segments, weight buffers, a controller,
// zeros of activations, ternary weights.
#include <gtest/gtest.h>

#include "device/works.h"
#include "gatefold/device/equations.h"

namespace gatefold {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the layers of device/works.h

TEST(Equations, ASegmentThatSeveralLayersShareGivesEachItsLanes) {  // EQ-3
  DeviceSpec shared = chip("edge-nnic");
  shared.segment_layers = 2;
  const Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  EXPECT_EQ(layer_cycles(shared, wide, kOne), Cycles(4 * 2048 + 50));  // 128 filters on 32 lanes
  shared.segment_layers = 4;
  EXPECT_EQ(layer_cycles(shared, wide, kOne), Cycles(8 * 2048 + 50));
  EXPECT_EQ(sram_traffic(shared, wide, kOne), Bytes(295'424 + 8 * 147'456 + 8192));  // EQ-14: a window is read in every pass
}

TEST(Equations, ASliceBeyondTheWeightBufferIsIllegal) {  // EQ-1
  DeviceSpec spec = chip("edge-nnic");
  const Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  spec.weight_buffer = Bytes(576);
  const char* reason = nullptr;
  EXPECT_FALSE(footprint_legal(spec, wide, {1, 3}, &reason));  // 9 * 86
  EXPECT_STREQ(reason, "a filter's slice is larger than the weight buffer");
  EXPECT_FALSE(footprint_legal(spec, wide, kOne));
  EXPECT_TRUE(footprint_legal(spec, wide, kTwoByTwo));  // 9 * 64
  EXPECT_TRUE(footprint_legal(spec, depthwise(), kOne));
}

TEST(Equations, WhatTheVectorUnitLacksRunsInTheController) {  // EQ-7, EQ-13
  DeviceSpec spec = chip("edge-nnic");
  Work work = average_pool();
  work.kind = WorkClass::kController;
  const char* reason = nullptr;
  EXPECT_FALSE(footprint_legal(spec, work, kOne, &reason));
  EXPECT_STREQ(reason, "neither its vector unit nor a controller computes it");
  spec.controller = ValuesPerCycle(2);
  spec.controller_value = EnergyPerValue(5'000'000);
  EXPECT_TRUE(footprint_legal(spec, work, kOne));
  EXPECT_EQ(layer_cycles(spec, work, kOne), Cycles(4000));
  EXPECT_EQ(layer_cycles(spec, work, {4, 1}), Cycles(4000));  // there is one
  EXPECT_EQ(dynamic_energy(spec, work, kOne).compute, Energy(40'000'000'000));
}

TEST(Equations, ZeroOperandsToggleNothing) {  // EQ-45
  DeviceSpec spec = chip("edge-nnic");
  const Work work = pointwise();
  Zeros half = no_zeros(work);
  half.nonzeros = 3000;
  half.elements = 8000;
  EXPECT_EQ(dynamic_energy(spec, work, kOne, half).compute, Energy(1'228'800'000'000));  // `none`: nothing follows zeros
  for (const ActivationSparsity sparsity : {ActivationSparsity::kGate, ActivationSparsity::kSkip}) {
    spec.activation_sparsity = sparsity;
    EXPECT_EQ(dynamic_energy(spec, work, kOne, half).compute, Energy(460'800'000'000));
    EXPECT_EQ(dynamic_energy(spec, work, kOne, half).memory, dynamic_energy(spec, work, kOne).memory);
    EXPECT_EQ(dynamic_energy(spec, work, kTwoByTwo, half).compute, Energy(463'200'000'000));  // lane adds stay
    EXPECT_EQ(layer_cycles(spec, work, kOne, half), Cycles(239));
  }
}

TEST(Equations, BlocksOfZerosAreNotIssued) {  // EQ-46
  DeviceSpec spec = chip("edge-nnic");
  spec.activation_sparsity = ActivationSparsity::kSkip;
  const Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  Zeros zeros = no_zeros(wide);
  zeros.issued = Zeros::Issued{.slowest = 512, .all = 512};  // of 64 * 16 chunks
  EXPECT_EQ(layer_cycles(spec, wide, kOne, zeros), Cycles(2 * (64 * 16 + 512) + 50));
  EXPECT_EQ(useful_dot_products(spec, wide, kOne, zeros), DotProducts(512 * 128));
  EXPECT_EQ(useful_dot_products(spec, wide, kOne), DotProducts(1024 * 128));
  const Work channelwise = depthwise();
  EXPECT_FALSE(skips_blocks(spec, channelwise));  // every lane has a window of its own
  EXPECT_FALSE(skips_blocks(chip("edge-nnic"), wide));
}

TEST(Equations, ABitmapAndTheNonZeroElements) {  // EQ-47
  DeviceSpec spec = chip("edge-nnic");
  EXPECT_EQ(stored_bytes(spec, Bytes(8000), 3000, 8000), Bytes(8000));
  spec.activation_bitmap = true;
  EXPECT_EQ(stored_bytes(spec, Bytes(8000), 3000, 8000), Bytes(4000));
  EXPECT_EQ(stored_bytes(spec, Bytes(16'000), 3000, 8000), Bytes(7000));  // elements of 16 bits
  EXPECT_EQ(stored_bytes(spec, Bytes(8000), 7500, 8000), Bytes(8000));    // plain is less
  const Work work = pointwise();
  const Zeros zeros{.nonzeros = 3000, .elements = 8000, .input = Bytes(4000), .output = Bytes(5000), .issued = {}};
  EXPECT_EQ(sram_traffic(spec, work, kOne, zeros), Bytes(4352 + 4000 + 5000));
}

TEST(Equations, TernaryWeightsSplitDenseSlices) {  // EQ-48
  const DeviceSpec& spec = chip("ternary");
  Work wide = dot(WorkClass::kDense, 64, 256, 128, 9);
  const auto filled = [&](std::int64_t nonzeros, std::vector<std::int64_t> densest) {
    wide.density = std::make_shared<const WeightDensity>(WeightDensity{nonzeros, {}, std::move(densest)});
  };
  filled(73'728, {576, 288, 192, 144});  // a quarter everywhere
  EXPECT_EQ(density_split(spec, wide, 1), 1);
  EXPECT_EQ(activation_portions(spec, wide), 2);
  EXPECT_EQ(layer_cycles(spec, wide, kOne), Cycles(2 * (64 * 16 + 64 * 16 * 2) + 50));
  EXPECT_EQ(wide.macs(), Macs(64 * 73'728));
  filled(73'729, {577, 288, 192, 144});  // one more
  EXPECT_EQ(density_split(spec, wide, 1), 2);
  EXPECT_EQ(layer_cycles(spec, wide, kOne), Cycles(2 * (64 * 32 + 64 * 32 * 2) + 50));
  EXPECT_EQ(time_multiplex(spec, wide, 2), 8);
  filled(73'728, {576, 288, 576, 144});  // on three cores one slice would hold all: two are faster
  EXPECT_EQ(time_multiplex(spec, wide, 3), 8);
  EXPECT_EQ(useful_dot_products(spec, wide, {1, 3}), DotProducts(8192 * 2 * (8 + 8)));
}

TEST(Equations, TernaryWeightsAreStoredByNonZeros) {  // EQ-49
  EXPECT_EQ(ternary_bytes(294'912, 73'728, 128), Bytes(46'080 + 512));
  EXPECT_EQ(ternary_bytes(9, 0, 1), Bytes(2 + 4));
}

}  // namespace
}  // namespace gatefold
