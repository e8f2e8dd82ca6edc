#include "gatefold/runtime/play_residency.h"

#include <fmt/format.h>

#include <algorithm>

namespace gatefold {
namespace {

// A network used less often than this share of another's uses counts as idle beside it.
constexpr double kIdleShare = 0.01;
// A placement that costs so little more than every network's cheapest plan is not compared with others.
constexpr double kAsCheap = 1.001;

// Plans that are remembered for each network: networks that take turns leave the same room again and again.
constexpr std::size_t kKnownPlans = 512;

/// Joules of one request, EQ-29: what is streamed and spilled included.
double request_joules(const Lane& lane, const FittedPlan& plan) {
  return assignment_cost(lane.prepared->table(), plan.assignment, plan.spilling).joules();
}

bool from_outside(const FittedPlan& plan) {
  const auto any = [](const auto& list, auto is) { return std::any_of(list.begin(), list.end(), is); };
  return any(plan.assignment, [](const Placement& home) { return home.streamed; }) ||
         any(plan.spilling.tensors, [](char spilled) { return spilled != 0; });
}

/// Beyond the network alone on the chip. What differs in placement alone is not worth a reload: EQ-29 knows no gaps between requests.
double extra_joules(const Lane& lane, const FittedPlan& plan) {
  return from_outside(plan) ? std::max(0.0, request_joules(lane, plan) - lane.alone) : 0;
}

/// To load all weights.
double load_joules(const Lane& lane) {
  const OptionTable& table = lane.prepared->table();
  return EnergyTotal(external_energy(table.spec(), Bytes(0), table.weight_bytes())).joules();
}

/// Banks of a core in which no weights lie and that work.
std::int32_t banks_for_activations(const Memory& memory, const DeviceSpec& spec, std::int32_t core) {
  std::int32_t count = 0;
  for (std::int32_t b = core * spec.banks_per_core; b < (core + 1) * spec.banks_per_core; ++b) {
    const BankRole role = memory.role(BankId(b));
    count += role == BankRole::kEmpty || role == BankRole::kActivations ? 1 : 0;
  }
  return count;
}

}  // namespace

Result<FittedPlan> plan_beside(const OptionTable& table, const Assignment& wanted, const std::vector<char>& spilled, const Memory& within,
                               FitEffort effort) {
  if (auto as_is = lay_out_as_is(table, wanted, spilled, &within)) return FittedPlan{wanted, *std::move(as_is)};
  std::vector<char> streamed(wanted.size(), 0);
  for (std::size_t v = 0; v < wanted.size(); ++v) streamed[v] = wanted[v].streamed ? 1 : 0;
  std::vector<std::size_t> by_size;
  for (std::size_t v = 0; v < table.size(); ++v) {
    if (table.work(LayerId(v)).dot() && streamed[v] == 0) by_size.push_back(v);
  }
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](std::size_t a, std::size_t b) { return table.work(LayerId(a)).weights > table.work(LayerId(b)).weights; });
  Bytes room;
  for (std::int32_t c = 0; c < table.spec().core_count(); ++c) room += within.free_bytes(CoreId(c));
  Bytes resident;
  for (std::size_t v = 0; v < wanted.size(); ++v) resident += streamed[v] != 0 ? Bytes(0) : table.work(LayerId(v)).weights;
  const auto fitted_with = [&]() -> std::optional<FittedPlan> {
    if (resident > room) return std::nullopt;
    auto fitted = fit_assignment(table, wanted, streamed, spilled, &within);
    if (!fitted) return std::nullopt;
    auto spilling = lay_out_as_is(table, fitted.value(), spilled, &within);
    GATEFOLD_ENSURE(spilling.has_value());  // the fitter laid it out so
    return FittedPlan{std::move(fitted).value(), *std::move(spilling)};
  };
  std::size_t next = 0;
  for (std::size_t count = 0;; count = std::min(std::max<std::size_t>(1, 2 * count), by_size.size())) {
    for (; next < count; ++next) {
      streamed[by_size[next]] = 1;
      resident -= table.work(LayerId(by_size[next])).weights;
    }
    if (auto fitted = fitted_with()) return *std::move(fitted);
    if (count == 0 && resident <= room && !spilled.empty()) {
      if (auto apart = fit_apart(table, wanted, spilled, &within)) return *std::move(apart);
    }
    if (count == by_size.size() || effort == FitEffort::kAsPlanned) break;
  }
  if (effort != FitEffort::kSpill) {
    return Error{ErrorCode::kDoesNotFit, fmt::format("network '{}' finds no room beside the others", table.graph().name)};
  }
  return fit_spilling(table, wanted, streamed, spilled, &within);
}

