#include "gatefold/device/equations.h"

#include <algorithm>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

constexpr std::int64_t kPartialBytes = 4;  // partial sums travel as 32-bit integers (EQ-15)

std::int64_t channels_per_group(const Work& work) { return work.ic / work.group; }
std::int64_t filters_per_group(const Work& work) { return work.oc / work.group; }

/// EQ-3: weight loads of a reduction chip.
std::int64_t reduction_passes(const DeviceSpec& spec, const Work& work) { return ceil_div(work.oc, spec.lanes_per_layer()); }

/// EQ-1: weights of one filter that one core holds. A depthwise filter has weights only in the core that holds its channel,
/// so more cores never narrow its slice (EQ-5).
std::int64_t slice_of(const Work& work, std::int64_t cores) {
  return work.kind == WorkClass::kDepthwise ? work.window : work.window * ceil_div(channels_per_group(work), cores);
}

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

/// EQ-4, EQ-5: cycles of a reduction layer whose passes each take `stream` cycles after their weights are loaded: until the
/// last result is written. What waits for the bus is the results from one position on, whichever has the most behind it: the
/// first or last position of the first pass, of the last whole one or of the last.
Cycles reduction_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint, std::int64_t stream) {
  const std::int64_t load = spec.weight_load.count() * time_multiplex(spec, work, footprint.total());
  const std::int64_t passes = reduction_passes(spec, work);
  const std::int64_t position = ceil_div(stream, work.positions);
  const std::int64_t result = ceil_div(work.output.count(), work.positions * work.oc);  // bytes
  std::int64_t last = passes * (load + stream);
  for (const std::int64_t pass : {std::int64_t{0}, std::max<std::int64_t>(0, passes - 2), passes - 1}) {
    const std::int64_t filters = work.oc - pass * spec.lanes_per_layer();  // of this pass and later ones
    const std::int64_t begun = pass * (load + stream) + load;
    const std::int64_t before = (work.positions - 1) * std::min(filters, spec.lanes_per_layer());
    const Cycles all = bus_cycles(spec, Bytes(result * filters * work.positions), footprint.clusters);
    const Cycles rest = bus_cycles(spec, Bytes(result * (filters * work.positions - before)), footprint.clusters);
    last = std::max({last, begun + position - 1 + all.count(), begun + stream - 1 + rest.count()});
  }
  return Cycles(last) + spec.pipeline_latency;
}

/// EQ-7: vector work: the slower of the values and the output write; EQ-8: moves are the output write alone.
Cycles vector_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  const Cycles write = bus_cycles(spec, work.output, footprint.clusters);
  if (work.kind == WorkClass::kMove) return write;
  if (work.kind == WorkClass::kController) return std::max(ceil_div(work.values, spec.controller), write);
  const ValuesPerCycle rate = spec.vector_pool.count() > 0 ? spec.vector_pool : spec.vector_per_cluster * footprint.clusters;
  return std::max(ceil_div(work.values, rate), write);
}

/// Passes over the inputs (EQ-14): how often a window is read afresh because a group's filters do not fit the lanes or
/// columns at once. A group whose filters straddle two passes without filling either is counted once.
std::int64_t input_passes(const DeviceSpec& spec, const Work& work) {
  return ceil_div(filters_per_group(work), spec.core_kind == CoreKind::kReduction ? spec.lanes_per_layer() : spec.array_dim);
}

/// EQ-2 where exactly so many cores divide the channels.
std::int64_t slice_cycles(const DeviceSpec& spec, const Work& work, std::int64_t cores) {
  return ceil_div(slice_of(work, cores) * density_split(spec, work, cores), spec.inputs_per_unit);
}

/// Of `cores`, how many hold channels: all, but where non-zero weights lie so that fewer and longer slices need fewer units
/// (EQ-48).
std::int64_t dividing_cores(const DeviceSpec& spec, const Work& work, std::int64_t cores) {
  if (work.density == nullptr) return cores;
  std::int64_t best = cores;
  for (std::int64_t fewer = cores - 1; fewer >= 1; --fewer) {
    if (slice_cycles(spec, work, fewer) < slice_cycles(spec, work, best)) best = fewer;
  }
  return best;
}

