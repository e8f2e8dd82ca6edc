#include "gatefold/remap/chain_program.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "gatefold/base/contract.h"

// One binary, the widest vectors of the machine it runs on: the loader picks the clone. Sanitizers run before it can.
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define GATEFOLD_WIDEST __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define GATEFOLD_WIDEST
#endif

namespace gatefold {
namespace {

constexpr std::size_t kLanes = 4;
constexpr std::size_t kVectors = ChainProgram::kBlock / kLanes;
/// Four costs side by side: one register of AVX2, two of what every x86-64 has.
using Lanes = std::int64_t __attribute__((vector_size(kLanes * sizeof(std::int64_t))));

// By reference: a value of this type would be passed differently under every instruction set.
[[gnu::always_inline]] inline void fill(Lanes& lanes, std::int64_t cost) { lanes = Lanes{cost, cost, cost, cost}; }
[[gnu::always_inline]] inline void load(Lanes& lanes, const std::int64_t* costs) { std::memcpy(&lanes, costs, sizeof lanes); }
[[gnu::always_inline]] inline void keep_less(Lanes& least, const Lanes& other) { least = other < least ? other : least; }
/// Each cost for kWidth lanes.
template <std::size_t kWidth>
[[gnu::always_inline]] inline void repeat(Lanes& lanes, const std::int64_t* costs) {
  if constexpr (kWidth == 1) load(lanes, costs);
  else if constexpr (kWidth == 2) lanes = Lanes{costs[0], costs[0], costs[1], costs[1]};
  else fill(lanes, costs[0]);
}

/// One layer: out[here] = node[here] + the least over next of wake + carry + after[next]. Everything is done for a block of
/// states at a time.
template <std::size_t kWidth>
[[gnu::always_inline]] inline void step(const ChainProgram& program, std::size_t layer, const std::int64_t* after, std::int64_t* out) {
  constexpr std::size_t kBlock = ChainProgram::kBlock;
  const std::size_t groups = program.groups;
  const std::size_t states = groups * kWidth;
  const std::int64_t* node = program.node.data() + layer * states;
  const std::int64_t* carry = program.carry.data() + layer * groups * groups;
  // A next group whose states all cost this much is never better than the cheapest state.
  std::int64_t useful = kNever;
  for (std::size_t next = 0; next < states; ++next) useful = std::min(useful, after[next]);
  useful = std::min(kNever - 1, useful + program.change_max);
  std::uint16_t groups_tried[ChainProgram::kGroupsMax];
  std::size_t tried = 0;
  for (std::size_t next = 0; next < groups; ++next) {
    std::int64_t least = kNever;
    for (std::size_t c = 0; c < kWidth; ++c) least = std::min(least, after[next * kWidth + c]);
    groups_tried[tried] = static_cast<std::uint16_t>(next);
    tried += least <= useful;
  }
  for (std::size_t here = 0; here < states; here += kBlock) {
    const std::int64_t* rows = program.wake.data() + here * states;
    Lanes best[kVectors];
    Lanes lanes;
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) fill(best[v], kNever);
    for (std::size_t t = 0; t < tried; ++t) {
      const std::size_t next = groups_tried[t];
      const std::int64_t* row = rows + next * kWidth * kBlock;
      Lanes group_best[kVectors];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) fill(group_best[v], kNever);
      for (std::size_t c = 0; c < kWidth; ++c, row += kBlock) {
        Lanes base;
        fill(base, after[next * kWidth + c]);
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kVectors; ++v) {
          load(lanes, row + v * kLanes);
          lanes += base;
          keep_less(group_best[v], lanes);
        }
      }
      const std::int64_t* carried = carry + next * groups + here / kWidth;
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) {
        repeat<kWidth>(lanes, carried + v * kLanes / kWidth);
        lanes += group_best[v];
        keep_less(best[v], lanes);
      }
    }
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      load(lanes, node + here + v * kLanes);
      lanes += best[v];
      Lanes never;
      fill(never, kNever);
      keep_less(lanes, never);
      std::memcpy(out + here + v * kLanes, &lanes, sizeof lanes);
    }
  }
}