void Residency::adopt(Lane& lane, const FittedPlan& plan) {
  const OptionTable& table = lane.prepared->table();
  lane.plan.assignment = plan.assignment;
  lane.plan.spilling = plan.spilling;
  lane.plan.reference_total = Cycles(0);
  for (std::size_t v = 0; v < table.size(); ++v) {
    lane.plan.reference[v] = execution_cycles(table, LayerId(v), plan.assignment[v], plan.spilling);
    lane.plan.reference_total += lane.plan.reference[v];
  }
  lane.extra = extra_joules(lane, plan);
  lane.regret = 0;
  lane.patience = load_joules(lane);
  lane.peaks_after = -1;
}

std::vector<Lane*> Residency::present() const {
  std::vector<Lane*> order;
  for (const auto& lane : lanes_) {
    if (lane->present) order.push_back(lane.get());
  }
  std::stable_sort(order.begin(), order.end(), [](const Lane* a, const Lane* b) { return a->use.declared() > b->use.declared(); });
  return order;
}

Status Residency::place_beside() {
  placed_watts_ = 0;
  for (Lane* lane : present()) {
    auto plan = fit(*lane, {}, FitEffort::kAsPlanned);
    if (!plan) plan = fit(*lane, {}, FitEffort::kStream);
    if (plan) GATEFOLD_CHECK(settle(*lane, *plan));
    placed_watts_ += plan ? nominal_watts(*lane, *plan) : nominal_watts_outside(*lane);
  }
  return Done{};
}

std::optional<Partition> Residency::cheaper_partition() const {
  const std::vector<Lane*> order = present();
  // Where each network has its cheapest plan nothing costs less.
  if (placed_watts_ <= least_watts(order) * kAsCheap) return std::nullopt;
  auto partition = best_partition(order);
  if (partition && partition->watts >= placed_watts_) return std::nullopt;
  return partition;
}

Status Residency::place(const Partition& partition) {
  const std::vector<Lane*> order = present();
  for (std::size_t n = 0; n < order.size(); ++n) GATEFOLD_CHECK(settle(*order[n], partition.plans[n]));
  return Done{};
}

Status Residency::settle(Lane& lane, const FittedPlan& plan) {
  adopt(lane, plan);
  GATEFOLD_CHECK(lane.session->settle(plan));
  refresh_peaks(lane);
  return Done{};
}

bool Residency::any_busy() const {
  return std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->session->busy(); });
}

std::vector<Lane*> Residency::by_value(const Lane& wanted, Cycles now) const {
  std::vector<Lane*> order;
  for (const auto& lane : lanes_) {
    if (lane.get() != &wanted && lane->session->resident() && !lane->session->busy()) order.push_back(lane.get());
  }
  // Those for which no request waits first. A network's value is what its reload costs times how often it is used; per byte that is
  // the rate alone.
  std::stable_sort(order.begin(), order.end(), [&](const Lane* a, const Lane* b) {
    if (a->queue.empty() != b->queue.empty()) return a->queue.empty();
    const double use_a = use_of(*a, now);
    const double use_b = use_of(*b, now);
    return use_a != use_b ? use_a < use_b : a->priority < b->priority;
  });
  return order;
}

const BesidePlan& Residency::known_plan(Lane& lane, const Memory& within, FitEffort effort) {
  std::vector<std::int64_t> room{static_cast<std::int64_t>(effort)};
  for (std::int32_t b = 0; b < shared_.chip().spec().bank_count(); ++b) {
    room.push_back(within.used_bytes(BankId(b)).count() * 8 + static_cast<std::int64_t>(within.role(BankId(b))));
  }
  const auto known = lane.plans_beside.find(room);
  if (known != lane.plans_beside.end()) return known->second;
  if (lane.plans_beside.size() >= kKnownPlans) lane.plans_beside.clear();
  auto plan = plan_beside(lane.prepared->table(), lane.wanted, lane.prepared->plan().spilling.tensors, within, effort);
  BesidePlan entry;
  if (plan) entry.found = std::move(plan).value();
  else entry.reason = std::move(plan).error().message;
  return lane.plans_beside.emplace(std::move(room), std::move(entry)).first->second;
}

