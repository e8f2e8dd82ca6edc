// The step function: what the thread that leads a request does at a boundary, and how it runs a layer. Declared in workers.h.
#include <algorithm>
#include <bit>
#include <thread>
#include <tuple>
#include <utility>

#include "gatefold/host/kernel_files.h"
#include "gatefold/host/workers.h"

namespace gatefold {
namespace {

/// Shares below this are noise of the kernel's clocks.
constexpr float kNoise = 0.1F;
/// The lead stays on its core unless another is freer by more than this share: moving back and forth costs more.
constexpr float kWorthMoving = 0.25F;
/// Others never take more than this share in an expectation; the kernel's scheduler lets no thread starve.
constexpr float kTakenMax = 0.95F;
/// A helper that has not finished its slice by then was put off its core: let others run here meanwhile.
constexpr std::int64_t kPatienceNs = 100'000;
/// A core that has not woken after so many wake times is handed the request nevertheless.
constexpr std::int64_t kWakesAwaited = 20;

CoreMask bit(std::int32_t core) { return CoreMask{1} << core; }

float price_of(float others) { return others < kNoise ? 0 : std::min(others, kTakenMax); }

}  // namespace

void Workers::lead(HostRequestState& request, std::int32_t core, bool guest) {
  Slot& own = slot(core);
  const HostProgram& program = *request.network->program;
  std::int64_t now = now_ns();
  if (request.plan == nullptr) program.load_inputs(request.inputs, request.arena->activations.data());
  for (; request.layer < program.layer_count(); ++request.layer) {
    if (request.cancel.load(std::memory_order_relaxed)) {
      request.cancelled = true;
      break;
    }
    const std::int64_t begin = now;
    if (!boundary(request, core, guest, begin)) {
      own.busy_ns.fetch_add(now_ns() - begin, std::memory_order_relaxed);
      return;
    }
    if (request.moved_ns != 0) count_move(request, now_ns());
    const std::int64_t waited = run_layer(request);
    now = now_ns();
    own.busy_ns.fetch_add(now - begin - waited, std::memory_order_relaxed);
    own.spin_ns.fetch_add(waited, std::memory_order_relaxed);
  }
  for (CoreMask helpers = request.helpers; helpers != 0; helpers &= helpers - 1) detach(request, std::countr_zero(helpers));
  if (!request.cancelled) program.store_outputs(request.arena->activations.data(), request.outputs);
  own.busy_ns.fetch_add(now_ns() - now, std::memory_order_relaxed);
  finish(request);
  release(core);
}

bool Workers::boundary(HostRequestState& request, std::int32_t core, bool guest, std::int64_t now) {
  if (now >= next_sample_.load(std::memory_order_relaxed)) sample(core, guest, now);
  const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
  const bool first = request.plan == nullptr;
  const bool late =
      !first && !request.hurried && request.deadline_ns != std::numeric_limits<std::int64_t>::max() &&
      now + static_cast<std::int64_t>(request.plan->ns_left[request.layer] * static_cast<double>(request.slowdown)) > request.deadline_ns;
  const CoreMask before = request.helpers;
  const bool changed = !first && epoch != request.epoch;
  if (first || late || changed) {
    request.hurried = late;
    request.epoch = epoch;
    decide(request, core, now);
    if (request.lead_core == core) request.awaited.store(-1, std::memory_order_relaxed);
  }
  if (request.lead_core != core && !hand_over(request, core, now)) return false;
  adjust_helpers(request, core);
  if (changed && before != request.helpers && request.moved_ns == 0) request.moved_ns = now;
  return true;
}

void Workers::order_cores(HostRequestState& request, std::int32_t core) {
  const CoreMask allowed = request.network->allowed.load(std::memory_order_relaxed);
  const ClusterId home = topology_.cores[static_cast<std::size_t>(core)].cluster;
  std::array<std::uint8_t, kHostCoresMax>& order = request.order_of_cores;
  std::int32_t count = 0;
  for (std::int32_t other = 0; other < core_count(); ++other) {
    const HostRequestState* owner = slot(other).owner.load(std::memory_order_relaxed);
    const bool obtainable = other == core || owner == nullptr || owner == &request;
    if (obtainable && (allowed & bit(other)) != 0) order[static_cast<std::size_t>(count++)] = static_cast<std::uint8_t>(other);
  }
  const auto key = [&](std::uint8_t other) {
    return std::tuple(price_of(profile_.others(other)), other != core, topology_.cores[other].cluster != home, other);
  };
  std::sort(order.begin(), order.begin() + count, [&](std::uint8_t a, std::uint8_t b) { return key(a) < key(b); });
  request.core_count = count;
  request.lead_core = core;
  const bool here = (allowed & bit(core)) != 0;
  if (count == 0 || order[0] == core) return;
  const float gain = price_of(profile_.others(core)) - price_of(profile_.others(order[0]));
  if (!here || (gain > kWorthMoving && request.recorder == nullptr)) request.lead_core = order[0];
  // The lead's core comes first: plans of one core run there.
  const auto lead = std::find(order.begin(), order.begin() + count, static_cast<std::uint8_t>(request.lead_core));
  std::rotate(order.begin(), lead, lead + 1);
}

void Workers::decide(HostRequestState& request, std::int32_t core, std::int64_t now) {
  order_cores(request, core);
  std::array<float, kHostCoresMax> slowdown{};
  float worst = 1;
  for (std::int32_t i = 0; i < request.core_count; ++i) {
    worst = std::max(worst, 1 / (1 - price_of(profile_.others(request.order_of_cores[static_cast<std::size_t>(i)]))));
    slowdown[static_cast<std::size_t>(i)] = worst;
  }
  if (request.recorder != nullptr) {
    request.plan = request.recorder->plan;
    return;
  }
  PlanContext context;
  context.layer = request.layer;
  if (request.deadline_ns != std::numeric_limits<std::int64_t>::max()) context.budget_ns = static_cast<double>(request.deadline_ns - now);
  context.cores = std::max(1, std::min(request.core_count, profile_.cores_granted()));
  context.widest = request.network->policy == HostPolicy::kAllCores;
  context.slowdown = slowdown;
  request.plan = &(*request.plans)[choose_plan(*request.plans, context)];
  request.slowdown = slowdown[static_cast<std::size_t>(request.plan->width - 1)];
}

bool Workers::wait_for_wake(HostRequestState& request, std::int32_t core, std::int32_t target, std::int64_t now) {
  if (slot(target).state.load(std::memory_order_acquire) == kAwake) return false;
  if (request.awaited.exchange(target, std::memory_order_release) != target) request.awaited_since_ns = now;
  signal(target);
  // One more layer here costs what others make it slower; going at once costs the wake.
  const auto layer_ns = request.network->table->ns(request.layer, request.plan->layers[request.layer].option);
  const float price = price_of(profile_.others(core));
  const bool cheaper = layer_ns * price / (1 - price) <= static_cast<float>(wake_.cost.latency_ns);
  if (!cheaper || now - request.awaited_since_ns > kWakesAwaited * wake_.cost.latency_ns) return false;
  request.move_debt_ns += now_ns() - now;
  return true;
}

bool Workers::hand_over(HostRequestState& request, std::int32_t core, std::int64_t now) {
  const bool here = (request.network->allowed.load(std::memory_order_relaxed) & bit(core)) != 0;
  for (std::int32_t i = 0; i < request.core_count; ++i) {
    const std::int32_t target = request.order_of_cores[static_cast<std::size_t>(i)];
    if (target == core) continue;
    HostRequestState* free = nullptr;
    if ((request.helpers & bit(target)) == 0 && !slot(target).owner.compare_exchange_strong(free, &request, std::memory_order_seq_cst)) {
      if (here) break;
      continue;
    }
    request.helpers |= bit(target);
    request.lead_core = target;
    if (wait_for_wake(request, core, target, now)) return true;
    request.helpers &= ~bit(target);
    request.awaited.store(-1, std::memory_order_relaxed);
    request.moved_ns = now - std::exchange(request.move_debt_ns, 0);
    hand_overs_.fetch_add(1, std::memory_order_relaxed);
    release(core);
    slot(target).handed.store(&request, std::memory_order_seq_cst);  // from here on it is the other's
    signal(target);
    return false;
  }
  request.lead_core = core;
  request.awaited.store(-1, std::memory_order_relaxed);
  if (here) return true;
  // Every permitted core is busy: it waits like a request that has not begun.
  for (CoreMask helpers = request.helpers; helpers != 0; helpers &= helpers - 1) detach(request, std::countr_zero(helpers));
  request.moved_ns = 0;
  release(core);
  start(&request);
  return false;
}

void Workers::detach(HostRequestState& request, std::int32_t core) {
  request.helpers &= ~bit(core);
  release(core);
}

void Workers::adjust_helpers(HostRequestState& request, std::int32_t core) {
  const std::int32_t want = request.plan->layers[request.layer].held - 1;
  const CoreMask waiting = waiting_cores_.load(std::memory_order_relaxed);
  const std::int32_t awaited = request.awaited.load(std::memory_order_relaxed);
  const CoreMask kept = awaited >= 0 ? bit(awaited) : 0;
  const CoreMask barred = (waiting | ~request.network->allowed.load(std::memory_order_relaxed)) & ~kept;
  for (CoreMask bad = request.helpers & barred; bad != 0; bad &= bad - 1) detach(request, std::countr_zero(bad));
  std::int32_t have = std::popcount(request.helpers);
  for (std::int32_t i = request.core_count; i-- > 0 && have > want;) {
    const std::int32_t other = request.order_of_cores[static_cast<std::size_t>(i)];
    if ((request.helpers & ~kept & bit(other)) == 0) continue;
    detach(request, other);
    --have;
  }
  for (std::int32_t i = 0; i < request.core_count && have < want; ++i) {
    const std::int32_t other = request.order_of_cores[static_cast<std::size_t>(i)];
    if (other == core || ((request.helpers | barred) & bit(other)) != 0) continue;
    HostRequestState* free = nullptr;
    if (!slot(other).owner.compare_exchange_strong(free, &request, std::memory_order_seq_cst)) continue;
    request.helpers |= bit(other);
    ++have;
    signal(other);
  }
}

bool Workers::gather(HostRequestState& request) {
  bool awake = true;
  for (CoreMask helpers = request.helpers; helpers != 0; helpers &= helpers - 1) {
    const std::int32_t helper = std::countr_zero(helpers);
    // A calibration waits for its helpers; a request goes on without those that are late.
    while (request.recorder != nullptr && slot(helper).state.load(std::memory_order_acquire) != kAwake) {
      signal(helper);
      std::this_thread::yield();
    }
    awake &= slot(helper).state.load(std::memory_order_acquire) == kAwake;
  }
  return awake;
}

std::int64_t Workers::run_layer(HostRequestState& request) {
  const LayerChoice& choice = request.plan->layers[request.layer];
  HostOptionTable& table = *request.network->table;
  const int parts = std::min<int>(choice.parts, 1 + std::popcount(request.helpers));
  const bool undisturbed = parts == 1 || gather(request);
  const std::int64_t begin = now_ns();
  std::int64_t waited = 0;
  if (parts == 1) {
    request.network->program->run(request.layer, 0, 1, request.arena->activations.data(), request.arena->scratch.data());
  } else {
    request.pending.store(parts, std::memory_order_relaxed);
    request.job.store(Job(++request.sequence, request.layer, parts).word(), std::memory_order_seq_cst);
    for (CoreMask helpers = request.helpers; helpers != 0; helpers &= helpers - 1) signal(std::countr_zero(helpers));
    std::int64_t spent = 0;
    while (run_one_slice(request, std::nullopt, &spent)) {
    }
    const std::int64_t done = now_ns();
    for (waited = 0; request.pending.load(std::memory_order_acquire) != 0; waited = now_ns() - done) {
      if (waited < kPatienceNs) pause_briefly();
      else std::this_thread::yield();
    }
  }
  const auto ns = static_cast<float>(now_ns() - begin);
  if (request.recorder != nullptr) request.recorder->layer_ns[request.layer] = undisturbed && parts == choice.parts ? ns : 0;
  else if (undisturbed && parts == table.counts()[choice.option]) table.update(request.layer, choice.option, ns);
  return waited;
}

void Workers::sample(std::int32_t core, bool guest, std::int64_t now) {
  if (sampling_.exchange(true, std::memory_order_acquire)) return;
  next_sample_.store(now + HostProfile::kPeriodNs, std::memory_order_relaxed);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    on_ns_[i] = slots_[i].busy_ns.load(std::memory_order_relaxed) + slots_[i].spin_ns.load(std::memory_order_relaxed);
  }
  OwnUse own{now, on_ns_, std::nullopt, std::nullopt};
  if (guest) {
    thread_local const KernelFile schedstat("/proc/thread-self/schedstat");
    own.guest_core = core;
    own.guest_waits = read_waits(schedstat);
  }
  if (profile_.sample(own)) epoch_.fetch_add(1, std::memory_order_acq_rel);
  sampling_.store(false, std::memory_order_release);
}

