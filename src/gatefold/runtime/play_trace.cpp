#include "gatefold/runtime/play_trace.h"

#include <memory>
#include <utility>

#include "gatefold/runtime/play_engine.h"

namespace gatefold {
namespace {

std::int64_t missed(const PlayResult& result) {
  std::int64_t missed = 0;
  for (const StreamResult& stream : result.streams) missed += stream.requests - stream.met;
  return missed;
}

bool better(const PlayResult& a, const PlayResult& b) {
  if (missed(a) != missed(b)) return missed(a) < missed(b);
  return a.energy.total() < b.energy.total();
}

}  // namespace

Result<PlayResult> play_best_fixed(const Scenario& scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks,
                                   const PlayOptions& options, const Progress& progress) {
  PlayOptions fixed = options;
  fixed.policy = "static";
  const auto play_once = [&](const TraceFacts* tuned, TraceFacts* seen, const Partition* partition,
                             const Progress& told) -> Result<std::pair<PlayResult, std::optional<Partition>>> {
    PlayEngine engine(scenario, networks, fixed, nullptr, tuned, seen);
    GATEFOLD_CHECK(engine.boot({}, partition));
    std::optional<Partition> other = partition == nullptr ? engine.partition(true) : std::nullopt;
    GATEFOLD_CHECK(engine.run(told));
    return std::pair(engine.finish(), std::move(other));
  };
  const auto rates_of = [&](const PlayResult& result) {
    std::vector<double> rates(networks.size(), 0);
    for (std::size_t s = 0; s < scenario.streams.size(); ++s) {
      rates[scenario.streams[s].network.at()] +=
          static_cast<double>(result.streams[s].requests) / (static_cast<double>(scenario.duration_ps) / 1e12);
    }
    return rates;
  };
  std::optional<PlayResult> best;
  const auto consider = [&](PlayResult result) {
    if (!best || better(result, *best)) best = std::move(result);
  };
  TraceFacts seen;
  GATEFOLD_TRY(auto declared, play_once(nullptr, &seen, nullptr, progress));
  seen.rates_hz = rates_of(declared.first);
  consider(std::move(declared.first));
  GATEFOLD_TRY(auto tuned, play_once(&seen, nullptr, nullptr, {}));
  consider(std::move(tuned.first));
  if (tuned.second) {  // gaps of other groups of elements than on the whole chip are seen first
    TraceFacts apart;
    GATEFOLD_TRY(auto partition, play_once(&seen, &apart, &*tuned.second, {}));
    apart.rates_hz = seen.rates_hz;
    consider(std::move(partition.first));
    GATEFOLD_TRY(partition, play_once(&apart, nullptr, &*tuned.second, {}));
    consider(std::move(partition.first));
  }
  best->policy = kStaticTrace;
  return *std::move(best);
}

}  // namespace gatefold
