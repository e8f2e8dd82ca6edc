// What a session's cores have done so far.
#pragma once

#include <cstdint>

namespace gatefold {

/// Core-seconds and events since the session began, over all cores.
struct HostCounters {
  double busy_s = 0;    ///< running slices and boundaries
  double spin_s = 0;    ///< waiting awake
  double asleep_s = 0;  ///< the rest of cores x time
  std::int64_t wakes = 0;
  std::int64_t moves = 0;       ///< changes of a request's cores while it ran
  std::int64_t hand_overs = 0;  ///< of these, changes of the core that leads
};

}  // namespace gatefold
