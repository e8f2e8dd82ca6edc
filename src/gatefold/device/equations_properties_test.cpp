// What must hold for any layer on any footprint of any chip: bounds, monotony, consistent counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "device/works.h"
#include "gatefold/device/equations.h"

namespace gatefold {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the layers of device/works.h

/// The same layer with `quarters` quarters of the weights of every slice non-zero.
Work thinned(Work work, std::int64_t quarters) {
  WeightDensity density;
  const std::int64_t channels = work.ic / work.group;
  density.nonzeros = work.oc * work.window * channels * quarters / 4;
  for (std::int64_t n = 1; n <= channels; ++n) density.densest.push_back(work.window * ceil_div(channels, n) * quarters / 4);
  work.density = std::make_shared<const WeightDensity>(std::move(density));
  work.weights = ternary_bytes(work.oc * work.window * channels, work.density->nonzeros, work.oc);
  return work;
}

class Anything : public ::testing::TestWithParam<const char*> {
 protected:
  const DeviceSpec& spec() const { return chip(GetParam()); }
  std::int64_t number(std::int64_t low, std::int64_t high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random_); }

  Work any_dot() {
    Work work = any_dense_dot();
    quarters_ = number(1, 4);
    return spec().ternary ? thinned(work, quarters_) : work;
  }

  Work any_dense_dot() {
    const std::int64_t window = number(1, 7) * number(1, 7);
    const std::int64_t positions = number(1, 4000);
    const std::int64_t element = number(1, 2);
    switch (number(0, 2)) {
      case 0: return dot(WorkClass::kDense, positions, number(1, 600), number(1, 600), window, 1, element);
      case 1: {
        const std::int64_t channels = number(2, 600);
        return dot(WorkClass::kDepthwise, positions, channels, channels, window, channels, element);
      }
      default: {
        const std::int64_t groups = number(2, 32);
        return dot(WorkClass::kGrouped, positions, groups * number(1, 40), groups * number(1, 40), window, groups, element);
      }
    }
  }

  Footprint any_footprint(const Work& work) {
    while (true) {
      Footprint footprint{number(1, spec().cluster_count), number(1, spec().cores_per_cluster)};
      if (spec().core_kind == CoreKind::kSystolic) footprint.split = number(0, 1) == 0 ? CoreSplit::kColumns : CoreSplit::kRows;
      if (footprint_legal(spec(), work, footprint)) return footprint;
    }
  }

  std::int64_t quarters_ = 4;  ///< of the weights of the last layer
  std::mt19937_64 random_{20'240'607};
};

constexpr int kTrials = 2000;

TEST_P(Anything, IsNeverFasterThanThePeak) {
  const DeviceSpec& s = spec();
  const std::int64_t side = s.core_kind == CoreKind::kReduction ? s.lanes : s.array_dim;
  const std::int64_t depth = s.core_kind == CoreKind::kReduction ? s.inputs_per_unit : s.array_dim;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Work work = any_dot();
    const Footprint footprint = any_footprint(work);
    const Cycles cycles = layer_cycles(s, work, footprint);
    ASSERT_GE(cycles.count() * side * depth * footprint.total(), work.macs().count());
    ASSERT_GE(cycles, bus_cycles(s, work.output, footprint.clusters));
    const std::int64_t useful = useful_dot_products(s, work, footprint).count();
    ASSERT_GT(useful, 0);
    ASSERT_LE(useful, cycles.count() * dot_products_per_cycle(s) * footprint.total());
    ASSERT_GE(useful * depth, work.macs().count());
  }
}

/// The same layer with more of one thing. A depthwise layer has as many filters as channels.
Work grown(const Work& work, int what, std::int64_t by) {
  const auto make = [&](std::int64_t positions, std::int64_t ic, std::int64_t oc, std::int64_t window, std::int64_t group) {
    return dot(work.kind, positions, ic, oc, window, group, work.element.count());
  };
  const bool depthwise_layer = work.kind == WorkClass::kDepthwise;
  const std::int64_t more = depthwise_layer ? by : by * work.group;
  switch (what) {
    case 0: return make(work.positions + by, work.ic, work.oc, work.window, work.group);
    case 1: return make(work.positions, work.ic, work.oc, work.window + by, work.group);
    case 2:
      return depthwise_layer ? make(work.positions, work.ic + by, work.oc + by, work.window, work.group + by)
                             : make(work.positions, work.ic + more, work.oc, work.window, work.group);
    default:
      return depthwise_layer ? make(work.positions, work.ic + by, work.oc + by, work.window, work.group + by)
                             : make(work.positions, work.ic, work.oc + more, work.window, work.group);
  }
}

