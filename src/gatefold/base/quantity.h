// Strong physical quantities: the unit is part of the type.
//
// Every count is a signed 64-bit integer with a dimension. Adding cycles to bytes does not compile; sums are exact,
// independent of their order and comparable with ==; an overflow is a violated contract, and an underflow shows up as
// a negative number in a test, never as 18446744073709551600.
//
// Energy of single events is in attojoules (1e-18 J; int64 holds up to 9.2 J); totals live in EnergyTotal (128 bits).
// Power exists in two forms: Power in picowatts, as people state it, and EnergyPerCycle in attojoules per cycle, as
// the ledger charges it: a power is divided by the clock once, when a device file is read (docs/decisions/0001), so
// splitting an interval can never change a sum.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "gatefold/base/contract.h"

namespace gatefold {

/// Compiler extension of both g++ and clang; no standard type is as wide.
__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

/// Exponents of the base dimensions: {.cycle = -1, .byte = 1} is a bandwidth.
struct Dimension {
  int cycle = 0;
  int byte = 0;
  int mac = 0;
  int dot_product = 0;
  int value = 0;
  int attojoule = 0;
  int picowatt = 0;

  friend constexpr bool operator==(Dimension, Dimension) = default;
  friend constexpr Dimension operator+(Dimension a, Dimension b) {
    return {a.cycle + b.cycle, a.byte + b.byte,           a.mac + b.mac,          a.dot_product + b.dot_product,
            a.value + b.value, a.attojoule + b.attojoule, a.picowatt + b.picowatt};
  }
  friend constexpr Dimension operator-(Dimension a, Dimension b) {
    return {a.cycle - b.cycle, a.byte - b.byte,           a.mac - b.mac,          a.dot_product - b.dot_product,
            a.value - b.value, a.attojoule - b.attojoule, a.picowatt - b.picowatt};
  }
};

template <Dimension D>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(std::int64_t count) : count_(count) {}

  /// The bare number. Only for printing, serialising and the edges of the type system.
  [[nodiscard]] constexpr std::int64_t count() const { return count_; }

  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(checked_add(a.count_, b.count_)); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(checked_sub(a.count_, b.count_)); }
  friend constexpr Quantity operator*(Quantity a, std::int64_t n) { return Quantity(checked_mul(a.count_, n)); }
  friend constexpr Quantity operator*(std::int64_t n, Quantity a) { return a * n; }
  constexpr Quantity& operator+=(Quantity other) { return *this = *this + other; }
  constexpr Quantity& operator-=(Quantity other) { return *this = *this - other; }

 private:
  static constexpr std::int64_t checked_add(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    GATEFOLD_REQUIRE(!__builtin_add_overflow(a, b, &sum));
    return sum;
  }
  static constexpr std::int64_t checked_sub(std::int64_t a, std::int64_t b) {
    std::int64_t difference = 0;
    GATEFOLD_REQUIRE(!__builtin_sub_overflow(a, b, &difference));
    return difference;
  }
  static constexpr std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    GATEFOLD_REQUIRE(!__builtin_mul_overflow(a, b, &product));
    return product;
  }

  std::int64_t count_ = 0;
};

/// Dimensions add under multiplication: MACs * aJ/MAC -> aJ.
template <Dimension A, Dimension B>
[[nodiscard]] constexpr auto operator*(Quantity<A> a, Quantity<B> b) {
  const Quantity<A> scaled = a * b.count();
  if constexpr (A + B == Dimension{}) return scaled.count();
  else return Quantity<A + B>(scaled.count());
}

/// ceil(a / b) of plain counts. Requires: a >= 0, b > 0.
[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  GATEFOLD_REQUIRE(a >= 0);
  GATEFOLD_REQUIRE(b > 0);
  return a / b + (a % b != 0);
}

/// Division says how it rounds; there is deliberately no operator/.
/// ceil_div(bytes, bytes_per_cycle) -> cycles; ceil_div(bytes, bytes) -> a plain count. Requires: a >= 0, b > 0.
template <Dimension A, Dimension B>
[[nodiscard]] constexpr auto ceil_div(Quantity<A> a, Quantity<B> b) {
  const std::int64_t quotient = ceil_div(a.count(), b.count());
  if constexpr (A == B) return quotient;
  else return Quantity<A - B>(quotient);
}

