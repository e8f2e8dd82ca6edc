#include "gatefold/base/quantity.h"

namespace gatefold {

std::string EnergyTotal::femtojoules() const {
  const bool negative = attojoules_ < 0;
  UInt128 rest = negative ? -static_cast<UInt128>(attojoules_) : static_cast<UInt128>(attojoules_);
  std::string digits;
  while (rest != 0 || digits.size() < 4) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  }
  digits.insert(digits.size() - 3, ".");
  return negative ? "-" + digits : digits;
}

EnergyPerCycle energy_per_cycle(Power power, std::int64_t clock_hz) {
  GATEFOLD_REQUIRE(clock_hz > 0);
  // 1 pW for one second is 1e-12 J = 1e6 aJ.
  const Int128 scaled = static_cast<Int128>(power.count()) * 1000000;
  Int128 quotient = scaled / clock_hz;
  const Int128 twice = 2 * (scaled % clock_hz);
  if (twice > clock_hz || (twice == clock_hz && quotient % 2 != 0)) ++quotient;
  return EnergyPerCycle(static_cast<std::int64_t>(quotient));
}

}  // namespace gatefold
