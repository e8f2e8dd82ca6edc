// The time and energy equations of the modelled chips. Each is numbered; docs/cost-model.md explains every number once,
// with units, source and a worked example that equations_test.cpp repeats.
//
// Pure functions of a device file, a piece of work and the shape of a placement: no state, no clock.
// Left out: contention (crossbar.h books it), transitions (gating.h), and where outputs go (wire_energy below).
#pragma once

#include <optional>

#include "gatefold/device/placement.h"
#include "gatefold/device/spec.h"
#include "gatefold/device/work.h"

namespace gatefold {

/// The shape of a placement: how many clusters, and how many cores in each.
struct Footprint {
  std::int64_t clusters = 1;
  std::int64_t cores = 1;  ///< per cluster
  CoreSplit split = CoreSplit::kChannels;
  friend bool operator==(const Footprint&, const Footprint&) = default;
  [[nodiscard]] std::int64_t total() const { return clusters * cores; }
};
[[nodiscard]] inline Footprint footprint_of(const Placement& placement) {
  return {placement.clusters, placement.cores_per_cluster(), placement.split};
}

/// EQ-1, EQ-2: cycles per output position and portion of a reduction core: ceil(window * ceil(ic/group / cores) * split / I).
[[nodiscard]] std::int64_t time_multiplex(const DeviceSpec& spec, const Work& work, std::int64_t cores);

/// EQ-48: how many units of limited density the fullest filter slice needs; 1 where weights are dense.
[[nodiscard]] std::int64_t density_split(const DeviceSpec& spec, const Work& work, std::int64_t cores);
/// EQ-48: cycles in which trees narrower than an activation take it; 1 where they are as wide.
[[nodiscard]] std::int64_t activation_portions(const DeviceSpec& spec, const Work& work);
/// EQ-49: bytes of compressed ternary weights: a bit for every weight, one more for a non-zero one, and the bias.
[[nodiscard]] Bytes ternary_bytes(std::int64_t weights, std::int64_t nonzeros, std::int64_t filters);

/// EQ-1..EQ-8: cycles of a layer at full speed, output write included, stalls and route excluded.
/// Requires: the footprint is legal for the work (footprint_legal).
[[nodiscard]] Cycles layer_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint);

/// True if the chip can execute the work on this footprint; `reason`, if given, receives why not (a literal).
[[nodiscard]] bool footprint_legal(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const char** reason = nullptr);

/// EQ-9: dot products (one lane for one cycle) that the layer keeps useful.
[[nodiscard]] DotProducts useful_dot_products(const DeviceSpec& spec, const Work& work, const Footprint& footprint);
/// EQ-10: dot products per cycle that one core offers.
[[nodiscard]] std::int64_t dot_products_per_cycle(const DeviceSpec& spec);

/// Dynamic energy of one execution, without the wires of its outputs.
struct DynamicEnergy {
  Energy compute;   ///< EQ-11 MACs, EQ-12 lane adds, EQ-13 vector values
  Energy memory;    ///< EQ-14 SRAM bytes
  Energy crossbar;  ///< EQ-15 partial sums between clusters, EQ-16 control words
  [[nodiscard]] Energy total() const { return compute + memory + crossbar; }
};
[[nodiscard]] DynamicEnergy dynamic_energy(const DeviceSpec& spec, const Work& work, const Footprint& footprint);

/// What the activations of one execution hold, as counted in the data or assumed.
struct Zeros {
  /// Of the activation operands: elements that are not zero, and all.
  std::int64_t nonzeros = 1;
  std::int64_t elements = 1;
  /// Stored size of the activation operands and outputs, in the chip's form (EQ-47).
  Bytes input;
  Bytes output;
  /// What a reduction that skips issues in one pass (EQ-46): chunks summed over positions, of the core with the most; and
  /// summed over positions and cores. Absent: all.
  struct Issued {
    std::int64_t slowest = 0;
    std::int64_t all = 0;
  };
  std::optional<Issued> issued;
};
/// The zeros of a layer of which nothing is known: none.
[[nodiscard]] Zeros no_zeros(const Work& work);

