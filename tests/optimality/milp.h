// The referee: an instance as a mixed-integer program, solved by the CBC solver of the COIN-OR project.
#pragma once

#include <optional>

#include "gatefold/remap/dag_program.h"

namespace gatefold::test {

/// True if the solver is installed.
[[nodiscard]] bool milp_available();

/// The optimum by branch and cut: one binary for each state of each layer, and for each edge a flow between its ends' states
/// whose marginals are those binaries. nullopt: the solver found none.
[[nodiscard]] std::optional<std::int64_t> milp_optimum(const DagProgram& program);

}  // namespace gatefold::test
