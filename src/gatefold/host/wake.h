// How a waiting core saves time: it spins, or it sleeps and pays a wake.
//
// In core-seconds, waiting for t costs t when spinning and one wake when asleep, whatever t is; the lower envelope of the
// two lines breaks at t = wake time, as the gap rule of docs/decision-problem.md has it for a chip's states. Where the
// kernel publishes idle states with their target residencies, sleeping for less than the shallowest state's residency
// saves no energy either, so the larger of the two is the *break-even*. A gap known to be longer: sleep at once. A gap of
// unknown length: spin for the break-even, then sleep, which costs at most twice what foreknowledge would.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gatefold {

/// One depth of waiting.
struct WakeTier {
  std::string name;               ///< "spin", then the kernel's names ("C1", ..), or "sleep" where it publishes none
  std::int64_t latency_ns = 0;    ///< from the signal to the first instruction
  std::int64_t residency_ns = 0;  ///< shorter waits are cheaper in the tier above
};

/// What waking a thread costs on this machine, measured.
struct WakeCost {
  std::int64_t latency_ns = 0;  ///< from the waker's call to the sleeper's first instruction
  std::int64_t signal_ns = 0;   ///< what the waker itself spends
};

struct WakeModel {
  std::vector<WakeTier> tiers;
  WakeCost cost;
  std::int64_t break_even_ns = 0;
};

/// The idle states of one processor that the kernel publishes and allows, shallowest first, without its polling state.
[[nodiscard]] std::vector<WakeTier> read_idle_states(std::int32_t cpu, const std::filesystem::path& root = "/");

/// Lower quartiles over a few wakes of a thread on `sleeper_cpu` by one on `waker_cpu` (about 2 ms).
[[nodiscard]] WakeCost measure_wake(std::int32_t waker_cpu, std::int32_t sleeper_cpu);

[[nodiscard]] WakeModel wake_model(const std::vector<WakeTier>& idle_states, const WakeCost& cost);

}  // namespace gatefold
