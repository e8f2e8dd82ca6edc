#include "gatefold/host/workers.h"

#include <algorithm>
#include <cmath>

#include "gatefold/host/kernel_files.h"

namespace gatefold {
namespace {

/// Turns of a waiting loop between two looks at the clock, which costs as much as some ten turns.
constexpr int kTurnsPerLook = 32;
/// A network is planned anew where its measured times have moved by a tenth, looked at every so many requests.
constexpr std::int64_t kRequestsPerReplan = 64;
constexpr double kReplanShare = 0.1;

CoreMask bit(std::int32_t core) { return CoreMask{1} << core; }

}  // namespace

Workers::Workers(HostTopology topology, const WakeModel& wake)
    : topology_(std::move(topology)),
      wake_(wake),
      profile_(topology_),
      slots_(topology_.cores.size()),
      begin_ns_(now_ns()),
      on_ns_(topology_.cores.size()),
      move_ns_(kMovesKept) {
  for (std::int32_t core = 0; core < core_count(); ++core) {
    const auto cpu = static_cast<std::size_t>(topology_.cores[static_cast<std::size_t>(core)].cpu);
    if (core_of_cpu_.size() <= cpu) core_of_cpu_.resize(cpu + 1, -1);
    core_of_cpu_[cpu] = core;
  }
  for (std::int32_t core = 0; core < core_count(); ++core) threads_.emplace_back([this, core] { work(core); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    for (HostRequestState* request : queue_) request->cancel = true;
  }
  stop_.store(true, std::memory_order_seq_cst);
  for (std::int32_t core = 0; core < core_count(); ++core) signal(core);
  for (std::thread& thread : threads_) thread.join();
  for (HostRequestState* request : queue_) {
    request->cancelled = true;
    finish(*request);
  }
}

// ---- A worker's life. ----

void Workers::work(std::int32_t core) {
  // Where the kernel refuses the binding the worker still runs, wherever it is put.
  (void)pin_this_thread(topology_.cores[static_cast<std::size_t>(core)].cpu);
  profile_.watch_worker(core, thread_number());
  Slot& own = slot(core);
  while (true) {
    if (HostRequestState* request = own.handed.exchange(nullptr, std::memory_order_acq_rel)) {
      lead(*request, core, false);
      continue;
    }
    HostRequestState* owner = own.owner.load(std::memory_order_acquire);
    if (owner == &guest_) {
      doze(core, owner);
    } else if (owner != nullptr) {
      help(core, *owner);
    } else if (stop_.load(std::memory_order_acquire)) {
      return;
    } else if (HostRequestState* request = take(core)) {
      lead(*request, core, false);
    } else {
      idle(core);
    }
  }
}

bool Workers::run_one_slice(HostRequestState& request, std::optional<std::int32_t> helper, std::int64_t* spent_ns) {
  std::uint64_t word = request.job.load(std::memory_order_acquire);
  do {
    if (!Job(word).claimable()) return false;
  } while (!request.job.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel, std::memory_order_acquire));
  // Only a claim makes sure that the request has a network and an arena. A core's scratch is its worker's alone.
  const Job job(word);
  HostNetwork& network = *request.network;
  std::byte* scratch = helper ? network.helper_scratch[static_cast<std::size_t>(*helper)].data() : request.arena->scratch.data();
  const std::int64_t begin = now_ns();
  network.program->run(job.layer(), job.taken(), job.parts(), request.arena->activations.data(), scratch);
  *spent_ns += now_ns() - begin;
  request.pending.fetch_sub(1, std::memory_order_release);
  return true;
}

void Workers::help(std::int32_t core, HostRequestState& request) {
  Slot& own = slot(core);
  std::int64_t looked = now_ns();
  std::int64_t spun_since = looked;
  for (int turn = 1;; ++turn) {
    if (Job(request.job.load(std::memory_order_acquire)).claimable()) {
      std::int64_t spent = 0;
      while (run_one_slice(request, core, &spent)) {
      }
      const std::int64_t now = now_ns();
      own.busy_ns.fetch_add(spent, std::memory_order_relaxed);
      own.spin_ns.fetch_add(now - looked - spent, std::memory_order_relaxed);
      looked = spun_since = now;
    }
    if (own.handed.load(std::memory_order_acquire) != nullptr || own.owner.load(std::memory_order_acquire) != &request) break;
    pause_briefly();
    if (turn % kTurnsPerLook != 0) continue;
    const std::int64_t now = now_ns();
    own.spin_ns.fetch_add(now - looked, std::memory_order_relaxed);
    looked = now;
    if (now - spun_since < wake_.break_even_ns || request.awaited.load(std::memory_order_acquire) == core) continue;
    doze(core, &request);
    looked = spun_since = now_ns();
  }
  own.spin_ns.fetch_add(now_ns() - looked, std::memory_order_relaxed);
}

void Workers::idle(std::int32_t core) {
  Slot& own = slot(core);
  // A core that is about to be taken saves its lead a signal: by the plans' exchange rate that is worth spinning for longer.
  const auto invited_ns =
      wake_.break_even_ns + static_cast<std::int64_t>(kCoreSecondsPerSecond * static_cast<double>(wake_.cost.signal_ns));
  const std::int64_t begin = now_ns();
  std::int64_t until = begin + wake_.break_even_ns;
  for (int turn = 1; nothing_new(core, nullptr); ++turn) {
    pause_briefly();
    if (turn % kTurnsPerLook != 0) continue;
    const std::int64_t now = now_ns();
    if (own.invited.exchange(false, std::memory_order_relaxed)) until = now + invited_ns;
    if (now < until) continue;
    own.spin_ns.fetch_add(now - begin, std::memory_order_relaxed);
    doze(core, nullptr);
    return;
  }
  own.spin_ns.fetch_add(now_ns() - begin, std::memory_order_relaxed);
}

bool Workers::nothing_new(std::int32_t core, const HostRequestState* owner) const {
  const Slot& own = slot(core);
  if (own.handed.load(std::memory_order_seq_cst) != nullptr || own.owner.load(std::memory_order_seq_cst) != owner) return false;
  if (owner == &guest_) return true;
  if (owner != nullptr) return !Job(owner->job.load(std::memory_order_seq_cst)).claimable();
  return !stop_.load(std::memory_order_seq_cst) && (waiting_cores_.load(std::memory_order_seq_cst) & bit(core)) == 0;
}

void Workers::doze(std::int32_t core, const HostRequestState* owner) {
  Slot& own = slot(core);
  own.state.store(kAsleep, std::memory_order_seq_cst);
  // Whoever changes one of these signals afterwards: either we see the change here or they see us asleep.
  while (nothing_new(core, owner) && own.state.load(std::memory_order_seq_cst) == kAsleep) futex_wait(own.state, kAsleep);
  own.state.store(kAwake, std::memory_order_seq_cst);
}

void Workers::signal(std::int32_t core) {
  Slot& other = slot(core);
  std::uint32_t asleep = kAsleep;
  if (!other.state.compare_exchange_strong(asleep, kSignalled, std::memory_order_seq_cst)) return;
  futex_wake(other.state);
  other.wakes.fetch_add(1, std::memory_order_relaxed);
}

void Workers::release(std::int32_t core) {
  slot(core).owner.store(nullptr, std::memory_order_seq_cst);
  if ((waiting_cores_.load(std::memory_order_seq_cst) & bit(core)) != 0 || stop_.load(std::memory_order_seq_cst)) signal(core);
}

// ---- Requests. ----

HostRequestState* Workers::acquire() {
  const std::lock_guard lock(mutex_);
  HostRequestState* request = nullptr;
  if (recycled_.empty()) {
    request = &requests_.emplace_back();
  } else {
    request = recycled_.back();
    recycled_.pop_back();
  }
  request->order = submitted_++;
  request->deadline_ns = std::numeric_limits<std::int64_t>::max();
  request->recorder = nullptr;
  request->cancel.store(false, std::memory_order_relaxed);
  request->cancelled = false;
  request->progress.store(HostRequestState::kInFlight, std::memory_order_relaxed);
  return request;
}

void Workers::recycle(HostRequestState* request) {
  request->outputs.clear();
  request->inputs.clear();
  const std::lock_guard lock(mutex_);
  recycled_.push_back(request);
}

void Workers::find_waiting_cores() {
  CoreMask cores = 0;
  for (const HostRequestState* request : queue_) cores |= request->network->allowed.load(std::memory_order_relaxed);
  waiting_cores_.store(cores, std::memory_order_seq_cst);
}

void Workers::enqueue(HostRequestState& request) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(&request);
  find_waiting_cores();
}

