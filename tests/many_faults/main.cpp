// gatefold_many_faults [--scale S]: S x 10^6 requests of two networks with true outputs on one chip, while one element after the other
// fails for a while, one fault for every 100 requests, between layers and inside them. Exit status 0 if no output was wrong, no
// request was given up, and every recovery from a failure in mid-layer was over within what it is allowed (Recoveries, run.h); 1 otherwise;
// 2 for wrong arguments. The last line is what was measured.
#include "../../bench/scale.h"
#include "cost/small_play.h"

namespace gatefold::test {
namespace {

constexpr double kRequests = 1e6;
constexpr double kRates[] = {12000, 9000};  // half of what the chip serves
constexpr double kRequestsPerFault = 100;

int run(double scale) {
  DeviceSpec spec = small_chip();
  spec.cluster_count = 2;  // so that a fault hits something
  spec.banks_per_core = 8;
  const Networks networks{prepared(chain({4, 4, 4}, 2), spec), prepared(residual(), spec)};
  const double rate = kRates[0] + kRates[1];
  Scenario scenario = poisson({kRates[0], kRates[1]}, kRequests * scale / rate);
  const auto faults = static_cast<std::int64_t>(kRequests * scale / kRequestsPerFault);
  scenario.events = one_fault_at_a_time(spec, 1, faults, static_cast<std::int64_t>(1e12 * kRequestsPerFault / rate));
  const auto play_all = [&](const Scenario& what, OutputWatch& watch) {
    return play(what, networks, {.policy = "greedy", .timing_only = false}, watch.inputs(), {}, &watch);
  };
  OutputWatch watch(scenario, networks);
  const auto result = play_all(scenario, watch);
  Scenario calm = scenario;
  calm.events.clear();
  OutputWatch calm_watch(calm, networks);
  const auto without = play_all(calm, calm_watch);
  if (!result || !without) {
    fmt::print("{}\n", (!result ? result : without).error().message);
    return 1;
  }
  const PlayResult& played = result.value();
  for (const ShedExample& example : played.shed_examples) fmt::print("shed {} #{}: {}\n", example.stream, example.request, example.text);
  const Recoveries& recoveries = played.recoveries;
  Cycles worst;
  Cycles calm_worst;
  for (const StreamResult& stream : played.streams) worst = std::max(worst, stream.latency.max());
  for (const StreamResult& stream : without.value().streams) calm_worst = std::max(calm_worst, stream.latency.max());
  fmt::print(
      "figure: {} requests of two networks, {} failures and recoveries, {} executions cut short, {} repeated, {} B of weights loaded "
      "again; "
      "{} recoveries in mid-layer, {} longer than the layers that ran again, their transfers, wakes and bookings before them, the longest "
      "{} "
      "cycles ({} of one layer and its transfers alone, the longest {}); "
      "{} outputs wrong, {} requests given up; longest latency {} cycles, {} without faults\n",
      watch.completed() + watch.shed(), played.faults, played.interrupted, played.recomputed, played.reloaded.count(), recoveries.count,
      recoveries.exceeded, recoveries.longest.count(), recoveries.plain, recoveries.longest_plain.count(), watch.wrong(), watch.shed(),
      worst.count(), calm_worst.count());
  const bool recovered = recoveries.count > 0 && recoveries.exceeded == 0;
  return watch.wrong() == 0 && watch.shed() == 0 && recovered ? 0 : 1;
}

}  // namespace
}  // namespace gatefold::test

int main(int argc, char** argv) {
  const auto scale = gatefold::bench::scale_of(argc, argv, "gatefold_many_faults");
  return scale ? gatefold::test::run(*scale) : 2;
}
