// How long exact plans take: medians of repeated solves of random instances, and of plans of a real chip's shapes.
//
//   gatefold_plan_speed [--scale S]
//
// A claim of docs/claims.md: exit status 1 if a median is above its target at full size; smaller runs only print, since they share
// the machine with other tests. The instances are dense (every change costs something, node costs spread less than changes), so that
// nothing can be left out.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "gatefold/base/random.h"
#include "gatefold/remap/chain_program.h"
#include "gatefold/remap/count_program.h"
#include "scale.h"

namespace gatefold {
namespace {

std::int64_t cost(SplitMix64& random, std::uint64_t most) { return static_cast<std::int64_t>(random.next() % most); }

ChainProgram random_chain(SplitMix64& random, std::size_t layers, std::size_t groups, std::size_t width) {
  ChainProgram program;
  program.reset(layers, groups, width);
  for (std::int64_t& node : program.node) node = cost(random, 500'000'000);
  for (std::int64_t& wake : program.wake) wake = cost(random, 500'000'000);
  for (std::int64_t& carry : program.carry) carry = cost(random, 500'000'000);
  program.change_max = 1'000'000'000;
  return program;
}

CountProgram random_count(SplitMix64& random, std::size_t layers, std::size_t groups, std::size_t width) {
  CountProgram program;
  program.layers = layers;
  program.groups = groups;
  program.width = width;
  program.cluster_wake = cost(random, 1'000'000);
  program.core_wake = cost(random, 1'000'000);
  for (std::size_t i = 0; i < layers * groups * width; ++i) program.node.push_back(cost(random, 500'000'000));
  program.change.assign(layers - 1, 1000);
  return program;
}

/// Median of `repeats` calls in microseconds.
template <class Solve>
double median_us(int repeats, Solve solve) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    solve();
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

/// Potentials and the plan itself.
double chain_us(SplitMix64& random, std::size_t layers, std::size_t groups, std::size_t width, int repeats) {
  const ChainProgram program = random_chain(random, layers, groups, width);
  std::vector<std::int64_t> potentials(layers * program.states());
  std::vector<std::size_t> path(layers);
  return median_us(repeats, [&] {
    cost_to_go(program, {}, potentials);
    trace_path(program, potentials, cheapest_start(program, potentials), path);
  });
}

double count_us(SplitMix64& random, std::size_t layers, std::size_t groups, std::size_t width, int repeats) {
  const CountProgram program = random_count(random, layers, groups, width);
  std::vector<std::int64_t> potentials(layers * program.states());
  std::vector<std::int64_t> scratch(program.states());
  std::vector<std::size_t> path(layers);
  return median_us(repeats, [&] {
    cost_to_go(program, {}, potentials, scratch);
    trace_path(program, potentials, path);
  });
}

int run(double scale) {
  SplitMix64 random(1);
  const int repeats = std::max(3, static_cast<int>(1000 * scale));
  const double small = chain_us(random, 200, 16, 4, repeats);
  const double large = chain_us(random, 1000, 16, 4, repeats);
  const double replan = chain_us(random, 50, 16, 4, repeats);
  fmt::print("{:<44} {:>10.1f} us\n{:<44} {:>10.1f} us\n{:<44} {:>10.1f} us\n", "chain, 200 layers x 64 states (16 x 4)", small,
             "chain, 1,000 layers x 64 states", large, "chain, 50 layers x 64 states", replan);
  for (const auto& [groups, width] : {std::pair<std::size_t, std::size_t>{64, 1}, {8, 8}}) {
    fmt::print("{:<44} {:>10.1f} us\n", fmt::format("chain, 200 layers x 64 states ({} x {})", groups, width),
               chain_us(random, 200, groups, width, repeats));
  }
  double before = 0;  // 20 layers: tables of every size fit the caches, so that the growth is the program's
  double growth = 0;  // of the time per cluster from one size to the next
  for (const std::size_t clusters : {8, 64, 512, 4096}) {
    const double us = count_us(random, 20, clusters, 1, std::max(3, repeats / 10));
    const double per_cluster = us / static_cast<double>(clusters);
    if (before > 0) growth = std::max(growth, per_cluster / before);
    before = per_cluster;
    fmt::print("{:<44} {:>10.1f} us\n", fmt::format("counts, 20 layers x {} clusters", clusters), us);
  }
  fmt::print(
      "figure: 200 layers x 64 states {:.1f} us, 1,000 layers {:.1f} us, 50 layers {:.1f} us; counts up to 4,096 clusters: time per "
      "cluster grows at most {:.2f} x for 8 x the clusters\n",
      small, large, replan, growth);
  return scale < 1 || (small <= 100 && large <= 1000 && growth <= 2) ? 0 : 1;
}

}  // namespace
}  // namespace gatefold

int main(int argc, char** argv) {
  const auto scale = gatefold::bench::scale_of(argc, argv, "gatefold_plan_speed");
  return scale ? gatefold::run(*scale) : 2;
}