void Workers::wake_a_free_core(CoreMask cores) {
  // The least loaded by others; a core that is awake already needs no signal and comes before equals.
  std::int32_t best = -1;
  float best_price = 2;
  for (std::int32_t core = 0; core < core_count(); ++core) {
    if ((cores & bit(core)) == 0 || slot(core).owner.load(std::memory_order_seq_cst) != nullptr) continue;
    const bool asleep = slot(core).state.load(std::memory_order_seq_cst) == kAsleep;
    const float price = profile_.others(core) + (asleep ? 0.1F : 0.0F);
    if (price < best_price) {
      best = core;
      best_price = price;
    }
  }
  if (best >= 0) signal(best);
}

void Workers::start(HostRequestState* request) {
  const CoreMask cores = request->network->allowed.load(std::memory_order_relaxed);
  enqueue(*request);  // from here on the request may be done at any time
  wake_a_free_core(cores);
}

void Workers::prepare(HostRequestState& request) {
  HostNetwork& network = *request.network;
  ++network.in_flight;
  request.plans = network.plans;
  request.plan = nullptr;
  request.layer = 0;
  request.helpers = 0;
  request.hurried = false;
  request.moved_ns = 0;
  request.move_debt_ns = 0;
  request.awaited.store(-1, std::memory_order_relaxed);
  if (!network.arenas.empty()) {
    request.arena = std::move(network.arenas.back());
    network.arenas.pop_back();
    return;
  }
  // Requests in flight at once are at most as many as cores and callers: the pool grows to that and stays.
  request.arena =
      std::make_unique<Arena>(Arena{Buffer::of_large_pages(network.program->arena_bytes()), Buffer(network.program->scratch_bytes())});
}

