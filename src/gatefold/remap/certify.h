// Static plan -> certificate: everything of it but names, paths and hashes.
#pragma once

#include "gatefold/remap/certificate.h"
#include "gatefold/remap/plan.h"

namespace gatefold {

/// `plan` must be plan_static's of the same table and objective.
[[nodiscard]] Certificate certify(const OptionTable& table, const PlanObjective& objective, StaticPlan plan);

}  // namespace gatefold
