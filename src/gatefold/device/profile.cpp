#include "gatefold/device/profile.h"

#include <algorithm>

#include "gatefold/base/contract.h"
#include "gatefold/device/equations.h"

namespace gatefold {
namespace {

constexpr std::int64_t kWindowSeconds = 1000;  // windows per second: 1 ms, the scale of one request on the slowest chip

}  // namespace

Profile::Profile(const DeviceSpec& spec, const Crossbar& crossbar, const Gating& gating, const Memory& memory)
    : cores_per_cluster_(spec.cores_per_cluster),
      per_cycle_(dot_products_per_cycle(spec)),
      window_(std::max<std::int64_t>(1, spec.clock_hz / kWindowSeconds)),
      crossbar_(&crossbar),
      gating_(&gating),
      memory_(&memory),
      conditions_(static_cast<std::size_t>(spec.cluster_count), {Condition{}}),
      windows_(static_cast<std::size_t>(spec.core_count())) {}

std::uint64_t Profile::version(Cycles now) const {
  if (changes_.empty() || now >= changes_.back()) return changes_.size();
  return static_cast<std::uint64_t>(std::upper_bound(changes_.begin(), changes_.end(), now) - changes_.begin());
}

const Condition& Profile::condition(ClusterId cluster, Cycles now) const {
  const std::vector<Condition>& history = conditions_[cluster.at()];
  const auto after =
      std::upper_bound(history.begin(), history.end(), now, [](Cycles at, const Condition& condition) { return at < condition.since; });
  return *(after - 1);
}

bool Profile::available(const Placement& placement, Cycles now) const {
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
    const Condition& at = condition(ClusterId(k), now);
    if (at.occupied || (at.failed_cores & placement.core_mask) != 0) return false;
  }
  return true;
}

std::uint16_t Profile::failed_cores(const Placement& placement, Cycles now) const {
  std::uint16_t failed = 0;
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
    failed = static_cast<std::uint16_t>(failed | condition(ClusterId(k), now).failed_cores);
  }
  return failed;
}

std::int32_t Profile::percent(const Placement& placement, Cycles now) const {
  std::int32_t slowest = 100;
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) slowest = std::min(slowest, condition(ClusterId(k), now).percent);
  return slowest;
}

std::int64_t Profile::free_dot_products(CoreId core, Cycles now) const {
  const ClusterId cluster(core.index() / cores_per_cluster_);
  const Condition& at = condition(cluster, now);
  const bool failed = (at.failed_cores >> (core.index() % cores_per_cluster_) & 1U) != 0;
  if (at.occupied || failed || crossbar_->core_free(core) > now) return 0;
  return per_cycle_ * at.percent / 100;
}

std::int64_t Profile::free_dot_products(ClusterId cluster, Cycles now) const {
  std::int64_t free = 0;
  for (std::int32_t c = 0; c < cores_per_cluster_; ++c) free += free_dot_products(CoreId(cluster.index() * cores_per_cluster_ + c), now);
  return free;
}

std::int64_t Profile::idle_dot_products(CoreId core, Cycles now) const {
  return gating_->is_on(gating_->core(core), now, now) ? free_dot_products(core, now) : 0;
}

double Profile::utilisation(CoreId core, Cycles now) const {
  const Window& window = windows_[core.at()];
  const std::int64_t current = now.count() / window_.count();
  const double offered = static_cast<double>(per_cycle_) * static_cast<double>(window_.count() + now.count() % window_.count());
  if (current > window.index + 1) return 0;
  const std::int64_t useful = current == window.index ? window.current + window.previous : window.current;
  return static_cast<double>(useful) / offered;
}

void Profile::set_condition(ClusterId cluster, const Condition& condition) {
  std::vector<Condition>& history = conditions_[cluster.at()];
  GATEFOLD_REQUIRE(condition.since >= history.back().since);
  history.push_back(condition);
  changes_.insert(std::upper_bound(changes_.begin(), changes_.end(), condition.since), condition.since);
}

void Profile::record(CoreId core, DotProducts useful, Cycles until) {
  Window& window = windows_[core.at()];
  const std::int64_t current = until.count() / window_.count();
  if (current < window.index) {  // layers that overlap are recorded as they are issued, not as they end
    if (current == window.index - 1) window.previous += useful.count();
    return;
  }
  if (current != window.index) {
    window.previous = current == window.index + 1 ? window.current : 0;
    window.current = 0;
    window.index = current;
  }
  window.current += useful.count();
}

}  // namespace gatefold