HostRequestState* Workers::take(std::int32_t core) {
  if ((waiting_cores_.load(std::memory_order_seq_cst) & bit(core)) == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  HostRequestState* best = nullptr;
  for (HostRequestState* request : queue_) {
    if ((request->network->allowed.load(std::memory_order_relaxed) & bit(core)) == 0) continue;
    const bool earlier = best == nullptr || request->deadline_ns < best->deadline_ns ||
                         (request->deadline_ns == best->deadline_ns && request->order < best->order);
    if (earlier) best = request;
  }
  HostRequestState* free = nullptr;
  if (best == nullptr || !slot(core).owner.compare_exchange_strong(free, best, std::memory_order_seq_cst)) return nullptr;
  queue_.erase(std::find(queue_.begin(), queue_.end(), best));
  find_waiting_cores();
  if (best->arena == nullptr) prepare(*best);  // else it was parked
  best->lead_core = core;
  return best;
}

std::optional<std::int32_t> Workers::core_of_this_thread() const {
  const std::int32_t cpu = current_cpu();
  if (cpu < 0 || static_cast<std::size_t>(cpu) >= core_of_cpu_.size()) return std::nullopt;
  const std::int32_t core = core_of_cpu_[static_cast<std::size_t>(cpu)];
  return core < 0 ? std::nullopt : std::optional(core);
}

void Workers::run(HostRequestState* request) {
  const auto core = core_of_this_thread();
  const bool allowed = core && (request->network->allowed.load(std::memory_order_relaxed) & bit(*core)) != 0;
  HostRequestState* free = nullptr;
  if (!allowed || !slot(*core).owner.compare_exchange_strong(free, &guest_, std::memory_order_seq_cst)) {
    start(request);
    wait(request);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    prepare(*request);
  }
  lead(*request, *core, true);
  wait(request);  // it may have been handed over
}

void Workers::cancel(HostRequestState* request) {
  request->cancel.store(true, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    const auto waiting = std::find(queue_.begin(), queue_.end(), request);
    if (waiting == queue_.end()) return;
    queue_.erase(waiting);
    find_waiting_cores();
  }
  request->cancelled = true;
  finish(*request);
}

void Workers::wait(HostRequestState* request) {
  std::uint32_t progress = request->progress.load(std::memory_order_acquire);
  while (progress != HostRequestState::kDone) {
    if (progress == HostRequestState::kInFlight &&
        !request->progress.compare_exchange_strong(progress, HostRequestState::kAwaited, std::memory_order_acq_rel)) {
      continue;
    }
    futex_wait(request->progress, HostRequestState::kAwaited);
    progress = request->progress.load(std::memory_order_acquire);
  }
}

void Workers::finish(HostRequestState& request) {
  HostNetwork& network = *request.network;
  const bool counted = !request.cancelled && request.recorder == nullptr;
  request.completion_ns = now_ns();
  bool replan_due = false;
  {
    const std::lock_guard lock(mutex_);
    if (request.arena != nullptr) {
      network.arenas.push_back(std::move(request.arena));
      --network.in_flight;
    }
    request.plans.reset();
    request.plan = nullptr;
    if (counted && ++network.served % kRequestsPerReplan == 0) {
      for (std::size_t option = 0; option < network.planned_ns.size(); ++option) {
        const double planned = network.planned_ns[option];
        replan_due |= std::abs(network.table->total_ns(option) - planned) > kReplanShare * planned;
      }
    }
  }
  if (request.progress.exchange(HostRequestState::kDone, std::memory_order_acq_rel) == HostRequestState::kAwaited) {
    futex_wake(request.progress);
  }
  if (replan_due) replan(network);
}

HostCounters Workers::counters() const {
  HostCounters counters;
  std::int64_t busy = 0;
  std::int64_t spin = 0;
  for (const Slot& slot : slots_) {
    busy += slot.busy_ns.load(std::memory_order_relaxed);
    spin += slot.spin_ns.load(std::memory_order_relaxed);
    counters.wakes += slot.wakes.load(std::memory_order_relaxed);
  }
  const std::int64_t all = (now_ns() - begin_ns_) * core_count();
  counters.busy_s = static_cast<double>(busy) / 1e9;
  counters.spin_s = static_cast<double>(spin) / 1e9;
  counters.asleep_s = static_cast<double>(std::max<std::int64_t>(0, all - busy - spin)) / 1e9;
  counters.moves = moves_.load(std::memory_order_relaxed);
  counters.hand_overs = hand_overs_.load(std::memory_order_relaxed);
  return counters;
}

std::vector<std::int64_t> Workers::move_times() const {
  const auto count = std::min<std::size_t>(kMovesKept, static_cast<std::size_t>(moves_.load(std::memory_order_relaxed)));
  std::vector<std::int64_t> times(count);
  for (std::size_t i = 0; i < count; ++i) times[i] = move_ns_[i].load(std::memory_order_relaxed);
  return times;
}

}  // namespace gatefold
