// An index of one table is not an index of another.
// Refused: could not convert|cannot convert|no viable conversion|no known conversion
#include "gatefold/base/id.h"

constexpr std::int32_t position(gatefold::ClusterId cluster) { return cluster.index(); }

#ifdef GATEFOLD_VIOLATION
static_assert(position(gatefold::LayerId(2)) == 2);
#else
static_assert(position(gatefold::ClusterId(2)) == 2);
#endif
