// What must be true of every run, whatever the network, the chip, the policy, the requests and the events.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "invariants/random_case.h"

namespace gatefold::test {

/// What went wrong in one case, and how much was looked at.
struct Findings {
  std::vector<std::string> violations;  ///< "greedy: outputs: .."
  std::int64_t runs = 0;                ///< policies that ran
  std::int64_t refused = 0;             ///< policies whose first placement does not fit: allowed
  std::int64_t shifts = 0;
  std::int64_t spilled = 0;        ///< runs with activations in external memory
  std::int64_t shed = 0;           ///< requests
  std::int64_t faults = 0;         ///< executions cut short or repeated
  std::int64_t both = 0;           ///< of them, in runs with activations in external memory
  std::int64_t exact_outputs = 0;  ///< runs whose outputs were compared bit by bit
};

/// Runs the case under every policy.
[[nodiscard]] Findings check_case(const Case& c);

}  // namespace gatefold::test