std::optional<FittedPlan> Residency::fit(Lane& lane, const std::vector<Lane*>& leaving, FitEffort effort) {
  const DeviceSpec& spec = shared_.chip().spec();
  const OptionTable& table = lane.prepared->table();
  Memory memory(shared_.chip().memory());
  std::vector<std::pair<Lane*, Residence>> staying;
  std::vector<std::int32_t> reserved(static_cast<std::size_t>(spec.core_count()), 0);
  for (const auto& other : lanes_) {
    if (!other->session->resident()) continue;
    Residence residence(other->session->residence(), memory);
    residence.drop_activations();
    if (other.get() == &lane || std::find(leaving.begin(), leaving.end(), other.get()) != leaving.end()) {
      for (std::size_t v = 0; v < other->prepared->table().size(); ++v) residence.drop_weights(LayerId(v));
      continue;
    }
    for (std::size_t c = 0; c < reserved.size() && !other->exclusive; ++c) {
      reserved[c] = std::max(reserved[c], other->peaks[c]);
    }
    staying.emplace_back(other.get(), residence);
  }
  // At best its activations find room beside those of any other network; at least every network runs while the others rest.
  Memory beside(memory);
  for (std::size_t c = 0; c < reserved.size(); ++c) {
    for (std::int32_t b = 0; b < reserved[c]; ++b) {
      if (!beside.store(CoreId(c), spec.bank.size, BankRole::kActivations, {}, {})) break;
    }
  }
  for (const Memory* within : {&std::as_const(beside), &std::as_const(memory)}) {
    if (within == &beside && effort != FitEffort::kAsPlanned) continue;
    const BesidePlan& plan = known_plan(lane, *within, effort);
    if (!plan.found) {
      reason_ = plan.reason;
      continue;
    }
    Memory with(memory);
    Residence residence(table, with, plan.found->spilling.tensors);
    bool fits = true;
    for (std::size_t v = 0; v < table.size() && fits; ++v) {
      fits = residence.store_weights(LayerId(v), plan.found->assignment[v], {}).has_value();
    }
    fits = fits && std::all_of(staying.begin(), staying.end(), [&](const auto& other) {
             return request_fits(other.first->prepared->table(), Residence(other.second, with), other.first->session->homes());
           });
    if (fits && request_fits(table, residence, plan.found->assignment)) return plan.found;
    reason_ = "the networks in the chip would not find room for their activations any more";
  }
  return std::nullopt;
}

bool Residency::storable(const Lane& lane, const ResidencyWay& way) const {
  const DeviceSpec& spec = shared_.chip().spec();
  Memory memory(shared_.chip().memory());
  for (const Lane* leaving : way.leaving) {
    Residence residence(leaving->session->residence(), memory);
    for (std::size_t v = 0; v < leaving->prepared->table().size(); ++v) residence.drop_weights(LayerId(v));
  }
  Residence residence(lane.prepared->table(), memory, way.plan.spilling.tensors);
  for (std::size_t v = 0; v < way.plan.assignment.size(); ++v) {
    if (!residence.store_weights(LayerId(v), way.plan.assignment[v], {})) return false;
  }
  for (std::int32_t c = 0; c < spec.core_count(); ++c) {
    std::int32_t wanted = 0;
    for (const auto& other : lanes_) {
      if (other->session->busy()) wanted += other->exclusive ? spec.banks_per_core : other->peaks[static_cast<std::size_t>(c)];
    }
    if (wanted > 0 && banks_for_activations(memory, spec, c) < wanted) return false;
  }
  return true;
}

std::int64_t Residency::state() const {
  std::int64_t state = loads_ + evictions_ + shared_.faults_passed();
  for (const auto& lane : lanes_) {
    const RunResult& counted = lane->session->counted();
    state += counted.shifts_forced + counted.shifts_voluntary + (lane->session->resident() ? 1 : 0);
  }
  return state;
}

const ResidencyWay* Residency::best_way(Lane& lane, Cycles now) {
  const std::int64_t now_state = state();
  std::vector<char> busy;
  for (const auto& other : lanes_) busy.push_back(other->session->busy() ? 1 : 0);
  if (lane.way_state != now_state || lane.way_busy != busy) lane.way = find_way(lane, now);
  lane.way_state = now_state;
  lane.way_busy = std::move(busy);
  return lane.way ? &*lane.way : nullptr;
}

