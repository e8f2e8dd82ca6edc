// Resolving a device file: from checked numbers to the integers that the device charges.
//
// Every energy and every power/clock is one exact fraction, rounded once, half to even, to attojoules (docs/cost-model.md):
//   bank leakage     leakage [W/MiB] * bank size [MiB] * share / clock
//   gated power      on [W] * share / clock, or its own power / clock
//   wake energy      as stated, or break-even [cycles] * (on - gated) in the resolved attojoules per cycle
//   wire             8 bits * energy per bit and mm * pitch
// Times that the file states in seconds become cycles, rounded up.
#include "gatefold/device/spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "gatefold/base/text.h"
#include "gatefold/device/exact.h"
#include "gatefold/device/shipped.h"
#include "gatefold/device/spec_reader.h"

namespace gatefold {
namespace {

/// Far above any file that a person writes; it bounds the time of a refusal.
constexpr std::int64_t kFileSizeMax = 1 << 20;
/// State is kept for every bank.
constexpr std::int64_t kBanksMax = 1 << 20;

Exact exact(const BaseNumber& number) { return Exact(number.digits, number.exponent); }

/// Fills a DeviceSpec from what is valid; what is not has been complained about and stays zero.
class Resolver {
 public:
  Resolver(DeviceReading& reading, Diagnostics& diagnostics) : reading_(reading), diagnostics_(diagnostics) {}

  DeviceSpec resolve() {
    DeviceSpec spec;
    spec.name = text("name");
    spec.description = text("description");
    spec.default_rank = static_cast<std::int32_t>(whole("default_rank"));
    spec.clock_hz = clock_hz_ = whole("clock");
    note("clock", fmt::format("{} Hz", clock_hz_));
    compute(spec);
    sparsity(spec);
    vector_unit(spec);
    banks(spec);
    outside(spec);
    power(spec);
    return spec;
  }

 private:
  void compute(DeviceSpec& spec) {
    spec.core_kind = text("compute.kind") == "systolic" ? CoreKind::kSystolic : CoreKind::kReduction;
    spec.compute_type = text("compute.type");
    spec.cluster_count = static_cast<std::int32_t>(whole("compute.clusters"));
    spec.cores_per_cluster = static_cast<std::int32_t>(whole("compute.cores_per_cluster"));
    spec.float_element = Bytes(whole("compute.float_element"));
    spec.mac = EnergyPerMac(attojoules("compute.mac", "aJ/MAC"));
    if (spec.core_kind == CoreKind::kSystolic) {
      spec.array_dim = whole("compute.array_dim");
      return;
    }
    spec.lanes = whole("compute.lanes");
    spec.inputs_per_unit = whole("compute.inputs_per_unit");
    spec.weight_load = Cycles(whole("compute.weight_load"));
    spec.pipeline_latency = Cycles(whole("compute.pipeline_latency"));
    spec.segment_layers = whole("compute.segment_layers");
    spec.lane_add = Energy(attojoules("compute.lane_add", "aJ"));
    if (reading_.valid("compute.weight_buffer") != nullptr) spec.weight_buffer = Bytes(whole("compute.weight_buffer"));
    if (spec.segment_layers > 0 && spec.lanes % spec.segment_layers != 0) {
      diagnostics_.add(reading_.line("compute.segment_layers"), "compute.segment_layers",
                       fmt::format("{} lanes for {} layers", spec.lanes, spec.segment_layers), "a divisor of compute.lanes");
    }
  }

