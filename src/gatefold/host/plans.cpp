#include "gatefold/host/plans.h"

#include <algorithm>
#include <array>
#include <limits>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

/// Exchange rates that give the plans between fewest core-seconds (0) and least time.
constexpr std::array<double, 9> kRates{0, 0.25, 0.5, 1, 2, 4, 8, kCoreSecondsPerSecond, 1e6};
constexpr float kUpdateShare = 1.0F / 16;  // an exponential mean over about 16 requests

/// The option with the least time among those of at most `held` cores.
std::size_t fastest_option(const HostOptionTable& table, std::size_t layer, std::int32_t held) {
  std::size_t best = 0;
  for (std::size_t option = 1; option < table.options(layer) && table.counts()[option] <= held; ++option) {
    if (table.ns(layer, option) < table.ns(layer, best)) best = option;
  }
  return best;
}

/// Wakes cores early enough: a core needed at a layer is signalled a wake's latency before it.
void wake_ahead(const HostOptionTable& table, const WakeCost& wake, HostPlan& plan) {
  const std::vector<LayerChoice> needed = plan.layers;
  for (std::size_t later = 1; later < needed.size(); ++later) {
    double ahead = 0;
    for (std::size_t layer = later; layer-- > 0 && ahead < static_cast<double>(wake.latency_ns);) {
      if (needed[layer].held >= needed[later].held) break;
      ahead += static_cast<double>(table.ns(layer, needed[layer].option));
      plan.layers[layer].held = std::max(plan.layers[layer].held, needed[later].held);
    }
  }
}

/// A core that would wait for longer than the break-even is released for the while.
void release_long_gaps(const HostOptionTable& table, std::int64_t break_even_ns, HostPlan& plan) {
  for (std::int32_t core = table.counts().back(); core > 1; --core) {
    const auto waits = [&](const LayerChoice& choice) { return choice.parts < core && core <= choice.held; };
    for (std::size_t begin = 0; begin < plan.layers.size();) {
      double gap = 0;
      std::size_t end = begin;
      for (; end < plan.layers.size() && waits(plan.layers[end]); ++end) gap += static_cast<double>(table.ns(end, plan.layers[end].option));
      for (std::size_t layer = begin; layer < end && gap > static_cast<double>(break_even_ns); ++layer) {
        plan.layers[layer].held = static_cast<std::uint8_t>(core - 1);
      }
      begin = end + 1;
    }
  }
}

/// Sums of what is left, backwards; wakes and signals at the layers where the count rises.
void settle(const HostOptionTable& table, const WakeCost& wake, HostPlan& plan) {
  plan.ns_left.assign(plan.layers.size(), 0);
  plan.core_ns_left.assign(plan.layers.size(), 0);
  double ns = 0;
  double core_ns = 0;
  for (std::size_t layer = plan.layers.size(); layer-- > 0;) {
    const LayerChoice& choice = plan.layers[layer];
    const std::int32_t before = layer == 0 ? 1 : plan.layers[layer - 1].held;
    const double woken = std::max(0, choice.held - before);
    const double own = static_cast<double>(table.ns(layer, choice.option)) + woken * static_cast<double>(wake.signal_ns);
    ns += own;
    core_ns += own * choice.held + woken * static_cast<double>(wake.latency_ns);
    plan.ns_left[layer] = ns;
    plan.core_ns_left[layer] = core_ns;
    plan.width = std::max<std::int32_t>(plan.width, choice.held);
  }
}

/// The plan that minimises core_ns + rate * ns over all sequences of counts[0, states).
HostPlan cheapest_plan(const HostOptionTable& table, const WakeModel& model, std::size_t states, double rate) {
  const WakeCost& wake = model.cost;
  const std::vector<std::int32_t>& counts = table.counts();
  const std::size_t layers = table.layer_count();
  const double wake_price = static_cast<double>(wake.latency_ns) + rate * static_cast<double>(wake.signal_ns);
  std::vector<double> best(states, std::numeric_limits<double>::infinity());
  std::vector<std::uint8_t> from(layers * states);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    std::vector<double> next(states);
    for (std::size_t state = 0; state < states; ++state) {
      double reached = layer == 0 ? wake_price * (counts[state] - 1) : std::numeric_limits<double>::infinity();
      for (std::size_t before = 0; layer > 0 && before < states; ++before) {
        const double price = best[before] + wake_price * std::max(0, counts[state] - counts[before]);
        if (price < reached) {
          reached = price;
          from[layer * states + state] = static_cast<std::uint8_t>(before);
        }
      }
      const double ns = static_cast<double>(table.ns(layer, fastest_option(table, layer, counts[state])));
      next[state] = reached + ns * (counts[state] + rate);
    }
    best = std::move(next);
  }
  HostPlan plan;
  plan.layers.resize(layers);
  auto state = static_cast<std::size_t>(std::min_element(best.begin(), best.end()) - best.begin());
  for (std::size_t layer = layers; layer-- > 0;) {
    const std::size_t option = fastest_option(table, layer, counts[state]);
    plan.layers[layer] = {static_cast<std::uint8_t>(option), static_cast<std::uint8_t>(counts[option]),
                          static_cast<std::uint8_t>(counts[state])};
    state = from[layer * states + state];
  }
  release_long_gaps(table, model.break_even_ns, plan);
  wake_ahead(table, wake, plan);
  settle(table, wake, plan);
  return plan;
}