std::optional<ResidencyWay> Residency::find_way(Lane& lane, Cycles now) {
  const std::vector<Lane*> order = by_value(lane, now);
  const double rate = std::max(use_of(lane, now), 1e-3);
  std::optional<ResidencyWay> best;
  std::vector<Lane*> leaving;
  double reloads = 0;
  const auto consider = [&](FitEffort effort) {
    auto plan = fit(lane, leaving, effort);
    if (!plan) return false;
    const double watts = reloads + rate * extra_joules(lane, *plan);
    if (!best || watts < best->watts) best = ResidencyWay{*std::move(plan), leaving, watts};
    return true;
  };
  // Streaming more is looked at twice: beside everybody, and beside those that are in use.
  bool all_used = true;
  for (std::size_t count = 0; count <= order.size(); ++count) {
    if (count > 0) {
      Lane* next = order[count - 1];
      leaving.push_back(next);
      // Whoever leaves comes back when it is used, and then this network may have to go: each pays at the lower rate of the two.
      const double switches = std::min(use_of(*next, now), rate);
      reloads += switches * (load_joules(*next) + load_joules(lane));
    }
    if (best && reloads >= best->watts) break;
    if (consider(FitEffort::kAsPlanned)) break;
    const bool rest_used = count == order.size() || use_of(*order[count], now) > rate * kIdleShare;
    if (count == 0 || (rest_used && !all_used)) (void)consider(FitEffort::kStream);
    all_used = rest_used;
  }
  if (!best) (void)consider(FitEffort::kSpill);
  return best;
}

Residency::Outcome Residency::bring(Lane& lane, Cycles now) {
  if (lane.session->resident()) return Outcome::kThere;
  const ResidencyWay* way = best_way(lane, now);
  if (way == nullptr) return any_busy() ? Outcome::kWait : Outcome::kImpossible;
  if (any_busy() && !storable(lane, *way)) return Outcome::kWait;
  for (Lane* leaving : way->leaving) {
    take_out(*leaving, now);
    ++evictions_;
  }
  adopt(lane, way->plan);
  lane.session->load(way->plan, now);
  refresh_peaks(lane);
  ++loads_;
  return Outcome::kThere;
}

void Residency::take_out(Lane& lane, Cycles now) {
  if (lane.session->resident()) lane.session->unload(now);
}

Residency::Outcome Residency::replan(Lane& lane, Cycles now) {
  take_out(lane, now);
  return bring(lane, now);
}

bool Residency::regrets(Lane& lane, Cycles now) {
  if (lane.extra <= 0 || !lane.policy->plans_residency()) return false;
  lane.regret += lane.extra;
  // Once as much was spent as bringing it in anew would take; the second time in vain, twice as much.
  if (lane.regret < lane.patience) return false;
  lane.regret = 0;
  const double rate = use_of(lane, now);
  const ResidencyWay* way = best_way(lane, now);
  lane.patience = lane.patience * 2;
  return way != nullptr && way->watts < rate * lane.extra / 2;
}

void Residency::refresh_peaks(Lane& lane) const {
  const RunResult& counted = lane.session->counted();
  const std::int64_t shifts = counted.shifts_forced + counted.shifts_voluntary;
  if (lane.peaks_after == shifts) return;
  lane.peaks_after = shifts;
  lane.exclusive = true;
  lane.peaks.assign(static_cast<std::size_t>(shared_.chip().spec().core_count()), 0);
  if (auto peaks = activation_peaks(lane.prepared->table(), lane.session->homes(), lane.plan.spilling.tensors)) {
    lane.peaks = *std::move(peaks);
    lane.exclusive = false;
  }
}

bool Residency::joins(Lane& lane) {
  const DeviceSpec& spec = shared_.chip().spec();
  refresh_peaks(lane);
  bool beside = false;
  for (const auto& other : lanes_) {
    if (!other->session->busy()) continue;
    if (lane.exclusive || other->exclusive) return false;
    beside = true;
  }
  if (!beside) return true;
  for (std::int32_t c = 0; c < spec.core_count(); ++c) {
    const auto core = static_cast<std::size_t>(c);
    std::int32_t wanted = lane.peaks[core];
    if (wanted == 0) continue;
    for (const auto& other : lanes_) {
      if (other->session->busy()) wanted += other->peaks[core];
    }
    if (wanted > banks_for_activations(shared_.chip().memory(), spec, c)) return false;
  }
  return true;
}

}  // namespace gatefold
