#include "gatefold/device/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "gatefold/base/text.h"

namespace gatefold {
namespace {

// Narrower ranges than the kinds': at most 16 cores per cluster because a core mask has 16 bits.
constexpr SchemaRow kRows[] = {
    {.key = "name", .form = Form::kName},
    {.key = "base", .form = Form::kName, .presence = Presence::kOptional},
    {.key = "description", .form = Form::kText},
    {.key = "default_rank", .form = Form::kInteger, .units = kCount, .least = "0", .most = "100"},
    {.key = "clock", .units = kFrequency},

    {.key = "compute.kind", .form = Form::kWord, .words = "reduction|systolic"},
    {.key = "compute.type", .form = Form::kWord, .words = "int8|bf16"},
    {.key = "compute.clusters", .units = kCount, .least = "1", .most = "4096"},
    {.key = "compute.cores_per_cluster", .units = kCount, .least = "1", .most = "16"},
    {.key = "compute.lanes", .units = kCount, .least = "1", .most = "65536", .presence = Presence::kReduction},
    {.key = "compute.inputs_per_unit", .units = kCount, .least = "1", .most = "65536", .presence = Presence::kReduction},
    {.key = "compute.weight_load", .units = kCycleCount, .least = "0 cycles", .most = "1e6 cycles", .presence = Presence::kReduction},
    {.key = "compute.pipeline_latency", .units = kCycleCount, .least = "0 cycles", .most = "1e6 cycles", .presence = Presence::kReduction},
    {.key = "compute.segment_layers", .units = kCount, .least = "1", .most = "16", .presence = Presence::kReduction},
    {.key = "compute.lane_add", .units = kEnergy, .least = "0 pJ", .most = "1 uJ", .presence = Presence::kReduction},
    {.key = "compute.array_dim", .units = kCount, .least = "1", .most = "4096", .presence = Presence::kSystolic},
    {.key = "compute.float_element", .units = kSize, .least = "1 B", .most = "8 B"},
    {.key = "compute.mac", .units = kEnergyPerMac},
    {.key = "compute.weight_buffer", .units = kSize, .presence = Presence::kReductionOption},
    {.key = "compute.activation_sparsity", .form = Form::kWord, .presence = Presence::kOptional, .words = "none|gate|skip"},
    {.key = "compute.activation_compression", .form = Form::kWord, .presence = Presence::kOptional, .words = "none|bitmap"},

    {.key = "weights.type", .form = Form::kWord, .presence = Presence::kReductionOption, .words = "int8|ternary"},
    {.key = "weights.share", .units = kCount, .least = "1", .most = "64", .presence = Presence::kReductionOption},
    {.key = "weights.tree_bits", .units = kCount, .least = "1", .most = "64", .presence = Presence::kReductionOption},

    {.key = "vector.per_cluster", .units = kValuesEachCycle, .presence = Presence::kOneOf, .other = "vector.pool"},
    {.key = "vector.pool.units", .units = kCount, .least = "1", .most = "65536"},
    {.key = "vector.pool.values_per_unit", .units = kValuesEachCycle},
    {.key = "vector.pool.on_per_unit", .units = kPower},
    {.key = "vector.pool.gated", .units = kShare},
    {.key = "vector.pool.wake_latency", .units = kCycleCount | kTime},
    {.key = "vector.pool.wake_energy", .units = kEnergy, .presence = Presence::kOneOf, .other = "vector.pool.break_even"},
    {.key = "vector.pool.break_even", .units = kCycleCount, .presence = Presence::kAlternative},
    {.key = "vector.value", .units = kEnergyPerValue},
    {.key = "vector.lacks", .form = Form::kText, .presence = Presence::kOptional},

    {.key = "controller.rate", .units = kValuesEachCycle, .presence = Presence::kOptional},
    {.key = "controller.value", .units = kEnergyPerValue, .presence = Presence::kOptional},

    {.key = "banks.per_core", .units = kCount, .least = "1", .most = "1024"},
    {.key = "banks.size", .units = kSize},
    {.key = "banks.access", .units = kEnergyPerByte},
    {.key = "banks.leakage_on", .units = kPowerPerMib},
    {.key = "banks.leakage_retention", .units = kPowerPerMib | kShare},
    {.key = "banks.leakage_off", .units = kPowerPerMib | kShare},
    {.key = "banks.retention_wake_latency", .units = kCycleCount | kTime},
    {.key = "banks.retention_wake_energy", .units = kEnergy, .presence = Presence::kOneOf, .other = "banks.retention_break_even"},
    {.key = "banks.retention_break_even", .units = kCycleCount, .presence = Presence::kAlternative},
    {.key = "banks.off_wake_latency", .units = kCycleCount | kTime},
    {.key = "banks.off_wake_energy", .units = kEnergy, .presence = Presence::kOneOf, .other = "banks.off_break_even"},
    {.key = "banks.off_break_even", .units = kCycleCount, .presence = Presence::kAlternative},
    {.key = "banks.sleep_after", .units = kCycleCount, .least = "0 cycles", .most = "1e9 cycles"},

    {.key = "external.access", .units = kEnergyPerByte},
    {.key = "external.bandwidth", .units = kBandwidth},
    {.key = "external.spill_access", .units = kEnergyPerByte},
    {.key = "external.spill_bandwidth", .units = kBandwidth},
    {.key = "external.spill_capacity", .units = kSize, .least = "0 B", .most = "1024 GiB"},

    {.key = "crossbar.output_bus", .units = kBytesEachCycle},
    {.key = "crossbar.wire", .units = kWireEnergy},
    {.key = "crossbar.pitch", .units = kLength},
    {.key = "crossbar.route_change", .units = kCycleCount, .least = "0 cycles", .most = "1e6 cycles"},
    {.key = "crossbar.route_words", .units = kCount, .least = "0", .most = "1e6"},
    {.key = "crossbar.route_word_size", .units = kSize, .least = "1 B", .most = "1 KiB"},

    {.key = "power.cluster.on", .units = kPower},
    {.key = "power.cluster.gated", .units = kPower | kShare},
    {.key = "power.cluster.wake_latency", .units = kCycleCount | kTime},
    {.key = "power.cluster.wake_energy", .units = kEnergy, .presence = Presence::kOneOf, .other = "power.cluster.break_even"},
    {.key = "power.cluster.break_even", .units = kCycleCount, .presence = Presence::kAlternative},
    {.key = "power.cluster.clock", .units = kPower | kShare},
    {.key = "power.core.on", .units = kPower},
    {.key = "power.core.gated", .units = kPower | kShare},
    {.key = "power.core.wake_latency", .units = kCycleCount | kTime},
    {.key = "power.core.wake_energy", .units = kEnergy, .presence = Presence::kOneOf, .other = "power.core.break_even"},
    {.key = "power.core.break_even", .units = kCycleCount, .presence = Presence::kAlternative},
    {.key = "power.core.clock", .units = kPower | kShare},
    {.key = "power.uncore.*.on_during", .form = Form::kWord, .words = "requests|external|link"},
    {.key = "power.uncore.*.on", .units = kPower},
    {.key = "power.uncore.*.gated", .units = kPower | kShare},
    {.key = "power.uncore.*.wake_latency", .units = kCycleCount | kTime},
    {.key = "power.uncore.*.wake_energy", .units = kEnergy, .presence = Presence::kOneOf, .other = "power.uncore.*.break_even"},
    {.key = "power.uncore.*.break_even", .units = kCycleCount, .presence = Presence::kAlternative},
    {.key = "power.floor", .units = kPower},
};

struct Unit {
  UnitKind kind;
  std::string_view name;
  int power;                ///< of ten, to the base unit
  std::int64_t factor = 1;  ///< and a factor where ten is not enough
  bool listed = true;       ///< false: a singular that a message need not name
};

constexpr Unit kUnits[] = {
    {kCount, "", 0},
    {kShare, "", 0},
    {kShare, "%", -2},
    {kFrequency, "Hz", 0},
    {kFrequency, "kHz", 3},
    {kFrequency, "MHz", 6},
    {kFrequency, "GHz", 9},
    {kTime, "s", 0},
    {kTime, "ms", -3},
    {kTime, "us", -6},
    {kTime, "ns", -9},
    {kTime, "ps", -12},
    {kCycleCount, "cycles", 0},
    {kCycleCount, "cycle", 0, 1, false},
    {kSize, "B", 0},
    {kSize, "KiB", 0, 1LL << 10},
    {kSize, "MiB", 0, 1LL << 20},
    {kSize, "GiB", 0, 1LL << 30},
    {kBytesEachCycle, "B/cycle", 0},
    {kValuesEachCycle, "values/cycle", 0},
    {kValuesEachCycle, "value/cycle", 0, 1, false},
    {kBandwidth, "B/s", 0},
    {kBandwidth, "kB/s", 3},
    {kBandwidth, "MB/s", 6},
    {kBandwidth, "GB/s", 9},
    {kPower, "kW", 21},
    {kPower, "W", 18},
    {kPower, "mW", 15},
    {kPower, "uW", 12},
    {kPower, "nW", 9},
    {kPower, "pW", 6},
    {kPowerPerMib, "kW/MiB", 21},
    {kPowerPerMib, "W/MiB", 18},
    {kPowerPerMib, "mW/MiB", 15},
    {kPowerPerMib, "uW/MiB", 12},
    {kPowerPerMib, "nW/MiB", 9},
    {kEnergy, "J", 18},
    {kEnergy, "mJ", 15},
    {kEnergy, "uJ", 12},
    {kEnergy, "nJ", 9},
    {kEnergy, "pJ", 6},
    {kEnergy, "fJ", 3},
    {kEnergyPerMac, "uJ/MAC", 12},
    {kEnergyPerMac, "nJ/MAC", 9},
    {kEnergyPerMac, "pJ/MAC", 6},
    {kEnergyPerMac, "fJ/MAC", 3},
    {kEnergyPerByte, "uJ/B", 12},
    {kEnergyPerByte, "nJ/B", 9},
    {kEnergyPerByte, "pJ/B", 6},
    {kEnergyPerByte, "fJ/B", 3},
    {kEnergyPerValue, "uJ/value", 12},
    {kEnergyPerValue, "nJ/value", 9},
    {kEnergyPerValue, "pJ/value", 6},
    {kEnergyPerValue, "fJ/value", 3},
    {kWireEnergy, "nJ/bit/mm", 9},
    {kWireEnergy, "pJ/bit/mm", 6},
    {kWireEnergy, "fJ/bit/mm", 3},
    {kLength, "mm", 0},
    {kLength, "um", -3},
};

/// The kinds in the order in which a message names them. The ranges exclude typing errors; a row may be narrower.
struct Kind {
  UnitKind kind;
  std::string_view name;
  std::string_view least;
  std::string_view most;
};

constexpr Kind kKinds[] = {
    {kCount, "a number without a unit", "0", "1e6"},
    {kFrequency, "a frequency", "1 MHz", "100 GHz"},
    {kCycleCount, "a count", "0 cycles", "1e9 cycles"},
    {kTime, "a time", "0 s", "1 s"},
    {kSize, "a size", "1 B", "1 GiB"},
    {kBytesEachCycle, "a width", "1 B/cycle", "1e6 B/cycle"},
    {kValuesEachCycle, "a rate", "1 value/cycle", "1e6 values/cycle"},
    {kBandwidth, "a bandwidth", "1 B/s", "1e6 GB/s"},
    {kPower, "a power", "0 W", "10 kW"},
    {kPowerPerMib, "a power per size", "0 W/MiB", "1 kW/MiB"},
    {kEnergy, "an energy", "0 pJ", "1 J"},
    {kEnergyPerMac, "an energy per MAC", "0 pJ/MAC", "1 uJ/MAC"},
    {kEnergyPerByte, "an energy per byte", "0 pJ/B", "1 uJ/B"},
    {kEnergyPerValue, "an energy per value", "0 pJ/value", "1 uJ/value"},
    {kWireEnergy, "an energy per bit and length", "0 fJ/bit/mm", "1 nJ/bit/mm"},
    {kLength, "a length", "0 mm", "1000 mm"},
    {kShare, "a share such as 0.03 or 3 %", "0", "1"},
};

}  // namespace

std::span<const SchemaRow> device_schema() { return kRows; }

double BaseNumber::approximate() const { return Measure{digits, exponent, ""}.number(); }

std::string describe_units(std::uint32_t units) {
  std::string all;
  for (const Kind& kind : kKinds) {
    if ((units & kind.kind) == 0) continue;
    all += fmt::format("{}{}", all.empty() ? "" : ", or ", kind.name);
    if (kind.kind == kCount || kind.kind == kShare) continue;
    std::vector<std::string_view> names;
    for (const Unit& unit : kUnits) {
      if (unit.kind == kind.kind && unit.listed) names.push_back(unit.name);
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      all += fmt::format("{}{}", i == 0 ? " in " : i + 1 == names.size() ? " or " : ", ", names[i]);
    }
  }
  return all;
}

namespace {

/// The number of a measure whose unit is one of `units`, or what was wanted.
Result<BaseNumber> to_base(const Measure& measure, std::uint32_t units) {
  for (const Unit& unit : kUnits) {
    if ((units & unit.kind) == 0 || unit.name != measure.unit) continue;
    BaseNumber number{unit.kind, measure.digits, measure.exponent + unit.power};
    if (__builtin_mul_overflow(number.digits, unit.factor, &number.digits)) return Error{ErrorCode::kInvalidInput, "fewer digits"};
    while (number.digits != 0 && number.digits % 10 == 0) {
      number.digits /= 10;
      ++number.exponent;
    }
    if (number.digits == 0) number.exponent = 0;
    return number;
  }
  return Error{ErrorCode::kInvalidInput, describe_units(units)};
}

/// A bound of the tables above, as a double: the next double beyond a bound is no typing error.
double bound(std::string_view text, UnitKind kind) { return to_base(parse_measure(text).value(), kind).value().approximate(); }

/// Kinds that only occur whole: half a lane or a third of a cycle is a mistake.
constexpr std::uint32_t kWholeKinds = kCount | kFrequency | kCycleCount | kSize | kBytesEachCycle | kValuesEachCycle | kBandwidth;

}  // namespace

Result<BaseNumber> parse_base_number(std::string_view text, const SchemaRow& row) {
  auto measure = parse_measure(text);
  constexpr std::ptrdiff_t kDigitsMax = 18;  // what 64 bits hold
  const bool is_long = std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) > kDigitsMax;
  if (!measure) return Error{ErrorCode::kInvalidInput, is_long ? "fewer digits" : describe_units(row.units)};
  GATEFOLD_TRY(const BaseNumber number, to_base(measure.value(), row.units));

  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.kind == number.kind; });
  const std::string_view least = row.least.empty() ? kind->least : row.least;
  const std::string_view most = row.most.empty() ? kind->most : row.most;
  const double value = number.approximate();
  if (value < bound(least, number.kind) || value > bound(most, number.kind)) {
    return Error{ErrorCode::kInvalidInput, fmt::format("{} to {}", least, most)};
  }
  if ((number.kind & kWholeKinds) != 0 && number.exponent < 0) return Error{ErrorCode::kInvalidInput, "a whole number"};
  return number;
}

}  // namespace gatefold
