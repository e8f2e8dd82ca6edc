#include "gatefold/device/equations.h"

#include <algorithm>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

constexpr std::int64_t kPartialBytes = 4;  // partial sums travel as 32-bit integers (EQ-15)

std::int64_t channels_per_group(const Work& work) { return work.ic / work.group; }
std::int64_t filters_per_group(const Work& work) { return work.oc / work.group; }

/// EQ-3: weight loads of a reduction chip.
std::int64_t reduction_passes(const DeviceSpec& spec, const Work& work) { return ceil_div(work.oc, spec.lanes); }

/// Groups that one tile of a systolic array holds block-diagonally.
std::int64_t groups_per_tile(const DeviceSpec& spec, const Work& work) {
  if (work.group == 1) return 1;
  const std::int64_t side = std::max(work.window * channels_per_group(work), filters_per_group(work));
  return std::max<std::int64_t>(1, spec.array_dim / side);
}

/// EQ-6: cycles of a systolic layer: the first tile's load is exposed, later ones are double-buffered, and the array
/// drains once: dim + tiles * max(M', dim) + 2 * dim - 1.
Cycles systolic_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  const std::int64_t dim = spec.array_dim;
  const std::int64_t groups = ceil_div(work.group, groups_per_tile(spec, work));
  const std::int64_t packed = groups_per_tile(spec, work);
  const std::int64_t columns = ceil_div(filters_per_group(work) * packed, dim);
  const std::int64_t rows = ceil_div(work.window * channels_per_group(work) * packed, dim);
  const std::int64_t arrays = footprint.total();
  const bool by_rows = footprint.split == CoreSplit::kRows;
  const std::int64_t tiles = by_rows ? groups * columns * rows : ceil_div(groups * columns, arrays) * rows;
  const std::int64_t streamed = by_rows ? ceil_div(work.positions, arrays) : work.positions;
  return Cycles(dim + tiles * std::max(streamed, dim) + 2 * dim - 1);
}

/// EQ-4, EQ-5: cycles of a reduction layer: passes * (weight_load * t_mux + positions * t_mux) + pipeline latency.
Cycles reduction_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  const std::int64_t t_mux = time_multiplex(spec, work, footprint.total());
  return (spec.weight_load * t_mux + Cycles(work.positions * t_mux)) * reduction_passes(spec, work) + spec.pipeline_latency;
}

/// EQ-7: vector work: the slower of the values and the output write; EQ-8: moves are the output write alone.
Cycles vector_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  const Cycles write = bus_cycles(spec, work.output, footprint.clusters);
  if (work.kind == WorkClass::kMove) return write;
  const ValuesPerCycle rate = spec.vector_pool.count() > 0 ? spec.vector_pool : spec.vector_per_cluster * footprint.clusters;
  return std::max(ceil_div(work.values, rate), write);
}

/// Passes over the inputs (EQ-14): how often a window is read afresh because a group's filters do not fit the lanes or
/// columns at once. A group whose filters straddle two passes without filling either is counted once.
std::int64_t input_passes(const DeviceSpec& spec, const Work& work) {
  return ceil_div(filters_per_group(work), spec.core_kind == CoreKind::kReduction ? spec.lanes : spec.array_dim);
}

/// EQ-19: cycles to carry bytes at a rate, rounded up.
Cycles cycles_at(const DeviceSpec& spec, Bytes bytes, std::int64_t bytes_per_second) {
  if (bytes == Bytes(0)) return Cycles(0);
  const Int128 scaled = static_cast<Int128>(bytes.count()) * spec.clock_hz;
  const Int128 rate = bytes_per_second;
  return Cycles(static_cast<std::int64_t>((scaled + rate - 1) / rate));
}

/// Arrays that divide rows hold, load and read the whole weights each.
bool full_copies(const DeviceSpec& spec, const Footprint& footprint) {
  return spec.core_kind == CoreKind::kSystolic && footprint.split == CoreSplit::kRows;
}

}  // namespace

