// Gap rules of policies: who says how the gaps between requests of random streams are spent (device/gap_rules.h).
//
//     nominal        one state from the declared mean gap, for good: what a compiler can do
//     time-out       the 2-competitive descent: nothing declared, nothing learnt
//     predicted      PredictedRule (gap_rule.h) for every group and gap class, over one history per group
//     idle time-out  the 2-competitive descent in every gap, as if nothing were known inside a request either: what is practised today
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gatefold/device/gap_rules.h"

namespace gatefold {

enum class GapRule : std::uint8_t { kNominal, kTimeout, kPredicted, kIdleTimeout };

/// What is declared of one stream.
struct DeclaredStream {
  std::optional<Cycles> period;  ///< mean time between arrivals; nullopt: nothing is declared
  Cycles busy;                   ///< that a request takes by the plan
};

/// Rules for one run. A stream that declares no period, or is not listed, leaves its groups to the time-out.
[[nodiscard]] std::unique_ptr<GapRules> make_gap_rules(GapRule rule, const DeviceSpec& spec, const std::vector<DeclaredStream>& streams);

}  // namespace gatefold