  void sparsity(DeviceSpec& spec) {
    const std::string zeros = text("compute.activation_sparsity");
    spec.activation_sparsity = zeros == "gate"   ? ActivationSparsity::kGate
                               : zeros == "skip" ? ActivationSparsity::kSkip
                                                 : ActivationSparsity::kNone;
    spec.activation_bitmap = text("compute.activation_compression") == "bitmap";
    spec.ternary = text("weights.type") == "ternary";
    for (const char* key : {"weights.share", "weights.tree_bits"}) {
      const bool stated = reading_.keys.contains(key);
      if (spec.ternary && !stated) diagnostics_.add(reading_.line("weights.type"), key, "nothing", "a number without a unit");
      if (!spec.ternary && stated)
        diagnostics_.add(reading_.line(key), key, "a key of ternary weights", "none: weights.type is not ternary");
    }
    spec.weight_share = std::max<std::int64_t>(1, whole("weights.share"));
    spec.tree_bits = std::max<std::int64_t>(1, whole("weights.tree_bits"));
    if (spec.activation_sparsity != ActivationSparsity::kSkip) return;
    const int line = reading_.line("compute.activation_sparsity");
    if (spec.core_kind == CoreKind::kSystolic) {
      diagnostics_.add(line, "compute.activation_sparsity", "'skip'", "none or gate: compute.kind is systolic");
    }
    if (spec.ternary) diagnostics_.add(line, "compute.activation_sparsity", "'skip'", "none or gate: weights.type is ternary");
  }

  void vector_unit(DeviceSpec& spec) {
    spec.vector_per_cluster = ValuesPerCycle(whole("vector.per_cluster"));
    spec.vector_value = EnergyPerValue(attojoules("vector.value", "aJ/value"));
    controller(spec);
    const std::int64_t units = whole("vector.pool.units");
    if (units == 0) return;
    spec.vector_pool = ValuesPerCycle(units * whole("vector.pool.values_per_unit"));
    spec.vector_pool_gate = gate("vector.pool", "on_per_unit", units);
  }

  /// What the vector unit lacks, and who computes it instead.
  void controller(DeviceSpec& spec) {
    const std::string words = text("vector.lacks");
    for (std::size_t begin = 0; begin < words.size();) {
      const std::size_t end = std::min(words.find(' ', begin), words.size());
      const std::string word = words.substr(begin, end - begin);
      begin = end + 1;
      if (std::find(std::begin(kVectorFunctions), std::end(kVectorFunctions), word) == std::end(kVectorFunctions)) {
        diagnostics_.add(reading_.line("vector.lacks"), "vector.lacks", in_quotes(word),
                         fmt::format("words of: {}", fmt::join(kVectorFunctions, ", ")));
      }
      spec.vector_lacks.push_back(word);
    }
    const bool rate = reading_.keys.contains("controller.rate");
    const bool value = reading_.keys.contains("controller.value");
    if (rate != value) {
      const std::string_view missing = rate ? "controller.value" : "controller.rate";
      diagnostics_.add(reading_.line(rate ? "controller.rate" : "controller.value"), missing, "nothing", "rate and value, or neither");
    }
    spec.controller = ValuesPerCycle(whole("controller.rate"));
    spec.controller_value = EnergyPerValue(attojoules("controller.value", "aJ/value"));
  }

  void banks(DeviceSpec& spec) {
    spec.banks_per_core = static_cast<std::int32_t>(whole("banks.per_core"));
    const std::int64_t total = std::int64_t{spec.cluster_count} * spec.cores_per_cluster * spec.banks_per_core;
    if (total > kBanksMax) {
      diagnostics_.add(reading_.line("banks.per_core"), "banks.per_core", fmt::format("{} banks in the chip", total),
                       fmt::format("at most {}", kBanksMax));
    }
    BankSpec& bank = spec.bank;
    bank.size = Bytes(whole("banks.size"));
    const Exact mebibytes = Exact(bank.size.count()) / Exact(1 << 20);
    const auto on = per_cycle("banks.leakage_on", mebibytes, nullptr);
    const StatedKey* whole_on = reading_.valid("banks.leakage_on");
    const auto retention = per_cycle("banks.leakage_retention", mebibytes, whole_on);
    const auto off = per_cycle("banks.leakage_off", mebibytes, whole_on);
    want_not_above("banks.leakage_retention", retention, "banks.leakage_on", on);
    want_not_above("banks.leakage_off", off, "banks.leakage_retention", retention);
    bank.on = on.value_or(EnergyPerCycle());
    bank.retention = retention.value_or(EnergyPerCycle());
    bank.off = off.value_or(EnergyPerCycle());
    bank.wake_latency_retention = delay("banks.retention_wake_latency");
    bank.wake_latency_off = delay("banks.off_wake_latency");
    bank.wake_energy_retention = wake_energy("banks.retention_wake_energy", "banks.retention_break_even", on, retention);
    bank.wake_energy_off = wake_energy("banks.off_wake_energy", "banks.off_break_even", on, off);
    bank.sleep_after = delay("banks.sleep_after");
    spec.sram_byte = EnergyPerByte(attojoules("banks.access", "aJ/B"));
  }