std::int64_t time_multiplex(const DeviceSpec& spec, const Work& work, std::int64_t cores) {
  // A depthwise filter has weights only in the core that holds its channel, so more cores never narrow its slice (EQ-5).
  const std::int64_t slice =
      work.kind == WorkClass::kDepthwise ? work.window : work.window * ceil_div(channels_per_group(work), cores);  // EQ-1
  return ceil_div(slice, spec.inputs_per_unit);
}

bool footprint_legal(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const char** reason) {
  const auto illegal = [reason](const char* why) {
    if (reason != nullptr) *reason = why;
    return false;
  };
  if (footprint.clusters > spec.cluster_count || footprint.cores > spec.cores_per_cluster) return illegal("larger than the chip");
  if (footprint.total() == 1) return true;
  if (!work.dot()) {
    return footprint.total() <= work.divisible ? true : illegal("more cores than channels");
  }
  if (spec.core_kind == CoreKind::kReduction) {
    if (footprint.split != CoreSplit::kChannels) return illegal("a reduction chip divides input channels");
    const std::int64_t channels = work.kind == WorkClass::kDepthwise ? work.ic : channels_per_group(work);
    return footprint.total() <= channels ? true : illegal("more cores than input channels");
  }
  if (footprint.total() > work.divisible) return illegal("more arrays than input channels");
  if (footprint.split == CoreSplit::kRows) return work.positions >= footprint.total() ? true : illegal("more arrays than output positions");
  return true;
}

Cycles layer_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  if (!work.dot()) return vector_cycles(spec, work, footprint);
  const Cycles compute =
      spec.core_kind == CoreKind::kReduction ? reduction_cycles(spec, work, footprint) : systolic_cycles(spec, work, footprint);
  return std::max(compute, bus_cycles(spec, work.output, footprint.clusters));
}

DotProducts useful_dot_products(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  if (!work.dot()) return DotProducts(0);
  const std::int64_t outputs = work.positions * work.oc;
  if (spec.core_kind == CoreKind::kSystolic) {
    return DotProducts(outputs * ceil_div(work.window * channels_per_group(work), spec.array_dim));
  }
  if (work.kind == WorkClass::kDepthwise) return DotProducts(outputs * ceil_div(work.window, spec.inputs_per_unit));
  const std::int64_t channels = channels_per_group(work);
  const std::int64_t cores = footprint.total();
  const std::int64_t longer = channels % cores;  // so many cores hold one channel more
  const auto per_position = [&](std::int64_t held) { return ceil_div(work.window * held, spec.inputs_per_unit); };
  return DotProducts(outputs * (longer * per_position(channels / cores + 1) + (cores - longer) * per_position(channels / cores)));
}

std::int64_t dot_products_per_cycle(const DeviceSpec& spec) { return spec.core_kind == CoreKind::kReduction ? spec.lanes : spec.array_dim; }

Bytes sram_traffic(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  if (!work.dot()) return work.read + work.output;
  const std::int64_t windows = work.kind == WorkClass::kDepthwise ? work.positions * work.window * work.oc
                                                                  : work.positions * work.window * work.ic * input_passes(spec, work);
  return weights_stored(spec, work, footprint) + work.element * windows + work.output;
}

DynamicEnergy dynamic_energy(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  DynamicEnergy energy;
  energy.memory = sram_traffic(spec, work, footprint) * spec.sram_byte;
  energy.crossbar = route_energy(spec, footprint.clusters);
  if (!work.dot()) {
    energy.compute = work.values * spec.vector_value;  // EQ-13
    return energy;
  }
  energy.compute = work.macs() * spec.mac;  // EQ-11
  if (spec.core_kind == CoreKind::kReduction) {
    const std::int64_t outputs = work.positions * work.oc;
    const std::int64_t t_mux = time_multiplex(spec, work, footprint.total());
    const std::int64_t partials = work.kind == WorkClass::kDepthwise ? t_mux : footprint.total() * t_mux;
    energy.compute += spec.lane_add * (outputs * (partials - 1));  // EQ-12
    if (work.kind != WorkClass::kDepthwise) {                      // EQ-15; depthwise partials cross no segment
      energy.crossbar += Bytes(kPartialBytes * outputs * t_mux * (footprint.clusters - 1)) * spec.wire_byte_pitch;
    }
  }
  return energy;
}

