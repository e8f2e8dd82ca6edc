// Gap rules of policies: who says how the gaps between requests of random streams are spent (device/gap_rules.h).
//
//     nominal        one state from the declared mean gap, for good: what a compiler can do; or from the mean of gaps that were seen in an
//                    earlier run of the same requests, which is the best one state for these very gaps, since what each costs is linear in
//                    them
//     time-out       the 2-competitive descent: nothing declared, nothing learnt
//     predicted      PredictedRule (gap_rule.h) for every group and gap class, over one history per group
//     idle time-out  the 2-competitive descent in every gap, as if nothing were known inside a request either: what is practised today
#pragma once

#include <map>
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

/// Gaps of groups in a run.
struct SeenGaps {
  struct Gaps {
    double sum = 0;  ///< cycles
    std::int64_t count = 0;
  };
  std::map<std::uint64_t, Gaps> by_streams;  ///< by a group's mask of streams
};

/// GapRule::kNominal that adds the gaps of the run to `seen`. Where `tuned` has a group, it is the mean of those. Both may be null and must
/// outlive the rules.
[[nodiscard]] std::unique_ptr<GapRules> make_nominal_rules(const DeviceSpec& spec, const std::vector<DeclaredStream>& streams,
                                                           const SeenGaps* tuned, SeenGaps* seen);

/// Rules for one run. A stream that declares no period, or is not listed, leaves its groups to the time-out.
[[nodiscard]] std::unique_ptr<GapRules> make_gap_rules(GapRule rule, const DeviceSpec& spec, const std::vector<DeclaredStream>& streams);

}  // namespace gatefold