  /// External memory and the crossbar.
  void outside(DeviceSpec& spec) {
    spec.external_byte = EnergyPerByte(attojoules("external.access", "aJ/B"));
    spec.external_bytes_per_second = whole("external.bandwidth");
    note("external.bandwidth", fmt::format("{} B/s", spec.external_bytes_per_second));
    spec.spill_byte = EnergyPerByte(attojoules("external.spill_access", "aJ/B"));
    spec.spill_bytes_per_second = whole("external.spill_bandwidth");
    note("external.spill_bandwidth", fmt::format("{} B/s", spec.spill_bytes_per_second));
    spec.spill_capacity = Bytes(whole("external.spill_capacity"));
    spec.output_bus = BytesPerCycle(whole("crossbar.output_bus"));
    spec.route_change = Cycles(whole("crossbar.route_change"));
    spec.route_control = Bytes(whole("crossbar.route_words") * whole("crossbar.route_word_size"));
    const StatedKey* wire = reading_.valid("crossbar.wire");
    const StatedKey* pitch = reading_.valid("crossbar.pitch");
    if (wire == nullptr || pitch == nullptr) return;
    const auto byte_pitch = rounded("crossbar.wire", Exact(8) * exact(wire->number) * exact(pitch->number));
    spec.wire_byte_pitch = EnergyPerByte(byte_pitch.value_or(0));
    note("crossbar.wire", fmt::format("{} aJ per byte and pitch", spec.wire_byte_pitch.count()));
  }

  void power(DeviceSpec& spec) {
    spec.cluster = clocked_gate("power.cluster");
    spec.core = clocked_gate("power.core");
    for (const std::string& name : reading_.uncore) {
      const std::string prefix = "power.uncore." + name;
      spec.uncore.push_back({name, gate(prefix, "on", 1), uncore_use(text(prefix + ".on_during"))});
    }
    spec.floor = per_cycle("power.floor", Exact(1), nullptr).value_or(EnergyPerCycle());
  }

  static UncoreUse uncore_use(const std::string& word) {
    return word == "external" ? UncoreUse::kExternal : word == "link" ? UncoreUse::kLink : UncoreUse::kRequests;
  }

  // ---- single keys ----

  [[nodiscard]] std::string text(std::string_view key) const {
    const StatedKey* stated = reading_.valid(key);
    return stated == nullptr ? "" : stated->text;
  }

  /// A number whose kind the schema holds to be whole; 0 if absent.
  [[nodiscard]] std::int64_t whole(std::string_view key) const {
    const StatedKey* stated = reading_.valid(key);
    return stated == nullptr ? 0 : exact(stated->number).rounded().value_or(0);
  }

  void note(std::string_view key, std::string resolved) {
    if (const StatedKey* stated = reading_.valid(key)) reading_.entries[stated->entry].resolved = std::move(resolved);
  }

  std::optional<std::int64_t> rounded(std::string_view key, const Exact& value) {
    const auto integer = value.rounded();
    if (!integer) {
      diagnostics_.add(reading_.line(key), key, in_quotes(text(key)), "a number that resolves to at most 1 J and fits 128 bits exactly");
    }
    return integer;
  }

