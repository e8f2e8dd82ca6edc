#include "gatefold/host/wake.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "gatefold/host/kernel_files.h"

namespace gatefold {
namespace {

constexpr std::size_t kWakesMeasured = 12;
/// Long enough that the sleeper really sleeps, several times the usual wake latency of tens of microseconds.
constexpr std::chrono::microseconds kUntilAsleep{150};
constexpr std::int64_t kSpinLatencyNs = 300;  // a line of memory changing owner between two cores, and a few loop turns

/// The lower quartile: a busy machine delays some wakes by milliseconds, and none is ever early.
std::int64_t typical(std::array<std::int64_t, kWakesMeasured>& samples) {
  std::nth_element(samples.begin(), samples.begin() + kWakesMeasured / 4, samples.end());
  return samples[kWakesMeasured / 4];
}

}  // namespace

std::vector<WakeTier> read_idle_states(std::int32_t cpu, const std::filesystem::path& root) {
  std::vector<WakeTier> states;
  const auto folder = root / fmt::format("sys/devices/system/cpu/cpu{}/cpuidle", cpu);
  for (int index = 0;; ++index) {
    const auto state = folder / fmt::format("state{}", index);
    const auto name = read_kernel_text(state / "name");
    if (!name) return states;
    const auto latency_us = read_kernel_number(state / "latency");
    const auto residency_us = read_kernel_number(state / "residency");
    const bool disabled = read_kernel_number(state / "disable").value_or(0) != 0;
    if (disabled || *name == "POLL" || !latency_us || !residency_us) continue;
    states.push_back({*name, *latency_us * 1000, *residency_us * 1000});
  }
}

WakeCost measure_wake(std::int32_t waker_cpu, std::int32_t sleeper_cpu) {
  std::array<std::int64_t, kWakesMeasured> latencies{};
  std::array<std::int64_t, kWakesMeasured> signals{};
  std::atomic<std::uint32_t> word{0};
  std::atomic<std::int64_t> woken_at{0};
  std::thread sleeper([&] {
    (void)pin_this_thread(sleeper_cpu);
    for (std::uint32_t round = 0; round < kWakesMeasured; ++round) {
      while (word.load(std::memory_order_acquire) == round) futex_wait(word, round);
      woken_at.store(now_ns(), std::memory_order_release);
    }
  });
  std::thread waker([&] {
    (void)pin_this_thread(waker_cpu);
    for (std::uint32_t round = 0; round < kWakesMeasured; ++round) {
      std::this_thread::sleep_for(kUntilAsleep);
      woken_at.store(0, std::memory_order_relaxed);
      const std::int64_t begin = now_ns();
      word.store(round + 1, std::memory_order_release);
      futex_wake(word);
      signals[round] = now_ns() - begin;
      while (woken_at.load(std::memory_order_acquire) == 0) std::this_thread::yield();
      latencies[round] = woken_at.load(std::memory_order_relaxed) - begin;
    }
  });
  waker.join();
  sleeper.join();
  return {std::max<std::int64_t>(1, typical(latencies)), std::max<std::int64_t>(1, typical(signals))};
}

WakeModel wake_model(const std::vector<WakeTier>& idle_states, const WakeCost& cost) {
  WakeModel model;
  model.cost = cost;
  model.break_even_ns = cost.latency_ns;
  model.tiers.push_back({"spin", kSpinLatencyNs, 0});
  if (idle_states.empty()) model.tiers.push_back({"sleep", cost.latency_ns, cost.latency_ns});
  for (const WakeTier& state : idle_states) {
    model.tiers.push_back({state.name, std::max(cost.latency_ns, state.latency_ns), std::max(cost.latency_ns, state.residency_ns)});
  }
  if (!idle_states.empty()) model.break_even_ns = model.tiers[1].residency_ns;
  return model;
}

}  // namespace gatefold
