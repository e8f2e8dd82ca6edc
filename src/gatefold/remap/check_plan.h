// The independent checker of certificates: it shares no code with the planner, only the cost model that both speak of.
#pragma once

#include "gatefold/remap/certificate.h"

namespace gatefold {

/// Recomputes every option and every edge from `table` and verifies plan, potentials and bound. `table` must be of the network
/// and device that the certificate names (hashes are the caller's). Errors: kInvalidInput naming the first edge that is violated,
/// or whatever else is not as the certificate says.
[[nodiscard]] Status check_plan(const OptionTable& table, const Certificate& certificate);

}  // namespace gatefold