  std::int64_t attojoules(std::string_view key, std::string_view unit) {
    const StatedKey* stated = reading_.valid(key);
    if (stated == nullptr) return 0;
    const std::int64_t energy = rounded(key, exact(stated->number)).value_or(0);
    note(key, fmt::format("{} {}", energy, unit));
    return energy;
  }

  Cycles delay(std::string_view key) {
    const StatedKey* stated = reading_.valid(key);
    if (stated == nullptr || stated->number.kind == kCycleCount) return Cycles(whole(key));
    const auto cycles = (exact(stated->number) * Exact(clock_hz_)).ceiling();
    if (!cycles) {
      diagnostics_.add(stated->line, key, in_quotes(stated->text), "fewer digits");
      return Cycles();
    }
    note(key, fmt::format("{} cycles", *cycles));
    return Cycles(*cycles);
  }

  /// The power `key` times `scale`, over the clock. A share is one of `whole_power`.
  std::optional<EnergyPerCycle> per_cycle(std::string_view key, const Exact& scale, const StatedKey* whole_power) {
    const StatedKey* stated = reading_.valid(key);
    if (stated == nullptr || clock_hz_ == 0) return std::nullopt;
    const bool is_share = stated->number.kind == kShare;
    if (is_share && whole_power == nullptr) return std::nullopt;
    const Exact power = is_share ? exact(whole_power->number) * exact(stated->number) : exact(stated->number);
    const auto energy = rounded(key, power * scale / Exact(clock_hz_));
    if (!energy) return std::nullopt;
    note(key, fmt::format("{} aJ/cycle", *energy));
    return EnergyPerCycle(*energy);
  }

  void want_not_above(std::string_view key, std::optional<EnergyPerCycle> value, std::string_view limit_key,
                      std::optional<EnergyPerCycle> limit) {
    if (!value || !limit || *value <= *limit) return;
    diagnostics_.add(reading_.line(key), key, fmt::format("{} ({} aJ/cycle)", in_quotes(text(key)), value->count()),
                     fmt::format("at most {} ({} aJ/cycle)", limit_key, limit->count()));
  }

  Energy wake_energy(std::string_view energy_key, std::string_view break_even_key, std::optional<EnergyPerCycle> on,
                     std::optional<EnergyPerCycle> gated) {
    if (reading_.valid(energy_key) != nullptr) return Energy(attojoules(energy_key, "aJ"));
    if (reading_.valid(break_even_key) == nullptr || !on || !gated || *gated > *on) return Energy();
    const auto energy = rounded(break_even_key, Exact((*on - *gated).count()) * Exact(whole(break_even_key)));
    note(break_even_key, fmt::format("{} aJ", energy.value_or(0)));
    return Energy(energy.value_or(0));
  }

  /// The group `prefix` with its keys `on_key`, gated, wake_latency and wake_energy or break_even, for `count` equal units.
  GateSpec gate(const std::string& prefix, std::string_view on_key, std::int64_t count) {
    const std::string on_name = fmt::format("{}.{}", prefix, on_key);
    const std::string gated_name = prefix + ".gated";
    const auto on = per_cycle(on_name, Exact(count), nullptr);
    const auto gated = per_cycle(gated_name, Exact(count), reading_.valid(on_name));
    want_not_above(gated_name, gated, on_name, on);
    return {on.value_or(EnergyPerCycle()), gated.value_or(EnergyPerCycle()), delay(prefix + ".wake_latency"),
            wake_energy(prefix + ".wake_energy", prefix + ".break_even", on, gated)};
  }

  /// The same with the clock's part of `on`. Without its clock an element still leaks at least what it does without power.
  GateSpec clocked_gate(const std::string& prefix) {
    GateSpec gate = this->gate(prefix, "on", 1);
    const std::string clock_name = prefix + ".clock";
    const auto clock = per_cycle(clock_name, Exact(1), reading_.valid(prefix + ".on"));
    if (reading_.valid(prefix + ".gated") != nullptr && gate.gated <= gate.on) {
      want_not_above(clock_name, clock, prefix + ".on - gated", gate.on - gate.gated);
    }
    gate.clock = clock.value_or(EnergyPerCycle());
    return gate;
  }

