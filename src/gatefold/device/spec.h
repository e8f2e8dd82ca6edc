// What a chip is: one device file, read, checked and resolved into integers.
//
// Nothing physical is defaulted in code: every number comes from the file, with its source and trust tag. Energies are
// attojoules, powers attojoules per cycle (divided by the clock once, half to even), times cycles of the one clock.
// The tables and rules behind every field: docs/cost-model.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/base/quantity.h"
#include "gatefold/base/result.h"

namespace gatefold {

class Diagnostics;
struct TreeNode;

enum class CoreKind : std::uint8_t {
  kReduction,  ///< adder trees; cores of a layer widen one reduction (lane rule)
  kSystolic,   ///< weight-stationary array; cores split output columns or rows
};

/// What a chip makes of operands that are zero (EQ-45, EQ-46).
enum class ActivationSparsity : std::uint8_t {
  kNone,
  kGate,  ///< a zero operand toggles nothing: energy falls, time does not
  kSkip,  ///< and a block of I inputs that are all zero is not issued; reduction cores only
};

/// Leakage of an element by state, and what leaving a gated state costs.
struct GateSpec {
  EnergyPerCycle on;
  EnergyPerCycle gated;  ///< OFF of a core or of cluster logic
  Cycles wake_latency;
  Energy wake_energy;                        ///< explicit, or break-even cycles * (on - gated) (EQ-35)
  EnergyPerCycle clock = EnergyPerCycle(0);  ///< clusters and cores: the part of `on` that a stopped clock saves
};

struct BankSpec {
  Bytes size;
  EnergyPerCycle on;
  EnergyPerCycle retention;
  EnergyPerCycle off;
  Cycles wake_latency_retention;
  Cycles wake_latency_off;
  Energy wake_energy_retention;
  Energy wake_energy_off;          ///< without the reload of what was lost
  Cycles sleep_after = Cycles(0);  ///< idle cycles before a bank can enter RETENTION
};

/// What an uncore part has to be ON for.
enum class UncoreUse : std::uint8_t {
  kRequests,  ///< from the first start to the last end of overlapping requests
  kExternal,  ///< while a transfer of external memory is booked
  kLink,      ///< while a transfer to another chip is booked
};

/// A gateable part outside the clusters.
struct UncoreSpec {
  std::string name;
  GateSpec gate;
  UncoreUse use = UncoreUse::kRequests;
};

/// A number of the file as it was written, for `gatefold devices show`.
struct SpecEntry {
  std::string key;       ///< "banks.leakage_on"
  std::string value;     ///< "0.2 mW/MiB"
  std::string source;    ///< where the number is from
  std::string trust;     ///< "P", "A", "T", "D" or "?": the tags of docs/devices.md
  std::string resolved;  ///< "31250 aJ/cycle"; empty where the value is used as written
};

/// Kinds of vector work that a file may say its vector unit lacks.
inline constexpr std::string_view kVectorFunctions[] = {"pool", "unary", "binary", "reduce", "softmax", "lrn"};

struct DeviceSpec {
  std::string name;
  std::string description;
  std::string hash;  ///< SHA-256 of the file's bytes, those of its base before them, lower-case hexadecimal
  std::int64_t clock_hz = 0;

  // ---- compute ----
  std::int32_t cluster_count = 0;
  std::int32_t cores_per_cluster = 0;
  CoreKind core_kind = CoreKind::kReduction;
  std::int64_t lanes = 0;              ///< reduction: P, partial-dot-product units per core
  std::int64_t inputs_per_unit = 0;    ///< reduction: I
  std::int64_t array_dim = 0;          ///< systolic: rows and columns of the array
  Cycles weight_load;                  ///< reduction: per pass and per unit of t_mux
  Cycles pipeline_latency;             ///< reduction: once per dot layer
  std::int64_t segment_layers = 1;     ///< reduction: reductions that a bus segment carries at a time, each on its share of the lanes
  std::optional<Bytes> weight_buffer;  ///< reduction: weights of one filter that a unit can hold; absent: any slice
  bool ternary = false;                ///< reduction: weights are -a, 0 or a in every filter, stored by non-zeros (EQ-48, EQ-49)
  std::int64_t weight_share = 1;       ///< ternary: a unit takes one non-zero weight in so many of its slice
  std::int64_t tree_bits = 0;          ///< ternary: bits of an activation that the trees take in a cycle
  ActivationSparsity activation_sparsity = ActivationSparsity::kNone;
  bool activation_bitmap = false;  ///< activations are stored and moved as a bitmap and their non-zero elements (EQ-47)
  /// Bytes that one element of a float network takes on this chip (1: timed as int8; 2: as bf16).
  Bytes float_element;
  std::string compute_type;  ///< "int8" or "bf16": the rate that networks are timed and charged at
  EnergyPerMac mac;
  Energy lane_add;  ///< one 32-bit add on the bus; 0 for systolic