void Workers::count_move(HostRequestState& request, std::int64_t now) {
  const auto count = static_cast<std::size_t>(moves_.fetch_add(1, std::memory_order_relaxed));
  move_ns_[count % kMovesKept].store(now - request.moved_ns, std::memory_order_relaxed);
  request.moved_ns = 0;
}

void Workers::replan(HostNetwork& network) {
  auto plans = std::make_shared<const std::vector<HostPlan>>(make_plans(*network.table, wake_, network.policy));
  const std::lock_guard lock(mutex_);
  network.plans = std::move(plans);
  network.planned_ns.clear();
  for (std::size_t option = 0; option < network.table->counts().size(); ++option) {
    network.planned_ns.push_back(network.table->total_ns(option));
  }
}

void Workers::confine(HostNetwork& network, CoreMask cores) {
  GATEFOLD_REQUIRE((cores & first_cores(core_count())) != 0);
  cores &= first_cores(core_count());
  bool running = false;
  CoreMask added = 0;
  {
    const std::lock_guard lock(mutex_);
    added = cores & ~network.allowed.exchange(cores, std::memory_order_relaxed);
    find_waiting_cores();
    running = network.in_flight > 0;
  }
  // Waking is this caller's business rather than that of a lead in the middle of a request, who hears of it afterwards.
  for (; running && added != 0; added &= added - 1) {
    const std::int32_t core = std::countr_zero(added);
    if (slot(core).owner.load(std::memory_order_relaxed) != nullptr) continue;
    slot(core).invited.store(true, std::memory_order_relaxed);
    signal(core);
  }
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  wake_a_free_core(waiting_cores_.load(std::memory_order_seq_cst));
}

}  // namespace gatefold
