// Time and size do not add.
// Refused: no match for 'operator\+'|invalid operands to binary expression
#include "gatefold/base/quantity.h"

using namespace gatefold::literals;

#ifdef GATEFOLD_VIOLATION
constexpr auto kSum = 3_cycles + 4_B;
#else
constexpr auto kSum = 3_cycles + 4_cycles;
#endif
static_assert(kSum.count() == 7);