/// True for layers whose chunks of zeros are not issued: dense ones, whose lanes share one window.
[[nodiscard]] bool skips_blocks(const DeviceSpec& spec, const Work& work);

/// EQ-46: cycles of a layer with these zeros; layer_cycles where none are.
[[nodiscard]] Cycles layer_cycles(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Zeros& zeros);
/// EQ-45, EQ-47: dynamic energy with these zeros; never more than without.
[[nodiscard]] DynamicEnergy dynamic_energy(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Zeros& zeros);
/// EQ-46: dot products that are issued; useful_dot_products where nothing is skipped.
[[nodiscard]] DotProducts useful_dot_products(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Zeros& zeros);

/// EQ-47: bytes that `nonzeros` of `elements` elements of `dense` bytes take in the chip's form: a bit for each and the
/// elements that are not zero, or plain where that is less. `dense` where the chip does not compress.
[[nodiscard]] Bytes stored_bytes(const DeviceSpec& spec, Bytes dense, std::int64_t nonzeros, std::int64_t elements);

/// EQ-14: SRAM bytes read and written by one execution: weights once (once in every array under `rows`), windows, outputs.
[[nodiscard]] Bytes sram_traffic(const DeviceSpec& spec, const Work& work, const Footprint& footprint);
[[nodiscard]] Bytes sram_traffic(const DeviceSpec& spec, const Work& work, const Footprint& footprint, const Zeros& zeros);

/// EQ-16: control words of one route change over `clusters` clusters: one SRAM access and one pitch of wire per byte.
[[nodiscard]] Energy route_energy(const DeviceSpec& spec, std::int64_t clusters);

/// EQ-17: byte-pitches of `bytes` that are dealt contiguously over the source run and contiguously over the destination
/// run: every byte travels |from - to| + 1 pitches.
[[nodiscard]] std::int64_t byte_pitches(Bytes bytes, std::int32_t from_first, std::int32_t from_count, std::int32_t to_first,
                                        std::int32_t to_count);
/// Energy of those wires, on the clusters of two placements.
[[nodiscard]] Energy wire_energy(const DeviceSpec& spec, Bytes bytes, const Placement& from, const Placement& to);

/// EQ-18: cycles to carry bytes out of `clusters` clusters over their output buses.
[[nodiscard]] Cycles bus_cycles(const DeviceSpec& spec, Bytes bytes, std::int64_t clusters);

/// EQ-19: cycles of an external transfer, rounded up.
[[nodiscard]] Cycles external_cycles(const DeviceSpec& spec, Bytes bytes);

/// EQ-20: cycles at `percent` of full speed, rounded up.
[[nodiscard]] Cycles throttled(Cycles cycles, std::int32_t percent);

/// EQ-21: bytes of weights that one core of the footprint holds (the largest share; under `rows` a full copy), and that all
/// its cores hold together.
[[nodiscard]] Bytes weights_per_core(const DeviceSpec& spec, const Work& work, const Footprint& footprint);
[[nodiscard]] Bytes weights_stored(const DeviceSpec& spec, const Work& work, const Footprint& footprint);

/// EQ-31: a layer whose weights are streamed through a double buffer of one bank a side in every core. `prefetched`: bytes
/// that may be loaded before it starts (both sides of the buffer); `first`: what must be there before it can start (one side).
struct StreamBuffer {
  Bytes prefetched;
  Bytes first;
};
[[nodiscard]] StreamBuffer stream_buffer(const DeviceSpec& spec, Bytes weights, std::int64_t cores);

/// EQ-22: leakage, while it executes, of what a layer holds ON: logic of its clusters, its cores, and for each of
/// weights, inputs and outputs ceil(bytes per core / bank size) banks in every core (outputs: of a same-sized footprint).
[[nodiscard]] EnergyPerCycle held_leakage(const DeviceSpec& spec, const Work& work, const Footprint& footprint);

}  // namespace gatefold
