// What the engine of played scenarios keeps of one network: its plan, its session, and the requests that wait for it.
#pragma once

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/runtime/play.h"
#include "gatefold/runtime/scenario_arrivals.h"
#include "gatefold/runtime/session.h"

namespace gatefold {

/// A request that waits, or is served.
struct Pending {
  Arrival arrival;
  std::int32_t priority = 0;
  bool alone = false;                ///< it found no room beside others: it begins when nothing else is in progress
  bool replanned = false;            ///< its network was put elsewhere for its sake already
  std::optional<Cycles> released{};  ///< it waited for others until then, so as to share a wake
  [[nodiscard]] Cycles due() const {
    return arrival.deadline ? arrival.at + *arrival.deadline : Cycles(std::numeric_limits<std::int64_t>::max());
  }
  /// Earliest deadline first, then the higher priority, then the order of arrival.
  [[nodiscard]] bool before(const Pending& other) const {
    if (due() != other.due()) return due() < other.due();
    if (priority != other.priority) return priority > other.priority;
    return arrival.at < other.arrival.at;
  }
  /// Order of the heap of a queue.
  friend bool operator<(const Pending& a, const Pending& b) { return b.before(a); }
};

/// How often something is used, per second: exponentially weighted over the last few seconds, or declared and fixed.
class UseRate {
 public:
  void declare(double hz) { rate_ = hz; }
  /// Requires: `seconds` does not go back.
  void count(double seconds) {
    rate_ = at(seconds) + 1 / kMemory;
    since_ = seconds;
  }
  [[nodiscard]] double declared() const { return rate_; }
  [[nodiscard]] double at(double seconds) const { return rate_ * std::exp((since_ - seconds) / kMemory); }

 private:
  static constexpr double kMemory = 8;  // seconds: several phases of a minute are told apart, a pause of a second is not
  double rate_ = 0;
  double since_ = 0;
};

struct Lane;

/// One way to bring a network in.
struct ResidencyWay {
  FittedPlan plan;
  std::vector<Lane*> leaving;  ///< who makes room
  double watts = 0;            ///< beyond the network alone on the chip: what streams and spills more, and reloads
};

/// A plan in the room that others leave.
struct BesidePlan {
  std::optional<FittedPlan> found;
  std::string reason;  ///< why there is none
};

/// What only one network's requests see of the engine. Lanes do not move: sessions keep references into them.
struct Lane {
  NetworkId network{0};
  const PreparedNetwork* prepared = nullptr;
  StaticPlan plan;  ///< as it is placed now
  std::unique_ptr<Policy> policy;
  RunOptions options;
  std::optional<Executor> executor;
  std::optional<Session> session;
  const InputSet* inputs = nullptr;
  Assignment wanted;                ///< where the policy put the layers at first, alone on the chip
  std::vector<std::int32_t> peaks;  ///< banks per core that a request's activations take
  bool exclusive = false;           ///< what they take is not known: nobody beside it
  std::int64_t peaks_after = -1;    ///< shifts after which `peaks` was computed
  double alone = 0;                 ///< joules of a request alone on the chip, by EQ-29
  double extra = 0;                 ///< joules of a request beyond that where it is
  double patience = 0;              ///< how much of that is borne before it is looked into
  double regret = 0;                ///< joules spent so since it was placed
  std::int32_t priority = 0;        ///< highest of its streams
  bool present = true;              ///< some stream that uses it is there
  UseRate use;
  std::vector<Pending> queue;  ///< a heap, the most urgent first
  std::optional<Pending> serving;
  Cycles reference;  ///< T_ref: latency alone under the plan
  Cycles began;      ///< the request that is served
  Cycles quickest;   ///< service of a whole request so far
  Cycles latest;     ///< service of the last request
  /// How long a request is likely to take.
  [[nodiscard]] Cycles service() const { return std::max(reference, latest); }
  /// What was found out about how to bring it in, as long as the state of the chip is this one.
  std::optional<ResidencyWay> way;
  std::int64_t way_state = -1;
  /// By effort, and bytes and role of every bank.
  std::map<std::vector<std::int64_t>, BesidePlan> plans_beside;
  std::vector<char> way_busy;
};

}  // namespace gatefold