  DeviceReading& reading_;
  Diagnostics& diagnostics_;
  std::int64_t clock_hz_ = 0;
};

}  // namespace

namespace {

/// The shipped file that `root` names as its base, which is then laid under it; nullptr if it names none, or none that is.
const ShippedDevice* take_base(TreeNode& root, Diagnostics& diagnostics) {
  const TreeNode* base = root.find("base");
  if (base == nullptr || base->kind != TreeNode::Kind::kScalar) return nullptr;
  std::string names;
  for (const ShippedDevice& device : shipped_devices()) {
    std::optional<TreeNode> tree = parse_yaml_tree(device.yaml, kDeviceFile, diagnostics);
    if (tree->find("base") != nullptr) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", device.name);
    if (device.name != base->text) continue;
    lay_over(*tree, root);
    root = std::move(*tree);
    return &device;
  }
  diagnostics.add(base->line, "base", base->found(), "a shipped device without a base of its own: " + names);
  return nullptr;
}

/// Every key and text, in the tree's order: what a hash of a part of a file covers.
std::string flat_text(const TreeNode& node) {
  std::string all = node.text + "\n";
  for (const TreeEntry& entry : node.entries) all += entry.key + ":" + flat_text(entry.node);
  for (const TreeNode& element : node.elements) all += "-" + flat_text(element);
  return all;
}

}  // namespace

Result<DeviceSpec> parse_device(std::string_view bytes, const std::string& file) {
  if (bytes.size() > static_cast<std::size_t>(kFileSizeMax)) {
    return Error{ErrorCode::kInvalidInput, fmt::format("{}: found {} bytes, wanted at most {}", file, bytes.size(), kFileSizeMax)};
  }
  Diagnostics diagnostics;
  std::optional<TreeNode> root = parse_yaml_tree(bytes, kDeviceFile, diagnostics);
  if (!root) return Error{ErrorCode::kInvalidInput, diagnostics.text(file)};
  const ShippedDevice* base = take_base(*root, diagnostics);

  DeviceReading reading = read_keys(*root, diagnostics);
  DeviceSpec spec = Resolver(reading, diagnostics).resolve();
  if (!diagnostics.empty()) return Error{ErrorCode::kInvalidInput, diagnostics.text(file)};

  // Beyond this point every key is known, stated once and in range, and every number is resolved.
  spec.entries = std::move(reading.entries);
  spec.hash = sha256((base == nullptr ? "" : std::string(base->yaml)) + std::string(bytes));
  return spec;
}

std::optional<DeviceSpec> shipped_device_with(std::string_view name, const TreeNode& changes, Diagnostics& diagnostics) {
  const auto shipped = shipped_devices();
  const auto device = std::find_if(shipped.begin(), shipped.end(), [name](const ShippedDevice& d) { return d.name == name; });
  if (device == shipped.end()) return std::nullopt;
  std::optional<TreeNode> root = parse_yaml_tree(device->yaml, kDeviceFile, diagnostics);
  const ShippedDevice* base = take_base(*root, diagnostics);
  lay_over(*root, changes);
  DeviceReading reading = read_keys(*root, diagnostics);
  DeviceSpec spec = Resolver(reading, diagnostics).resolve();
  spec.entries = std::move(reading.entries);
  spec.hash = sha256((base == nullptr ? "" : std::string(base->yaml)) + std::string(device->yaml) + flat_text(changes));
  return spec;
}

Result<DeviceSpec> read_device(const std::filesystem::path& path) {
  GATEFOLD_TRY(const std::string bytes, read_file(path, kFileSizeMax));
  return parse_device(bytes, path.string());
}

}  // namespace gatefold