TEST_P(Anything, IsNeverFasterOrCheaperForBeingMore) {
  const DeviceSpec& s = spec();
  for (int trial = 0; trial < kTrials; ++trial) {
    const Work work = any_dot();
    const Footprint footprint = any_footprint(work);
    const int what = static_cast<int>(number(0, 3));
    Work more = grown(work, what, number(1, 50));
    if (s.ternary) more = thinned(more, quarters_);
    ASSERT_TRUE(footprint_legal(s, more, footprint));
    ASSERT_GE(layer_cycles(s, more, footprint), layer_cycles(s, work, footprint)) << "grown " << what;
    const DynamicEnergy before = dynamic_energy(s, work, footprint);
    const DynamicEnergy after = dynamic_energy(s, more, footprint);
    if (!s.ternary) {  // a new weight may be zero
      ASSERT_GT(after.compute, before.compute);
    }
    ASSERT_GE(after.compute, before.compute);
    ASSERT_GT(after.memory, before.memory);
    ASSERT_GE(after.crossbar, before.crossbar);
    ASSERT_GE(held_leakage(s, more, footprint), held_leakage(s, work, footprint));
  }
}

TEST_P(Anything, IsNeverSlowerOnMoreCores) {
  const DeviceSpec& s = spec();
  for (int trial = 0; trial < kTrials; ++trial) {
    const Work work = any_dot();
    const Footprint fewer = any_footprint(work);
    for (const Footprint more :
         {Footprint{fewer.clusters + 1, fewer.cores, fewer.split}, Footprint{fewer.clusters, fewer.cores + 1, fewer.split}}) {
      if (!footprint_legal(s, work, more)) continue;
      ASSERT_LE(layer_cycles(s, work, more), layer_cycles(s, work, fewer));
      ASSERT_GE(weights_stored(s, work, more), work.weights);
      ASSERT_LE(weights_per_core(s, work, more), weights_per_core(s, work, fewer));
      ASSERT_GE(weights_per_core(s, work, more) * more.total(), weights_stored(s, work, more));
    }
  }
}

TEST_P(Anything, CostsNoMoreForItsZerosAndNeverLessThanNothing) {
  DeviceSpec s = spec();
  const bool skips = s.core_kind == CoreKind::kReduction && !s.ternary;
  for (int trial = 0; trial < kTrials; ++trial) {
    s.activation_sparsity = static_cast<ActivationSparsity>(number(0, skips ? 2 : 1));
    s.activation_bitmap = number(0, 1) == 1;
    const Work work = any_dot();
    const Footprint footprint = any_footprint(work);
    const std::int64_t elements = work.input.count() / work.element.count();
    const auto zeros_of = [&](std::int64_t nonzeros, std::int64_t chunks) {
      Zeros zeros{
          nonzeros, elements, stored_bytes(s, work.input, nonzeros, elements), stored_bytes(s, work.output, nonzeros, elements), {}};
      if (skips_blocks(s, work)) zeros.issued = Zeros::Issued{work.positions * std::max<std::int64_t>(1, chunks), work.positions * chunks};
      return zeros;
    };
    const std::int64_t most = s.core_kind == CoreKind::kReduction ? time_multiplex(s, work, footprint.total()) : 1;
    const std::int64_t nonzeros = number(0, elements);
    const std::int64_t chunks = number(0, most);
    const Zeros few = zeros_of(nonzeros, chunks);
    const Zeros more = zeros_of(number(nonzeros, elements), number(chunks, most));
    const DynamicEnergy dense = dynamic_energy(s, work, footprint);
    const DynamicEnergy less = dynamic_energy(s, work, footprint, few);
    const DynamicEnergy some = dynamic_energy(s, work, footprint, more);
    ASSERT_LE(less.compute, some.compute);
    ASSERT_LE(some.compute, dense.compute);
    ASSERT_LE(less.memory, some.memory);
    ASSERT_LE(some.memory, dense.memory);
    ASSERT_GE(less.compute, Energy(0));
    ASSERT_GT(less.memory, Energy(0));
    ASSERT_LE(layer_cycles(s, work, footprint, few), layer_cycles(s, work, footprint, more));
    ASSERT_LE(layer_cycles(s, work, footprint, more), layer_cycles(s, work, footprint));
    ASSERT_GE(layer_cycles(s, work, footprint, few), bus_cycles(s, work.output, footprint.clusters));
    ASSERT_LE(useful_dot_products(s, work, footprint, few).count(),
              layer_cycles(s, work, footprint, few).count() * dot_products_per_cycle(s) * footprint.total());
    if (s.activation_sparsity == ActivationSparsity::kNone) continue;
    // EQ-45: the multiplications cost their density, and an attojoule of rounding.
    const Energy macs = work.macs() * s.mac;
    const auto share = static_cast<double>(nonzeros) / static_cast<double>(elements);
    const Energy adds = dense.compute - macs;
    ASSERT_LE(static_cast<double>((less.compute - adds).count()), share * static_cast<double>(macs.count()) * (1 + 1e-12) + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(OnShippedChips, Anything, ::testing::Values("edge-nnic", "edge-16", "mobile-npu", "server-v5p", "ternary"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace gatefold
