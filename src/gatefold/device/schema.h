// The device file's schema as data: one row per key, with the units it accepts, when it is needed and its range. The
// reader walks this table; docs/devices.md describes the same rows for people, and a test holds the two together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gatefold/base/result.h"

namespace gatefold {

/// What a number measures. A row may accept several: a leakage is a power or a share of the leakage when ON.
enum UnitKind : std::uint32_t {
  kCount = 1U << 0,
  kShare = 1U << 1,           ///< 0.03 or 3 %
  kFrequency = 1U << 2,       ///< base: Hz
  kTime = 1U << 3,            ///< base: s
  kCycleCount = 1U << 4,      ///< base: cycles
  kSize = 1U << 5,            ///< base: B
  kBytesEachCycle = 1U << 6,  ///< base: B/cycle
  kValuesEachCycle = 1U << 7,
  kBandwidth = 1U << 8,     ///< base: B/s
  kPower = 1U << 9,         ///< base: aJ/s
  kPowerPerMib = 1U << 10,  ///< base: aJ/s for each MiB
  kEnergy = 1U << 11,       ///< base: aJ
  kEnergyPerMac = 1U << 12,
  kEnergyPerByte = 1U << 13,
  kEnergyPerValue = 1U << 14,
  kWireEnergy = 1U << 15,  ///< base: aJ for each bit and mm
  kLength = 1U << 16,      ///< base: mm
};

/// When a key must be there; a key whose condition does not hold must be absent. What may be left out is a property that a
/// chip then does not have, never a number.
enum class Presence : std::uint8_t {
  kAlways,
  kReduction,        ///< compute.kind is reduction
  kSystolic,         ///< compute.kind is systolic
  kOptional,         ///< may be left out
  kReductionOption,  ///< may be there if compute.kind is reduction
  kOneOf,            ///< exactly one of this key and the key or group named in `other`
  kAlternative,      ///< the `other` of a kOneOf row
};

enum class Form : std::uint8_t {
  kNumber,   ///< {value, source, trust}
  kInteger,  ///< a bare integer that measures nothing
  kName,     ///< lower-case letters, digits, - and _
  kText,     ///< a line of text
  kWord,     ///< one of `words`
};

struct SchemaRow {
  std::string_view key;  ///< dotted; "*" stands for a name that the file chooses
  Form form = Form::kNumber;
  std::uint32_t units = 0;      ///< UnitKinds that it accepts
  std::string_view least = {};  ///< range, where narrower than the unit's
  std::string_view most = {};
  Presence presence = Presence::kAlways;
  std::string_view other = {};  ///< the alternative of a kOneOf row
  std::string_view words = {};  ///< "reduction|systolic"
};

/// Every key of a device file, in the order in which the shipped files state them.
[[nodiscard]] std::span<const SchemaRow> device_schema();

/// A number in the base unit of its kind: digits * 10^exponent, exactly.
struct BaseNumber {
  UnitKind kind = kCount;
  std::int64_t digits = 0;
  int exponent = 0;
  [[nodiscard]] double approximate() const;
};

/// Reads "0.2 mW/MiB" as the number of a row: its unit, its range, whole where the kind is. Errors: kInvalidInput; the
/// message is what was wanted instead.
[[nodiscard]] Result<BaseNumber> parse_base_number(std::string_view text, const SchemaRow& row);

/// "a size in B, KiB, MiB or GiB".
[[nodiscard]] std::string describe_units(std::uint32_t units);

}  // namespace gatefold
