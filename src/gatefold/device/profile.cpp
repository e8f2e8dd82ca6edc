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
      offered_(dot_products_per_cycle(spec)),
      window_(std::max<std::int64_t>(1, spec.clock_hz / kWindowSeconds)),
      crossbar_(&crossbar),
      gating_(&gating),
      memory_(&memory),
      conditions_(static_cast<std::size_t>(spec.cluster_count), {Condition{}}),
      runs_(spec.cluster_count),
      windows_(static_cast<std::size_t>(spec.core_count())) {}

std::uint64_t Profile::version(Cycles now) const {
  if (changes_.empty() || now >= changes_.back().at) return changes_.size();
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), now, [](Cycles t, const Change& change) { return t < change.at; });
  return static_cast<std::uint64_t>(after - changes_.begin());
}

const Condition& Profile::condition(ClusterId cluster, Cycles now) const {
  const std::vector<Condition>& history = conditions_[cluster.at()];
  if (now >= history.back().since) return history.back();  // mostly
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
  return offered_ * at.percent / 100;
}

std::int64_t Profile::free_dot_products(ClusterId cluster, Cycles now) const {
  std::int64_t free = 0;
  for (std::int32_t c = 0; c < cores_per_cluster_; ++c) free += free_dot_products(CoreId(cluster.index() * cores_per_cluster_ + c), now);
  return free;
}

std::int64_t Profile::idle_dot_products(CoreId core, Cycles now) const {
  return gating_->is_on(gating_->core(core), now, now) ? free_dot_products(core, now) : 0;
}

double Profile::per_cycle(CoreId core, Cycles now, DotProducts Window::*current, DotProducts Window::*previous) const {
  const Window& window = windows_[core.at()];
  const std::int64_t index = now.count() / window_.count();
  if (index > window.index + 1) return 0;
  const DotProducts counted = index == window.index ? window.*current + window.*previous : window.*current;
  return static_cast<double>(counted.count()) / static_cast<double>(window_.count() + now.count() % window_.count());
}

double Profile::utilisation(CoreId core, Cycles now) const {
  return per_cycle(core, now, &Window::current, &Window::previous) / static_cast<double>(offered_);
}

double Profile::freed_dot_products(CoreId core, Cycles now) const {
  return per_cycle(core, now, &Window::skipped_current, &Window::skipped_previous);
}

void Profile::apply(const ProfileDelta& delta) {
  if (delta.change) set_condition(delta.change->cluster, delta.change->condition);
  if (delta.use) record(delta.use->placement, delta.use->useful, delta.use->skipped, delta.at);
}

void Profile::set_condition(ClusterId cluster, const Condition& condition) {
  std::vector<Condition>& history = conditions_[cluster.at()];
  GATEFOLD_REQUIRE(condition.since >= history.back().since);
  GATEFOLD_REQUIRE(advanced_ == 0 || condition.since >= changes_[advanced_ - 1].at);
  history.push_back(condition);
  cores_fail_ = cores_fail_ || condition.failed_cores != 0;
  const auto later = [](Cycles t, const Change& change) { return t < change.at; };
  changes_.insert(std::upper_bound(changes_.begin(), changes_.end(), condition.since, later), {condition.since, cluster});
  if (recording_) deltas_.push_back({version(condition.since), condition.since, ProfileDelta::Change{cluster, condition}, {}});
}

void Profile::advance(Cycles now) {
  for (; advanced_ < changes_.size() && changes_[advanced_].at <= now; ++advanced_) {
    const Change& change = changes_[advanced_];
    const Condition& from_now_on = condition(change.cluster, change.at);
    const auto all_cores = static_cast<std::uint16_t>((1U << static_cast<unsigned>(cores_per_cluster_)) - 1U);
    runs_.set(change.cluster.index(), !from_now_on.occupied && from_now_on.failed_cores != all_cores, from_now_on.percent);
  }
}

void Profile::record(const Placement& placement, DotProducts useful, DotProducts skipped, Cycles until) {
  const std::int32_t cores = placement.core_count();
  const auto share = [cores](DotProducts all, std::int32_t c) {
    return DotProducts(all.count() / cores + (c < all.count() % cores ? 1 : 0));
  };
  for (std::int32_t c = 0; c < cores; ++c) record(placement.core(c, cores_per_cluster_), share(useful, c), share(skipped, c), until);
  if (recording_) deltas_.push_back({version(until), until, {}, ProfileDelta::Use{placement, useful, skipped}});
}

void Profile::record(CoreId core, DotProducts useful, DotProducts skipped, Cycles until) {
  Window& window = windows_[core.at()];
  const std::int64_t current = until.count() / window_.count();
  if (current < window.index) {  // layers that overlap are recorded as they are issued, not as they end
    if (current != window.index - 1) return;
    window.previous += useful;
    window.skipped_previous += skipped;
    return;
  }
  if (current != window.index) {
    const bool follows = current == window.index + 1;
    window.previous = follows ? window.current : DotProducts(0);
    window.skipped_previous = follows ? window.skipped_current : DotProducts(0);
    window.current = window.skipped_current = DotProducts(0);
    window.index = current;
  }
  window.current += useful;
  window.skipped_current += skipped;
}

}  // namespace gatefold