/// ceil(whole * part / of); all of it where `of` is nothing.
template <class Amount>
Amount scaled(Amount whole, std::int64_t part, std::int64_t of) {
  GATEFOLD_REQUIRE(part >= 0 && part <= of);
  if (of == 0) return whole;
  const Int128 product = static_cast<Int128>(whole.count()) * part;
  return Amount(static_cast<std::int64_t>((product + of - 1) / of));
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

std::int64_t density_split(const DeviceSpec& spec, const Work& work, std::int64_t cores) {
  if (work.density == nullptr) return 1;
  const auto& densest = work.density->densest;
  const auto nonzeros = densest[std::min(static_cast<std::size_t>(cores), densest.size()) - 1];
  return std::clamp<std::int64_t>(ceil_div(nonzeros * spec.weight_share, slice_of(work, cores)), 1, spec.weight_share);
}

std::int64_t activation_portions(const DeviceSpec& spec, const Work& work) {
  constexpr std::int64_t kByteBits = 8;
  return spec.ternary ? ceil_div(work.element.count() * kByteBits, spec.tree_bits) : 1;
}

Bytes ternary_bytes(std::int64_t weights, std::int64_t nonzeros, std::int64_t filters) {
  constexpr std::int64_t kByteBits = 8;
  constexpr std::int64_t kBiasBytes = 4;
  return Bytes(ceil_div(weights + nonzeros, kByteBits) + kBiasBytes * filters);
}

std::int64_t time_multiplex(const DeviceSpec& spec, const Work& work, std::int64_t cores) {
  return slice_cycles(spec, work, dividing_cores(spec, work, cores));
}

bool footprint_legal(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const char** reason) {
  const auto illegal = [reason](const char* why) {
    if (reason != nullptr) *reason = why;
    return false;
  };
  if (footprint.clusters > spec.cluster_count || footprint.cores > spec.cores_per_cluster) return illegal("larger than the chip");
  const bool is_reduction = work.dot() && spec.core_kind == CoreKind::kReduction;
  if (is_reduction && spec.weight_buffer && work.element * slice_of(work, footprint.total()) > *spec.weight_buffer) {
    return illegal("a filter's slice is larger than the weight buffer");
  }
  if (work.kind == WorkClass::kController && spec.controller.count() == 0) {
    return illegal("neither its vector unit nor a controller computes it");
  }
  if (footprint.total() == 1) return true;
  if (!work.dot()) {
    return footprint.total() <= work.divisible ? true : illegal("more cores than channels");
  }
  if (is_reduction) {
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
  if (spec.core_kind == CoreKind::kSystolic) {
    return std::max(systolic_cycles(spec, work, footprint), bus_cycles(spec, work.output, footprint.clusters));
  }
  const std::int64_t t_mux = time_multiplex(spec, work, footprint.total());
  return reduction_cycles(spec, work, footprint, work.positions * t_mux * activation_portions(spec, work));
}

Cycles layer_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Zeros& zeros) {
  if (!zeros.issued || !skips_blocks(spec, work)) return layer_cycles(spec, work, footprint);
  GATEFOLD_REQUIRE(zeros.issued->slowest >= work.positions);
  return reduction_cycles(spec, work, footprint, zeros.issued->slowest);
}

DotProducts useful_dot_products(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  if (!work.dot()) return DotProducts(0);
  const std::int64_t outputs = work.positions * work.oc;
  if (spec.core_kind == CoreKind::kSystolic) {
    return DotProducts(outputs * ceil_div(work.window * channels_per_group(work), spec.array_dim));
  }
  const std::int64_t cores = dividing_cores(spec, work, footprint.total());
  const std::int64_t split = density_split(spec, work, cores);
  const std::int64_t portions = activation_portions(spec, work);
  if (work.kind == WorkClass::kDepthwise) return DotProducts(outputs * portions * ceil_div(work.window * split, spec.inputs_per_unit));
  const std::int64_t channels = channels_per_group(work);
  const std::int64_t longer = channels % cores;  // so many cores hold one channel more
  const auto per_position = [&](std::int64_t held) { return portions * ceil_div(work.window * held * split, spec.inputs_per_unit); };
  return DotProducts(outputs * (longer * per_position(channels / cores + 1) + (cores - longer) * per_position(channels / cores)));
}

DotProducts useful_dot_products(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Zeros& zeros) {
  if (!zeros.issued || !skips_blocks(spec, work)) return useful_dot_products(spec, work, footprint);
  return DotProducts(zeros.issued->all * work.oc);
}

std::int64_t dot_products_per_cycle(const DeviceSpec& spec) { return spec.core_kind == CoreKind::kReduction ? spec.lanes : spec.array_dim; }

Bytes sram_traffic(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  return sram_traffic(spec, work, footprint, no_zeros(work));
}

Bytes sram_traffic(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Zeros& zeros) {
  if (!work.dot()) {
    const Bytes constants = std::min(work.read, work.weights);  // of vector layers: never compressed
    return constants + scaled(work.read - constants, zeros.input.count(), work.input.count()) + zeros.output;
  }
  const std::int64_t windows = work.kind == WorkClass::kDepthwise ? work.positions * work.window * work.oc
                                                                  : work.positions * work.window * work.ic * input_passes(spec, work);
  return weights_stored(spec, work, footprint) + scaled(work.element * windows, zeros.input.count(), work.input.count()) + zeros.output;
}

Zeros no_zeros(const Work& work) { return {.nonzeros = 1, .elements = 1, .input = work.input, .output = work.output, .issued = {}}; }

bool skips_blocks(const DeviceSpec& spec, const Work& work) {
  return spec.activation_sparsity == ActivationSparsity::kSkip && work.kind == WorkClass::kDense;
}

Bytes stored_bytes(const DeviceSpec& spec, Bytes dense, std::int64_t nonzeros, std::int64_t elements) {
  if (!spec.activation_bitmap || elements == 0) return dense;
  constexpr Int128 kByteBits = 8;
  const Int128 eighths = static_cast<Int128>(elements) * elements + kByteBits * nonzeros * dense.count();
  const Int128 per = kByteBits * elements;
  return std::min(dense, Bytes(static_cast<std::int64_t>((eighths + per - 1) / per)));
}

DynamicEnergy dynamic_energy(const DeviceSpec& spec, const Work& work, const Footprint& footprint) {
  return dynamic_energy(spec, work, footprint, no_zeros(work));
}

DynamicEnergy dynamic_energy(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Zeros& zeros) {
  DynamicEnergy energy;
  energy.memory = sram_traffic(spec, work, footprint, zeros) * spec.sram_byte;
  energy.crossbar = route_energy(spec, footprint.clusters);
  if (!work.dot()) {
    energy.compute = work.values * (work.kind == WorkClass::kController ? spec.controller_value : spec.vector_value);  // EQ-13
    return energy;
  }
  energy.compute = work.macs() * spec.mac;  // EQ-11
  if (spec.activation_sparsity != ActivationSparsity::kNone)
    energy.compute = scaled(energy.compute, zeros.nonzeros, zeros.elements);  // EQ-45
  if (spec.core_kind == CoreKind::kReduction) {
    const std::int64_t outputs = work.positions * work.oc;
    const std::int64_t t_mux = time_multiplex(spec, work, footprint.total()) * activation_portions(spec, work);
    const std::int64_t partials = work.kind == WorkClass::kDepthwise ? t_mux : dividing_cores(spec, work, footprint.total()) * t_mux;
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
  if (from_count == to_count) return total * (std::abs(from_first - to_first) + 1);  // each cluster to its like
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
  return percent == 100 ? cycles : Cycles(ceil_div(cycles.count() * 100, percent));
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
