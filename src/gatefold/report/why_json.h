// The decisions about a layer as JSON: the list `why` of a run (README.md, "Results as JSON").
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "gatefold/remap/explain.h"

namespace gatefold {

[[nodiscard]] nlohmann::ordered_json why_json(const std::vector<ExplainedDecision>& decisions, std::int64_t clock_hz);

}  // namespace gatefold