Energy route_energy(const DeviceSpec& spec, std::int64_t clusters) {
  return (spec.route_control * clusters) * (spec.sram_byte + spec.wire_byte_pitch);
}

std::int64_t byte_pitches(Bytes bytes, std::int32_t from_first, std::int32_t from_count, std::int32_t to_first, std::int32_t to_count) {
  GATEFOLD_REQUIRE(from_count > 0 && to_count > 0);
  const std::int64_t total = bytes.count();
  std::int64_t sum = 0;
  std::int64_t position = 0;
  std::int32_t from = 0;
  std::int32_t to = 0;
  while (position < total) {  // merge the two contiguous deals
    const std::int64_t from_end = (total * (from + 1)) / from_count;
    const std::int64_t to_end = (total * (to + 1)) / to_count;
    const std::int64_t end = std::min(from_end, to_end);
    sum += (end - position) * (std::abs((from_first + from) - (to_first + to)) + 1);
    position = end;
    if (from_end == end && from + 1 < from_count) ++from;
    if (to_end == end && to + 1 < to_count) ++to;
  }
  return sum;
}

Energy wire_energy(const DeviceSpec& spec, Bytes bytes, const Placement& from, const Placement& to) {
  return Bytes(byte_pitches(bytes, from.first, from.clusters, to.first, to.clusters)) * spec.wire_byte_pitch;
}

Cycles bus_cycles(const DeviceSpec& spec, Bytes bytes, std::int64_t clusters) { return ceil_div(bytes, spec.output_bus * clusters); }

Cycles external_cycles(const DeviceSpec& spec, Bytes bytes) { return cycles_at(spec, bytes, spec.external_bytes_per_second); }
Cycles spill_cycles(const DeviceSpec& spec, Bytes bytes) { return cycles_at(spec, bytes, spec.spill_bytes_per_second); }

Cycles row_block_cycles(const DeviceSpec& spec, std::span<const BlockStep> steps, bool overlapped) {
  Cycles sum;
  for (std::size_t b = 0; b < steps.size(); ++b) {
    const BlockStep& step = steps[b];
    const Cycles load = spill_cycles(spec, step.loaded) + external_cycles(spec, step.ahead);
    const Cycles rest = external_cycles(spec, step.streamed - step.ahead);
    const Cycles store = spill_cycles(spec, step.stored);
    if (!overlapped) {
      sum += load + std::max(step.compute, rest) + store;
      continue;
    }
    Cycles beside = rest;
    if (b == 0) sum += load;
    else beside += spill_cycles(spec, steps[b - 1].stored);
    if (b + 1 < steps.size()) beside += spill_cycles(spec, steps[b + 1].loaded) + external_cycles(spec, steps[b + 1].ahead);
    else sum += store;
    sum += std::max(step.compute, beside);
  }
  return sum;
}

Cycles throttled(Cycles cycles, std::int32_t percent) {
  GATEFOLD_REQUIRE(percent >= 1 && percent <= 100);
  return Cycles(ceil_div(cycles.count() * 100, percent));
}

Bytes weights_per_core(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  return full_copies(spec, footprint) ? work.weights : Bytes(ceil_div(work.weights.count(), footprint.total()));
}

Bytes weights_stored(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  return full_copies(spec, footprint) ? work.weights * footprint.total() : work.weights;
}

StreamBuffer stream_buffer(const DeviceSpec& spec, Bytes weights, std::int64_t cores) {
  const Bytes side = spec.bank.size * cores;
  return {std::min(weights, side * 2), std::min(weights, side)};
}

EnergyPerCycle held_leakage(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  const std::int64_t cores = footprint.total();
  const auto banks = [&](Bytes per_core) { return ceil_div(per_core, spec.bank.size); };
  const std::int64_t banks_per_core = banks(weights_per_core(spec, work, footprint)) + banks(Bytes(ceil_div(work.input.count(), cores))) +
                                      banks(Bytes(ceil_div(work.output.count(), cores)));
  EnergyPerCycle held = spec.cluster.on * footprint.clusters + spec.core.on * cores + spec.bank.on * (banks_per_core * cores);
  if (work.kind == WorkClass::kVector) held += spec.vector_pool_gate.on;
  return held;
}

}  // namespace gatefold
