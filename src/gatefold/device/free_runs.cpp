#include "gatefold/device/free_runs.h"

#include <algorithm>
#include <bit>

#include "gatefold/base/contract.h"

namespace gatefold {

FreeRuns::FreeRuns(std::int32_t clusters) : clusters_(clusters) {
  GATEFOLD_REQUIRE(clusters >= 1);
  leaves_ = static_cast<std::int32_t>(std::bit_ceil(static_cast<std::uint32_t>(clusters)));
  lengths_.resize(2 * static_cast<std::size_t>(leaves_));
  insert({0, clusters, 100});
}

void FreeRuns::set_length(std::int32_t begin, std::int32_t length) {
  auto node = static_cast<std::size_t>(leaves_ + begin);
  lengths_[node] = length;
  for (node /= 2; node >= 1; node /= 2) lengths_[node] = std::max(lengths_[2 * node], lengths_[2 * node + 1]);
}

void FreeRuns::insert(const Run& run) {
  by_begin_.emplace(run.begin, run);
  by_length_.emplace(run.length(), run.begin);
  by_speed_[-run.percent].emplace(run.length(), run.begin);
  set_length(run.begin, run.length());
}

void FreeRuns::erase(const Run& run) {
  const Run gone = run;  // `run` may be the entry that goes
  by_begin_.erase(gone.begin);
  by_length_.erase({gone.length(), gone.begin});
  const auto speed = by_speed_.find(-gone.percent);
  speed->second.erase({gone.length(), gone.begin});
  if (speed->second.empty()) by_speed_.erase(speed);
  set_length(gone.begin, 0);
}

void FreeRuns::set(std::int32_t cluster, bool available, std::int32_t percent) {
  GATEFOLD_REQUIRE(cluster >= 0 && cluster < clusters_);
  if (const auto old = containing(cluster)) {
    if (available && old->percent == percent) return;
    erase(*old);
    if (old->begin < cluster) insert({old->begin, cluster, old->percent});
    if (cluster + 1 < old->end) insert({cluster + 1, old->end, old->percent});
  }
  if (!available) return;
  Run run{cluster, cluster + 1, percent};
  if (const auto left = cluster > 0 ? containing(cluster - 1) : std::nullopt; left && left->percent == percent) {
    run.begin = left->begin;
    erase(*left);
  }
  if (const auto right = cluster + 1 < clusters_ ? containing(cluster + 1) : std::nullopt; right && right->percent == percent) {
    run.end = right->end;
    erase(*right);
  }
  insert(run);
}

std::optional<FreeRuns::Run> FreeRuns::containing(std::int32_t cluster) const {
  const auto after = by_begin_.upper_bound(cluster);
  if (after == by_begin_.begin()) return std::nullopt;
  const Run& run = std::prev(after)->second;
  return cluster < run.end ? std::optional(run) : std::nullopt;
}

std::optional<FreeRuns::Run> FreeRuns::first_fit(std::int32_t length, std::int32_t from) const {
  if (from >= clusters_) return std::nullopt;
  const auto long_enough = [&](std::size_t node) { return lengths_[node] >= length; };
  // Up from the leaf `from` to the first subtree to the right that holds one, then down to its leftmost.
  auto node = static_cast<std::size_t>(leaves_ + from);
  while (!long_enough(node)) {
    while (node % 2 == 1) {
      node /= 2;
      if (node <= 1) return std::nullopt;
    }
    ++node;
  }
  while (node < static_cast<std::size_t>(leaves_)) node = long_enough(2 * node) ? 2 * node : 2 * node + 1;
  return by_begin_.find(static_cast<std::int32_t>(node) - leaves_)->second;
}

namespace {

std::optional<std::int32_t> shortest_of(const std::set<std::pair<std::int32_t, std::int32_t>>& runs, std::int32_t length) {
  const auto found = runs.lower_bound({length, 0});
  return found == runs.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::optional<FreeRuns::Run> FreeRuns::best_fit(std::int32_t length) const {
  const auto begin = shortest_of(by_length_, length);
  return begin ? std::optional(by_begin_.find(*begin)->second) : std::nullopt;
}

std::optional<FreeRuns::Run> FreeRuns::fastest_fit(std::int32_t length) const {
  for (const auto& [speed, runs] : by_speed_) {
    if (const auto begin = shortest_of(runs, length)) return by_begin_.find(*begin)->second;
  }
  return std::nullopt;
}

}  // namespace gatefold
