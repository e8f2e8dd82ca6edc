// Coalescing of wake-ups: a request that is not urgent waits for the next one, so that both share one wake of what they use.
//
// It pays where the wake that is saved exceeds what runs on meanwhile for nothing, and it may use only a part of the slack, so
// that a wrong expectation of the next arrival costs latency and never the deadline. Based on: the batching of deadlines in
// "race to idle" scheduling, and timer coalescing of operating systems.
#pragma once

#include <cstdint>

#include "gatefold/base/quantity.h"

namespace gatefold {

/// What is known when a request could start.
struct Coalescing {
  Cycles slack;                     ///< its deadline less now and the time that serving it and the next one takes; negative: none
  Cycles next;                      ///< until the next request of its group is expected
  EnergyTotal wake;                 ///< of all that both use
  EnergyPerCycle waiting;           ///< the floor, which a completion that is put off keeps running
  std::int64_t share_percent = 40;  ///< of the slack that may be spent
};

/// For how long the request waits; 0: it starts at once.
[[nodiscard]] Cycles coalescing_wait(const Coalescing& request);

}  // namespace gatefold