bool same_choices(const HostPlan& a, const HostPlan& b) {
  return std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(),
                    [](const LayerChoice& x, const LayerChoice& y) { return x.option == y.option && x.held == y.held; });
}

HostPlan all_cores_plan(const HostOptionTable& table, const WakeCost& wake, std::size_t states) {
  HostPlan plan;
  const std::int32_t cores = table.counts()[states - 1];
  for (std::size_t layer = 0; layer < table.layer_count(); ++layer) {
    const std::size_t option = fastest_option(table, layer, cores);
    plan.layers.push_back(
        {static_cast<std::uint8_t>(option), static_cast<std::uint8_t>(table.counts()[option]), static_cast<std::uint8_t>(cores)});
  }
  settle(table, wake, plan);
  return plan;
}

}  // namespace

std::vector<std::int32_t> core_counts(std::int32_t cores) {
  GATEFOLD_REQUIRE(cores >= 1);
  std::vector<std::int32_t> counts;
  for (std::int32_t count = 1; count < cores; count *= 2) counts.push_back(count);
  counts.push_back(cores);
  return counts;
}

HostOptionTable::HostOptionTable(std::vector<std::int32_t> counts, std::vector<std::int32_t> parts_max)
    : counts_(std::move(counts)), parts_max_(std::move(parts_max)), cells_(new std::atomic<float>[counts_.size() * parts_max_.size()]()) {
  GATEFOLD_REQUIRE(!counts_.empty() && counts_.front() == 1);
}

std::size_t HostOptionTable::options(std::size_t layer) const {
  std::size_t usable = 1;
  while (usable < counts_.size() && counts_[usable] <= parts_max_[layer]) ++usable;
  return usable;
}

void HostOptionTable::update(std::size_t layer, std::size_t option, float measured_ns) {
  const float present = ns(layer, option);
  const float bounded = present > 0 ? std::min(measured_ns, 2 * present) : measured_ns;
  set(layer, option, present > 0 ? present + kUpdateShare * (bounded - present) : bounded);
}

double HostOptionTable::total_ns(std::size_t option) const {
  double total = 0;
  for (std::size_t layer = 0; layer < layer_count(); ++layer) total += static_cast<double>(ns(layer, std::min(option, options(layer) - 1)));
  return total;
}

std::vector<HostPlan> make_plans(const HostOptionTable& table, const WakeModel& wake, HostPolicy policy) {
  const std::size_t states_max = policy == HostPolicy::kOneCore ? 1 : table.counts().size();
  std::vector<HostPlan> plans;
  for (std::size_t states = 1; states <= states_max; ++states) {
    if (policy == HostPolicy::kAllCores) {
      plans.push_back(all_cores_plan(table, wake.cost, states));
      continue;
    }
    for (const double rate : kRates) {
      HostPlan plan = cheapest_plan(table, wake, states, rate);
      const bool known = std::any_of(plans.begin(), plans.end(), [&](const HostPlan& other) { return same_choices(plan, other); });
      if (!known) plans.push_back(std::move(plan));
    }
  }
  return plans;
}

std::size_t choose_plan(const std::vector<HostPlan>& plans, const PlanContext& context) {
  GATEFOLD_REQUIRE(!plans.empty());
  struct Best {
    std::size_t position;
    double price;
  };
  constexpr double kNever = std::numeric_limits<double>::infinity();
  Best fastest{0, kNever};
  Best cheapest{0, kNever};
  std::size_t widest = 0;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const HostPlan& plan = plans[i];
    if (plan.width > context.cores && plan.width > 1) continue;
    const auto slowdown = static_cast<double>(context.slowdown[static_cast<std::size_t>(plan.width - 1)]);
    const double ns = plan.ns_left[context.layer] * slowdown;
    const double core_ns = plan.core_ns_left[context.layer] * slowdown;
    if (plan.width >= plans[widest].width) widest = i;
    if (ns < fastest.price) fastest = {i, ns};
    const bool in_time = !context.budget_ns || ns <= kDeadlineShare * *context.budget_ns;
    const double price = context.budget_ns ? core_ns : core_ns + kCoreSecondsPerSecond * ns;
    if (in_time && price < cheapest.price) cheapest = {i, price};
  }
  if (context.widest) return widest;
  return cheapest.price < kNever ? cheapest.position : fastest.position;
}

}  // namespace gatefold
