// One chip that several sessions use at once: the chip, what events do to it, and who is told of them.
//
// Conditions (occupied, throttled, failed cores) are entered into the profile before the first request; everybody who asks
// about an instant sees what is true then. Failures and recoveries of banks happen once, in the order of time: first every
// session gives up what lay there, then the banks fail. Whoever reaches the instant of a failure first lets it happen for all;
// sessions are served in the order in which their layers could start, so nobody is behind it by more than a layer.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "gatefold/device/chip.h"
#include "gatefold/runtime/events.h"

namespace gatefold {

/// What a chip's user does when something fails or recovers.
class ChipUser {
 public:
  virtual ~ChipUser() = default;
  /// Gives up what lies in a failing element, or is on its way out of it.
  virtual void lose_data(const Event& event, Cycles now) = 0;
  /// Called once the failures and recoveries up to `now` have happened.
  virtual void faults_passed(Cycles now) = 0;
  /// The start of the first layer of its request in progress; nullopt: none has started.
  [[nodiscard]] virtual std::optional<Cycles> executing_since() const = 0;
};

class SharedChip {
 public:
  /// `spec` must outlive the chip. `events`: ascending in time, checked (check_events).
  /// `record_profile`: the profile keeps every change of it.
  SharedChip(const DeviceSpec& spec, GatingScope scope, std::vector<TimedEvent> events = {}, bool record_profile = false);

  [[nodiscard]] Chip& chip() { return chip_; }
  [[nodiscard]] const Chip& chip() const { return chip_; }
  [[nodiscard]] const std::vector<TimedEvent>& events() const { return events_; }

  /// Adds a user, who must outlive the chip's use. Returns the first of `accounts` ledger accounts that are its own.
  std::int32_t join(ChipUser& user, std::size_t accounts);
  [[nodiscard]] std::int32_t users() const { return static_cast<std::int32_t>(users_.size()); }
  /// True if data of several users may lie in one bank.
  [[nodiscard]] bool shared() const { return users_.size() > 1; }

  [[nodiscard]] bool fault_pending(Cycles now) const { return next_fault_ < faults_.size() && faults_[next_fault_].at <= now; }
  /// Lets the failures and recoveries up to `now` happen; returns when the last one was.
  std::optional<Cycles> pass_faults(Cycles now);
  /// Failures and recoveries that have not happened yet.
  [[nodiscard]] std::span<const TimedEvent> faults_to_come() const { return std::span(faults_).subspan(next_fault_); }
  /// True if any has happened.
  [[nodiscard]] bool faults_began() const { return next_fault_ > 0; }
  /// Clusters that failed, in whole or with a core, and did not recover.
  [[nodiscard]] std::int32_t failed_clusters() const;
  /// How many have.
  [[nodiscard]] std::int64_t faults_passed() const { return static_cast<std::int64_t>(next_fault_); }

  /// A request's first layer starts: the parts of the uncore that serve requests stay ON from the earliest request in
  /// progress on.
  void request_starts(Cycles start);

 private:
  void apply_fault(const TimedEvent& timed);

  Chip chip_;
  std::vector<TimedEvent> events_;
  std::vector<TimedEvent> faults_;  ///< failures and recoveries, ascending in time
  std::size_t next_fault_ = 0;      ///< those before it have happened
  std::vector<char> failed_;        ///< what events said of clusters, cores and banks, in this order
  std::vector<ChipUser*> users_;
  std::int32_t accounts_ = Ledger::kNobody + 1;
};

/// The banks of an element, [first, last].
[[nodiscard]] std::pair<std::int32_t, std::int32_t> banks_of(const DeviceSpec& spec, const Event& event);

}  // namespace gatefold
