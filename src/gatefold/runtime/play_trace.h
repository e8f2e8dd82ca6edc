// `static(trace)`: the best of the fixed plans that `static` could have taken, chosen and tuned on the very requests it is judged by.
// Nobody can do that on line; it says how much of a result knowing the requests would give.
//
// The candidates: on the whole chip, or by the best partition of the clusters; with one state for the gaps of each group of elements as
// declared, or the best one for the gaps that came (make_nominal_rules); residency by declared rates, or by those that came. Each is
// played; the fewest missed requests win, then the least energy.
#pragma once

#include <string>
#include <vector>

#include "gatefold/runtime/play.h"

namespace gatefold {

inline constexpr const char* kStaticTrace = "static(trace)";

/// As play(), for timing only.
[[nodiscard]] Result<PlayResult> play_best_fixed(const Scenario& scenario,
                                                 const std::vector<std::shared_ptr<const PreparedNetwork>>& networks,
                                                 const PlayOptions& options, const Progress& progress);

}  // namespace gatefold
