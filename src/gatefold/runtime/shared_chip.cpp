#include "gatefold/runtime/shared_chip.h"

#include <algorithm>
#include <iterator>

namespace gatefold {
namespace {

void apply(const std::vector<TimedEvent>& events, const DeviceSpec& spec, Profile& profile) {
  struct Failed {
    bool cluster = false;
    std::uint16_t cores = 0;
  };
  std::vector<Failed> failed(static_cast<std::size_t>(spec.cluster_count));
  for (const TimedEvent& timed : events) {
    const Event& event = timed.event;
    Condition condition = profile.condition(event.cluster, timed.at);
    condition.since = timed.at;
    Failed& state = failed[event.cluster.at()];
    const auto core = static_cast<std::uint16_t>(event.core < 0 ? 0U : 1U << static_cast<unsigned>(event.core));
    switch (event.kind) {
      case EventKind::kOccupy: condition.occupied = true; break;
      case EventKind::kRelease: condition.occupied = false; break;
      case EventKind::kThrottle: condition.percent = event.percent; break;
      case EventKind::kFail:
        if (event.core < 0) state.cluster = true;
        else if (event.bank < 0) state.cores = static_cast<std::uint16_t>(state.cores | core);
        break;
      case EventKind::kRecover:
        if (event.core < 0) state.cluster = false;
        else if (event.bank < 0) state.cores = static_cast<std::uint16_t>(state.cores & ~core);
        if (event.core < 0) condition.percent = 100;
        break;
    }
    const auto all = static_cast<std::uint16_t>((1U << static_cast<unsigned>(spec.cores_per_cluster)) - 1U);
    condition.failed_cores = state.cluster ? all : state.cores;
    profile.set_condition(event.cluster, condition);
  }
}

}  // namespace

std::pair<std::int32_t, std::int32_t> banks_of(const DeviceSpec& spec, const Event& event) {
  std::int32_t first = event.cluster.index();
  std::int32_t count = 1;
  const auto descend = [&](std::int32_t child, std::int32_t children) {
    first = first * children + std::max(child, 0);
    count = child < 0 ? count * children : count;
  };
  descend(event.core, spec.cores_per_cluster);
  descend(event.bank, spec.banks_per_core);
  return {first, first + count - 1};
}

SharedChip::SharedChip(const DeviceSpec& spec, GatingScope scope, std::vector<TimedEvent> events, bool record_profile)
    : chip_(spec, scope),
      events_(std::move(events)),
      failed_(static_cast<std::size_t>(spec.cluster_count + spec.core_count() + spec.bank_count())) {
  if (record_profile) chip_.profile().start_recording();
  apply(events_, spec, chip_.profile());
  std::copy_if(events_.begin(), events_.end(), std::back_inserter(faults_),
               [](const TimedEvent& timed) { return timed.event.kind == EventKind::kFail || timed.event.kind == EventKind::kRecover; });
}

std::int32_t SharedChip::join(ChipUser& user, std::size_t accounts) {
  users_.push_back(&user);
  return std::exchange(accounts_, accounts_ + static_cast<std::int32_t>(accounts));
}

std::optional<Cycles> SharedChip::pass_faults(Cycles now) {
  std::optional<Cycles> happened;
  for (; fault_pending(now); ++next_fault_) {
    happened = faults_[next_fault_].at;
    apply_fault(faults_[next_fault_]);
  }
  if (happened) {
    for (ChipUser* user : users_) user->faults_passed(*happened);
  }
  return happened;
}

void SharedChip::apply_fault(const TimedEvent& timed) {
  const DeviceSpec& spec = chip_.spec();
  const Event& event = timed.event;
  const auto core = static_cast<std::size_t>(event.cluster.index() * spec.cores_per_cluster + std::max(event.core, 0));
  const auto clusters = static_cast<std::size_t>(spec.cluster_count);
  const std::size_t cores = clusters + static_cast<std::size_t>(spec.core_count());
  const auto bank = core * static_cast<std::size_t>(spec.banks_per_core) + static_cast<std::size_t>(std::max(event.bank, 0));
  failed_[event.core < 0 ? event.cluster.at() : event.bank < 0 ? clusters + core : cores + bank] = event.kind == EventKind::kFail ? 1 : 0;
  if (event.kind == EventKind::kFail) {
    for (ChipUser* user : users_) user->lose_data(event, timed.at);
  }
  const auto [first, last] = banks_of(spec, event);
  for (std::int32_t b = first; b <= last; ++b) {  // a bank works if neither it nor what it is part of failed
    const auto of_core = static_cast<std::size_t>(b / spec.banks_per_core);
    const bool failed =
        failed_[event.cluster.at()] != 0 || failed_[clusters + of_core] != 0 || failed_[cores + static_cast<std::size_t>(b)] != 0;
    if (failed == chip_.memory().failed(BankId(b))) continue;
    if (failed) chip_.memory().fail(BankId(b));
    else chip_.memory().recover(BankId(b));
  }
}

std::int32_t SharedChip::failed_clusters() const {
  const DeviceSpec& spec = chip_.spec();
  std::int32_t count = 0;
  for (std::int32_t k = 0; k < spec.cluster_count; ++k) {
    const auto first_core = failed_.begin() + spec.cluster_count + std::ptrdiff_t{k} * spec.cores_per_cluster;
    const bool core = std::find(first_core, first_core + spec.cores_per_cluster, char{1}) != first_core + spec.cores_per_cluster;
    count += core || failed_[static_cast<std::size_t>(k)] != 0 ? 1 : 0;
  }
  return count;
}

void SharedChip::request_starts(Cycles start) {
  std::optional<Cycles> since;
  for (const ChipUser* user : users_) {
    const auto executing = user->executing_since();
    if (executing && (!since || *executing < *since)) since = executing;
  }
  if (!since || start <= *since) return;
  const Account account(chip_.ledger(), Ledger::kNobody);
  chip_.hold_uncore(UncoreUse::kRequests, *since, start);
}

}  // namespace gatefold
