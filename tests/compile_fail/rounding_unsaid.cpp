// A division says how it rounds.
// Refused: no match for 'operator/'|invalid operands to binary expression
#include "gatefold/base/quantity.h"

using namespace gatefold::literals;

#ifdef GATEFOLD_VIOLATION
constexpr auto kTime = 100_B / gatefold::BytesPerCycle(64);
#else
constexpr auto kTime = gatefold::ceil_div(100_B, gatefold::BytesPerCycle(64));
#endif
static_assert(kTime == 2_cycles);