template <std::size_t kWidth>
[[gnu::always_inline]] inline void all_steps(const ChainProgram& program, std::int64_t* potentials) {
  const std::size_t states = program.states();
  for (std::size_t layer = program.layers - 1; layer-- > 0;) {
    step<kWidth>(program, layer, potentials + (layer + 1) * states, potentials + layer * states);
  }
}

GATEFOLD_WIDEST void run_steps(const ChainProgram& program, std::int64_t* potentials) {
  switch (program.width) {
    case 1: return all_steps<1>(program, potentials);
    case 2: return all_steps<2>(program, potentials);
    case 4: return all_steps<4>(program, potentials);
    case 8: return all_steps<8>(program, potentials);
    case 16: return all_steps<16>(program, potentials);
    default: GATEFOLD_REQUIRE(false);
  }
}

}  // namespace

void ChainProgram::reset(std::size_t layer_count, std::size_t groups_wanted, std::size_t states_in_group) {
  GATEFOLD_REQUIRE(layer_count > 0 && groups_wanted > 0 && std::has_single_bit(states_in_group) && states_in_group <= kBlock);
  GATEFOLD_REQUIRE(groups_wanted <= kGroupsMax);
  layers = layer_count;
  width = states_in_group;
  const std::size_t whole = kBlock / width;
  groups = (groups_wanted + whole - 1) / whole * whole;
  node.assign(layers * states(), kNever);
  wake.assign(states() * states(), 0);
  carry.assign((layers - 1) * groups * groups, 0);
  change_max = 0;
}

void cost_to_go(const ChainProgram& program, std::span<const std::int64_t> ending, std::span<std::int64_t> potentials) {
  const std::size_t states = program.states();
  GATEFOLD_REQUIRE(program.layers > 0 && potentials.size() == program.layers * states);
  const std::size_t last = (program.layers - 1) * states;
  for (std::size_t s = 0; s < states; ++s) {
    potentials[last + s] = std::min(kNever, program.node[last + s] + (ending.empty() ? 0 : ending[s]));
  }
  run_steps(program, potentials.data());
}

std::size_t cheapest_start(const ChainProgram& program, std::span<const std::int64_t> potentials) {
  const auto first = potentials.first(program.states());
  const auto best = std::min_element(first.begin(), first.end());
  GATEFOLD_REQUIRE(*best < kNever);
  return static_cast<std::size_t>(best - first.begin());
}

void trace_path(const ChainProgram& program, std::span<const std::int64_t> potentials, std::size_t first, std::span<std::size_t> path) {
  const std::size_t states = program.states();
  path[0] = first;
  for (std::size_t layer = 1; layer < program.layers; ++layer) {
    std::int64_t best = kNever;
    path[layer] = 0;
    for (std::size_t s = 0; s < states; ++s) {
      const std::int64_t go = potentials[layer * states + s];
      if (go >= best) continue;
      const std::int64_t cost = go + program.edge(layer - 1, path[layer - 1], s);
      if (cost >= best) continue;
      best = cost;
      path[layer] = s;
    }
  }
}

void cost_to_come(const ChainProgram& program, std::span<std::int64_t> arrivals) {
  const std::size_t states = program.states();
  std::copy_n(program.node.begin(), states, arrivals.begin());
  for (std::size_t layer = 1; layer < program.layers; ++layer) {
    const std::int64_t* before = arrivals.data() + (layer - 1) * states;
    for (std::size_t s = 0; s < states; ++s) {
      std::int64_t best = kNever;
      const std::int64_t node = program.node[layer * states + s];
      for (std::size_t p = 0; p < states && node < kNever; ++p) {
        if (before[p] < best) best = std::min(best, before[p] + program.edge(layer - 1, p, s));
      }
      arrivals[layer * states + s] = std::min(kNever, node + best);
    }
  }
}

}  // namespace gatefold