using Cycles = Quantity<Dimension{.cycle = 1}>;             ///< device time
using Bytes = Quantity<Dimension{.byte = 1}>;               ///< modelled size
using Macs = Quantity<Dimension{.mac = 1}>;                 ///< one multiply-accumulate
using DotProducts = Quantity<Dimension{.dot_product = 1}>;  ///< one lane for one cycle
using Values = Quantity<Dimension{.value = 1}>;             ///< one element through the vector unit
using Energy = Quantity<Dimension{.attojoule = 1}>;         ///< 1e-18 J, one event
using Power = Quantity<Dimension{.picowatt = 1}>;           ///< 1e-12 W
using BytesPerCycle = Quantity<Dimension{.cycle = -1, .byte = 1}>;
using ValuesPerCycle = Quantity<Dimension{.cycle = -1, .value = 1}>;
using EnergyPerMac = Quantity<Dimension{.mac = -1, .attojoule = 1}>;
using EnergyPerByte = Quantity<Dimension{.byte = -1, .attojoule = 1}>;
using EnergyPerValue = Quantity<Dimension{.value = -1, .attojoule = 1}>;
using EnergyPerCycle = Quantity<Dimension{.cycle = -1, .attojoule = 1}>;

/// A sum of energies in attojoules, 128 bits wide: 1 kW for a day is 8.6e25 aJ.
class EnergyTotal {
 public:
  constexpr EnergyTotal() = default;
  constexpr EnergyTotal(Energy energy) : attojoules_(energy.count()) {}  // NOLINT(google-explicit-constructor)

  friend constexpr auto operator<=>(EnergyTotal, EnergyTotal) = default;
  friend constexpr EnergyTotal operator+(EnergyTotal a, EnergyTotal b) { return EnergyTotal(a.attojoules_ + b.attojoules_); }
  friend constexpr EnergyTotal operator-(EnergyTotal a, EnergyTotal b) { return EnergyTotal(a.attojoules_ - b.attojoules_); }
  constexpr EnergyTotal& operator+=(EnergyTotal other) { return *this = *this + other; }

  /// power * time, exactly. Requires: time >= 0.
  static constexpr EnergyTotal over(EnergyPerCycle power, Cycles time) {
    GATEFOLD_REQUIRE(time.count() >= 0);
    return EnergyTotal(static_cast<Int128>(power.count()) * time.count());
  }
  /// energy * times, exactly.
  static constexpr EnergyTotal repeated(Energy energy, std::int64_t times) {
    return EnergyTotal(static_cast<Int128>(energy.count()) * times);
  }

  static constexpr EnergyTotal repeated(EnergyTotal energy, std::int64_t times) { return EnergyTotal(energy.attojoules_ * times); }

  /// The nearest double, for printing, ratios and plots; sums and comparisons stay exact.
  /// Up to 2^53 attojoules: 1e18 is a double, 1e-18 is not.
  [[nodiscard]] constexpr double joules() const { return static_cast<double>(attojoules_) / 1e18; }
  /// Femtojoules with three decimals, exact: "123.456".
  [[nodiscard]] std::string femtojoules() const;

 private:
  constexpr explicit EnergyTotal(Int128 attojoules) : attojoules_(attojoules) {}
  Int128 attojoules_ = 0;
};

/// power / clock in attojoules per cycle, rounded once, half to even. Requires: clock_hz > 0.
[[nodiscard]] EnergyPerCycle energy_per_cycle(Power power, std::int64_t clock_hz);

namespace literals {
constexpr Cycles operator""_cycles(unsigned long long n) { return Cycles(static_cast<std::int64_t>(n)); }
constexpr Bytes operator""_B(unsigned long long n) { return Bytes(static_cast<std::int64_t>(n)); }
constexpr Bytes operator""_KiB(unsigned long long n) { return Bytes(static_cast<std::int64_t>(n) * 1024); }
constexpr Macs operator""_MAC(unsigned long long n) { return Macs(static_cast<std::int64_t>(n)); }
constexpr Energy operator""_aJ(unsigned long long n) { return Energy(static_cast<std::int64_t>(n)); }
constexpr Energy operator""_fJ(unsigned long long n) { return Energy(static_cast<std::int64_t>(n) * 1000); }
constexpr Energy operator""_pJ(unsigned long long n) { return Energy(static_cast<std::int64_t>(n) * 1000000); }
}  // namespace literals

}  // namespace gatefold
