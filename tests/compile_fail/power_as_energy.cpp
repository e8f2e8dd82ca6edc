// A power is not an energy until it is multiplied by a time.
// Refused: could not convert|cannot convert|no viable conversion|conversion from .* requested
#include "gatefold/base/quantity.h"

using namespace gatefold;
using namespace gatefold::literals;

#ifdef GATEFOLD_VIOLATION
constexpr Energy kLeaked = EnergyPerCycle(20);
#else
constexpr Energy kLeaked = EnergyPerCycle(20) * 5_cycles;
#endif
static_assert(kLeaked == 100_aJ);