  // ---- vector unit and output bus ----
  ValuesPerCycle vector_per_cluster;  ///< values per cycle of one cluster's post-processors; 0 if pooled
  ValuesPerCycle vector_pool;         ///< chip-level pool: values per cycle of all units together; 0 if per cluster
  GateSpec vector_pool_gate;          ///< the whole pool; all zero if per cluster (part of the cluster logic)
  EnergyPerValue vector_value;
  std::vector<std::string> vector_lacks;  ///< of kVectorFunctions: what the vector unit cannot compute
  ValuesPerCycle controller;              ///< values per cycle of the fabric controller, for what the vector unit lacks; 0: none
  EnergyPerValue controller_value;
  BytesPerCycle output_bus;  ///< per cluster

  // ---- memory ----
  std::int32_t banks_per_core = 0;
  BankSpec bank;
  EnergyPerByte sram_byte;
  EnergyPerByte external_byte;  ///< of what holds the weights
  std::int64_t external_bytes_per_second = 0;
  EnergyPerByte spill_byte;  ///< of what holds spilled activations: read or written; on the same channel
  std::int64_t spill_bytes_per_second = 0;
  Bytes spill_capacity;

  // ---- crossbar and control ----
  EnergyPerByte wire_byte_pitch;  ///< one byte over one cluster pitch
  Cycles route_change;
  Bytes route_control;  ///< control bytes per cluster and route change

  // ---- power ----
  GateSpec cluster;  ///< cluster logic alone: segment, post-processors, bus
  GateSpec core;
  std::vector<UncoreSpec> uncore;
  EnergyPerCycle floor;  ///< never gated
  /// The default device is chosen by capacity in this order; 0 = never chosen.
  std::int32_t default_rank = 0;

  std::vector<SpecEntry> entries;  ///< in the file's order

  /// True if time or energy depends on which activations are zero.
  [[nodiscard]] bool follows_zeros() const { return activation_sparsity != ActivationSparsity::kNone || activation_bitmap; }
  /// Lanes that one reduction gets of a segment (EQ-3).
  [[nodiscard]] std::int64_t lanes_per_layer() const { return lanes / segment_layers; }
  [[nodiscard]] std::int32_t core_count() const { return cluster_count * cores_per_cluster; }
  [[nodiscard]] std::int32_t bank_count() const { return core_count() * banks_per_core; }
  [[nodiscard]] Bytes core_memory() const { return bank.size * banks_per_core; }
  [[nodiscard]] Bytes memory() const { return core_memory() * core_count(); }
};

/// Parses and checks a device file, with the keys of the shipped file that it names as its `base` where it states none of
/// its own. Errors: kInvalidInput listing *all* diagnostics, one a line, each with file, line,
/// key, found and wanted: unknown keys (with the nearest known one), duplicate keys, missing keys, units, ranges.
[[nodiscard]] Result<DeviceSpec> parse_device(std::string_view text, const std::string& file);
[[nodiscard]] Result<DeviceSpec> read_device(const std::filesystem::path& path);

/// A shipped device some of whose keys `changes` states anew, as a part of another file; what is wrong with them goes to
/// `diagnostics`, and the device is sound if nothing does. Its name stays, its hash covers the changes. nullopt: no such device.
[[nodiscard]] std::optional<DeviceSpec> shipped_device_with(std::string_view name, const TreeNode& changes, Diagnostics& diagnostics);

}  // namespace gatefold
