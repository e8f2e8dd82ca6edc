// The makers of the policies in `policy_table` that have a file of their own.
#pragma once

#include <memory>

#include "gatefold/remap/policy.h"

namespace gatefold {

[[nodiscard]] std::unique_ptr<Policy> make_greedy();
[[nodiscard]] std::unique_ptr<Policy> make_regret();
/// greedy without sweeps and guards: what policies fall back to at a boundary.
[[nodiscard]] std::unique_ptr<Policy> make_boundary_greedy();
[[nodiscard]] std::unique_ptr<Policy> make_work_function();
[[nodiscard]] std::unique_ptr<Policy> make_hindsight();

}  // namespace gatefold
