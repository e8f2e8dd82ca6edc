// Played scenarios as JSON with stable keys and as tables for people, one play or several policies side by side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gatefold/runtime/play.h"
#include "gatefold/runtime/scenario.h"

namespace gatefold {

/// What a play does not say itself.
struct PlayContext {
  std::string version;
  std::string command;  ///< "play", "compare"
  std::string device;
  std::string device_hash;
  std::string alias;               ///< the policy's name as it was asked for
  std::vector<std::string> notes;  ///< what relative figures became
  bool timings = false;            ///< add the wall-clock figures
  double load_seconds = 0;         ///< networks, plans and the plays that resolve relative figures
};

struct ReportedPlay {
  PlayContext context;
  Scenario scenario;  ///< as it was played: resolved
  PlayResult result;
};

/// Figures of all streams together.
struct PlayTotals {
  std::int64_t requests = 0;
  std::int64_t completed = 0;
  std::int64_t met = 0;
  std::int64_t shed = 0;
  LatencyHistogram latency;
  /// Completed too late, or not at all.
  [[nodiscard]] std::int64_t missed() const { return requests - met; }
};
[[nodiscard]] PlayTotals totals(const PlayResult& result);

/// What every relative figure of `asked` became in `resolved`: "stream 'faces': 20 % utilisation is 12.3 Hz".
[[nodiscard]] std::vector<std::string> resolved_notes(const Scenario& asked, const Scenario& resolved);

[[nodiscard]] std::string play_json(const ReportedPlay& play);
/// The same object for every policy in the list `policies`. Requires: !plays.empty().
[[nodiscard]] std::string play_compare_json(const std::vector<ReportedPlay>& plays);
[[nodiscard]] std::string play_table(const ReportedPlay& play);
/// One row per policy; energies are to `static` where it is in the list, else to the first. Requires: !plays.empty().
[[nodiscard]] std::string play_compare_table(const std::vector<ReportedPlay>& plays);

}  // namespace gatefold
