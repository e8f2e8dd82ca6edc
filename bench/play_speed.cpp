// How fast scenarios are played: layer executions per second on one core, timing-only, of keyword spotting at full load.
//
//   gatefold_play_speed [--scale S]
//
// A claim of docs/claims.md: exit status 1 if fewer than 10^6 a second are played at full size, or if playing ten times as long takes
// more memory; smaller runs only print, since they share the machine with other tests.
#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>

#include "gatefold/device/shipped.h"
#include "gatefold/runtime/play.h"
#include "gatefold/runtime/prepared.h"
#include "gatefold/zoo/zoo.h"
#include "scale.h"

namespace gatefold {
namespace {

constexpr double kTarget = 1e6;   // executions a second
constexpr double kSeconds = 600;  // of virtual time, at full size
constexpr double kRate = 1000;    // requests a second

/// Seconds of processor time that the process has used.
double used_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Kibibytes that the process has touched at most so far.
std::int64_t touched_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  }
  return 0;
}

Result<std::shared_ptr<const PreparedNetwork>> keyword_spotting() {
  GATEFOLD_TRY(const Model model, zoo_model("ds-cnn"));
  GATEFOLD_TRY(LayerGraph graph, build_layer_graph(model));
  GATEFOLD_TRY(DeviceSpec spec, find_device("edge-16"));
  return prepare(std::make_shared<const LayerGraph>(std::move(graph)), std::make_shared<const DeviceSpec>(std::move(spec)));
}

Scenario steady(double seconds) {
  Scenario scenario;
  scenario.name = "steady";
  scenario.duration_ps = static_cast<std::int64_t>(seconds * 1e12);
  scenario.networks = {{"ds-cnn", "zoo:ds-cnn"}};
  Stream stream;
  stream.name = "words";
  stream.arrivals.rate.hz = kRate;
  stream.deadline.levels = {{100'000'000'000, std::nullopt}};
  scenario.streams.push_back(std::move(stream));
  return scenario;
}

int measure(double scale) {
  const auto network = keyword_spotting();
  if (!network) {
    fmt::print("{}\n", network.error().message);
    return 1;
  }
  double best = 0;
  const auto play_for = [&](double seconds) {
    const double before = used_seconds();
    const auto result = play(steady(seconds), {network.value()}, {.policy = "greedy"});
    GATEFOLD_REQUIRE(result.has_value());
    best = std::max(best, static_cast<double>(result.value().executions) / (used_seconds() - before));
  };
  play_for(kSeconds * scale / 10);
  const std::int64_t before = touched_kib();
  for (int i = 0; i < 3; ++i) play_for(kSeconds * scale);
  const std::int64_t grown = touched_kib() - before;
  fmt::print("figure: {:.2f} million layer executions a second; {} KiB more for ten times the time\n", best / 1e6, grown);
  return scale < 1 || (best >= kTarget && grown <= 256) ? 0 : 1;
}

}  // namespace
}  // namespace gatefold

int main(int argc, char** argv) {
  const auto scale = gatefold::bench::scale_of(argc, argv, "gatefold_play_speed");
  return scale ? gatefold::measure(*scale) : 2;
}
