// Scenarios of small networks on a chip of round numbers, and an observer that knows the right outputs.
#pragma once

#include <cmath>
#include <string>

#include "cost/small_run.h"
#include "gatefold/base/random.h"
#include "gatefold/runtime/play.h"
#include "graph/interpreter.h"

namespace gatefold::test {

using Networks = std::vector<std::shared_ptr<const PreparedNetwork>>;

/// `rates`: requests per second of one Poisson stream for each network.
inline Scenario poisson(const std::vector<double>& rates, double seconds, std::optional<std::int64_t> deadline_ps = std::nullopt) {
  Scenario scenario;
  scenario.name = "poisson";
  scenario.duration_ps = static_cast<std::int64_t>(seconds * 1e12);
  scenario.seeds = {1};
  for (std::size_t n = 0; n < rates.size(); ++n) {
    scenario.networks.push_back({"net" + std::to_string(n), "none"});
    Stream stream;
    stream.name = "stream" + std::to_string(n);
    stream.network = NetworkId(n);
    stream.arrivals.kind = ArrivalProcess::Kind::kPoisson;
    stream.arrivals.rate.hz = rates[n];
    if (deadline_ps) stream.deadline.levels.push_back({*deadline_ps, std::nullopt});
    scenario.streams.push_back(std::move(stream));
  }
  return scenario;
}

/// Compares what every request made with what the interpreter makes of the same inputs.
class OutputWatch : public PlayObserver {
 public:
  OutputWatch(const Scenario& scenario, const Networks& networks) {
    for (const auto& network : networks) inputs_.push_back(inputs_of(network->graph()));
    for (const Stream& stream : scenario.streams) {
      const std::size_t n = stream.network.at();
      auto wanted = run_graph(networks[n]->graph(), inputs_[n], Numerics::kInteger);
      GATEFOLD_REQUIRE(wanted.has_value());
      wanted_.push_back(std::move(wanted).value());
    }
  }
  [[nodiscard]] const std::vector<InputSet>& inputs() const { return inputs_; }

  void on_end(StreamId stream, std::int64_t /*request*/, const std::string& shed, const std::vector<OutputRecord>& outputs) override {
    if (!shed.empty()) {
      ++shed_;
      return;
    }
    ++completed_;
    const std::vector<Tensor>& wanted = wanted_[stream.at()];
    bool right = outputs.size() == wanted.size();
    for (std::size_t o = 0; right && o < wanted.size(); ++o) {
      const Tensor& got = outputs[o].tensor;
      right = got.shape() == wanted[o].shape();
      // Sums are added in the order of the cores that made them.
      for (std::int64_t i = 0; right && i < got.shape().elements(); ++i) {
        right = std::abs(got.number_at(i) - wanted[o].number_at(i)) <= 1e-4;
      }
    }
    wrong_ += right ? 0 : 1;
  }
  [[nodiscard]] std::int64_t completed() const { return completed_; }
  [[nodiscard]] std::int64_t shed() const { return shed_; }
  [[nodiscard]] std::int64_t wrong() const { return wrong_; }

 private:
  std::vector<InputSet> inputs_;
  std::vector<std::vector<Tensor>> wanted_;  ///< by stream
  std::int64_t completed_ = 0;
  std::int64_t shed_ = 0;
  std::int64_t wrong_ = 0;
};

/// One element after another fails for a while: at most one at a time. Times lie anywhere between and inside layers.
inline std::vector<ScenarioEvent> one_fault_at_a_time(const DeviceSpec& spec, std::uint64_t seed, std::int64_t count,
                                                      std::int64_t apart_ps) {
  SplitMix64 random(seed);
  std::vector<ScenarioEvent> events;
  for (std::int64_t f = 0; f < count; ++f) {
    Event event{EventKind::kFail, ClusterId(static_cast<std::int32_t>(random.next() % static_cast<std::uint64_t>(spec.cluster_count)))};
    const std::uint64_t what = random.next() % 3;
    if (what > 0) event.core = static_cast<std::int32_t>(random.next() % static_cast<std::uint64_t>(spec.cores_per_cluster));
    if (what > 1) event.bank = static_cast<std::int32_t>(random.next() % static_cast<std::uint64_t>(spec.banks_per_core));
    const auto at = apart_ps * f + static_cast<std::int64_t>(random.uniform() * 0.4 * static_cast<double>(apart_ps));
    const auto until = apart_ps * f + static_cast<std::int64_t>((0.5 + random.uniform() * 0.4) * static_cast<double>(apart_ps));
    events.push_back({at, event});
    event.kind = EventKind::kRecover;
    events.push_back({until, event});
  }
  return events;
}

}  // namespace gatefold::test
