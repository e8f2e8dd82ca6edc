// Plan files: certificates as JSON text and back (docs/decision-problem.md, "Plan files"), and as a table.
//
// Energies are exact: `.._fj` as decimal strings of femtojoules, potentials as integers of attojoules. A file is read as what it
// may be, anything at all: every key is checked for its type and range before it is believed.
#pragma once

#include <string>
#include <string_view>

#include "gatefold/remap/certificate.h"

namespace gatefold {

/// No plan file is larger.
inline constexpr std::int64_t kPlanFileSizeMax = std::int64_t{64} << 20;

[[nodiscard]] std::string plan_json(const Certificate& certificate, const std::string& version);

/// Errors: kInvalidInput, naming the key, what was found and what is wanted. What is returned is well formed (malformed()).
[[nodiscard]] Result<Certificate> parse_plan(std::string_view text);

/// What `check` says of a plan that holds.
[[nodiscard]] std::string check_json(const Certificate& certificate, const std::string& version);

/// The plan for people. `latency`: its layers one after another.
[[nodiscard]] std::string plan_table(const Certificate& certificate, std::int64_t clock_hz, Cycles latency);

}  // namespace gatefold
