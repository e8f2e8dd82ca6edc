#include "gatefold/host/profile.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace gatefold {
namespace {

constexpr std::int64_t kWindowNs = 100'000'000;  // ten ticks of the kernel's clock: a share is known to a tenth
constexpr std::int64_t kSlowNs = 1'000'000'000;  // PSI, quota and frequency are averages over longer times anyway
/// We judge a core by our own waits if we used at least this share of the interval.
constexpr double kOwnShare = 0.25;
/// A core counts as taken above the first, as free again below the second share; between them it stays what it was.
constexpr float kTaken = 0.3F;
constexpr float kFree = 0.15F;
constexpr float kThrottled = 0.02F;

/// A value of "total=" in PSI, or of "throttled_usec " in a cgroup's cpu.stat.
std::int64_t number_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + key.size());
  return next_number(text).value_or(0);
}

std::int64_t throttled_us(std::string_view text) {
  if (text.find("throttled_usec") != std::string_view::npos) return number_after(text, "throttled_usec");
  return number_after(text, "throttled_time") / 1000;  // version 1 counts nanoseconds
}

}  // namespace

std::optional<ThreadWaits> read_waits(const KernelFile& schedstat) {
  std::array<char, 128> buffer;
  std::string_view text = schedstat.read(buffer);
  const auto run = next_number(text);
  const auto wait = next_number(text);
  if (!run || !wait) return std::nullopt;
  return ThreadWaits{*run, *wait};
}

HostProfile::HostProfile(const HostTopology& topology, std::filesystem::path root)
    : root_(std::move(root)),
      cores_(topology.cores.size()),
      stat_(root_ / "proc/stat"),
      pressure_file_(root_ / "proc/pressure/cpu"),
      ns_per_tick_(1'000'000'000 / std::max(1L, ::sysconf(_SC_CLK_TCK))),
      granted_(static_cast<std::int32_t>(topology.cores.size())) {
  if (const auto folder = cgroup_cpu_folder(root_)) throttle_file_ = KernelFile(*folder / "cpu.stat");
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    cores_[i].cpu = topology.cores[i].cpu;
    cores_[i].frequency = KernelFile(root_ / fmt::format("sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq", cores_[i].cpu));
  }
  // Without cpufreq (virtual machines) the kernel still names the clock in cpuinfo.
  std::int64_t mhz = 0;
  if (const auto info = read_kernel_text(root_ / "proc/cpuinfo")) {
    const std::size_t at = info->find("cpu MHz");
    if (at != std::string::npos) mhz = number_after(std::string_view(*info).substr(at), ":");
  }
  for (Core& core : cores_) core.frequency_hz = mhz * 1'000'000;
}

void HostProfile::watch_worker(std::int32_t index, std::int32_t thread) {
  Core& core = cores_[static_cast<std::size_t>(index)];
  core.schedstat = KernelFile(root_ / fmt::format("proc/self/task/{}/schedstat", thread));
  core.watched.store(core.schedstat.is_open(), std::memory_order_release);
}

bool HostProfile::judge(Core& core, float others) {
  core.others.store(others, std::memory_order_relaxed);
  const bool before = core.taken.load(std::memory_order_relaxed);
  const bool after = before ? others >= kFree : others > kTaken;
  core.taken.store(after, std::memory_order_relaxed);
  return before != after;
}

std::optional<float> HostProfile::waited(std::int32_t index, const OwnUse& own, std::int64_t interval) {
  Core& core = cores_[static_cast<std::size_t>(index)];
  const std::int64_t on = own.on_ns[static_cast<std::size_t>(index)] - core.on_ns;
  core.on_ns += on;
  std::optional<ThreadWaits> spent;
  if (core.watched.load(std::memory_order_acquire)) {
    if (const auto waits = read_waits(core.schedstat)) {
      spent = ThreadWaits{waits->run_ns - core.waits.run_ns, waits->wait_ns - core.waits.wait_ns};
      core.waits = *waits;
    }
  }
  if (static_cast<double>(on) < kOwnShare * static_cast<double>(interval)) return std::nullopt;
  if (own.guest_core == index && own.guest_waits) {
    // The worker slept: a thread of the caller ran in its place.
    if (guest_core_ != index || !guest_waits_) return std::nullopt;
    const ThreadWaits guest{own.guest_waits->run_ns - guest_waits_->run_ns, own.guest_waits->wait_ns - guest_waits_->wait_ns};
    if (guest.run_ns < 0 || guest.wait_ns < 0) return std::nullopt;  // another thread than the last time
    spent = spent ? ThreadWaits{spent->run_ns + guest.run_ns, spent->wait_ns + guest.wait_ns} : guest;
  }
  if (!spent || spent->run_ns + spent->wait_ns < on / 2) return std::nullopt;
  return static_cast<float>(static_cast<double>(spent->wait_ns) / static_cast<double>(spent->run_ns + spent->wait_ns));
}

void HostProfile::read_ticks() {
  std::string_view text = stat_.read(buffer_);
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with("cpu")) return;  // the processors come first
    line.remove_prefix(3);
    if (line.starts_with(' ')) continue;  // the sum of all
    const auto cpu = next_number(line);
    std::int64_t busy = 0;
    // user nice system idle iowait irq softirq steal; guest times are part of user
    for (int field = 0; field < 8; ++field) {
      const std::int64_t ticks = next_number(line).value_or(0);
      if (field != 3 && field != 4) busy += ticks;
    }
    for (Core& core : cores_) {
      if (core.cpu == cpu) core.ticks = busy;
    }
  }
}

bool HostProfile::settle_window(const OwnUse& own, std::span<const bool> judged) {
  const std::int64_t window = own.now_ns - window_begin_ns_;
  if (window < kWindowNs) return false;
  read_ticks();
  bool changed = false;
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    Core& core = cores_[i];
    const std::int64_t busy = (core.ticks - core.window_ticks) * ns_per_tick_;
    const std::int64_t on = own.on_ns[i] - core.window_on_ns;
    core.window_ticks = core.ticks;
    core.window_on_ns = own.on_ns[i];
    if (judged[i] || window_begin_ns_ == 0) continue;
    const double share = static_cast<double>(busy - on) / static_cast<double>(window);
    changed |= judge(core, static_cast<float>(std::clamp(share, 0.0, 1.0)));
  }
  window_begin_ns_ = own.now_ns;
  return changed;
}

void HostProfile::read_slow_figures(std::int64_t now) {
  const std::int64_t interval_us = std::max<std::int64_t>(1, (now - slow_ns_) / 1000);
  const auto share = [&](std::int64_t then, std::int64_t us) {
    return static_cast<float>(std::clamp(static_cast<double>(us - then) / static_cast<double>(interval_us), 0.0, 1.0));
  };
  const std::int64_t pressure = number_after(pressure_file_.read(buffer_), "total=");
  const std::int64_t throttled = throttled_us(throttle_file_.read(buffer_));
  if (slow_ns_ != 0) {
    pressure_.store(share(pressure_us_, pressure), std::memory_order_relaxed);
    throttled_.store(share(throttled_us_, throttled), std::memory_order_relaxed);
  }
  pressure_us_ = pressure;
  throttled_us_ = throttled;
  slow_ns_ = now;
  for (Core& core : cores_) {
    std::string_view text = core.frequency.read(buffer_);
    if (const auto khz = next_number(text)) core.frequency_hz.store(*khz * 1000, std::memory_order_relaxed);
  }
}

bool HostProfile::sample(const OwnUse& own) {
  GATEFOLD_REQUIRE(own.on_ns.size() == cores_.size());
  const std::int64_t interval = last_ns_ == 0 ? 0 : own.now_ns - last_ns_;
  bool changed = false;
  std::array<bool, kHostCoresMax> judged{};
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    const std::optional<float> share = waited(static_cast<std::int32_t>(i), own, std::max<std::int64_t>(1, interval));
    if (!share || interval == 0) continue;
    judged[i] = true;
    changed |= judge(cores_[i], *share);
  }
  changed |= settle_window(own, std::span(judged).first(cores_.size()));
  if (own.now_ns - slow_ns_ >= kSlowNs) {
    read_slow_figures(own.now_ns);
    // A quota that is used up stops all our threads at once: one core less until it no longer is.
    const auto all = static_cast<std::int32_t>(cores_.size());
    const std::int32_t before = granted_.load(std::memory_order_relaxed);
    const std::int32_t after =
        throttled_.load(std::memory_order_relaxed) > kThrottled ? std::max(1, before - 1) : std::min(all, before + 1);
    granted_.store(after, std::memory_order_relaxed);
    changed |= before != after;
  }
  guest_waits_ = own.guest_waits;
  guest_core_ = own.guest_core.value_or(-1);
  last_ns_ = own.now_ns;
  return changed;
}

CoreConditions HostProfile::core(std::int32_t index) const {
  const Core& core = cores_[static_cast<std::size_t>(index)];
  CoreConditions conditions;
  conditions.others = static_cast<double>(core.others.load(std::memory_order_relaxed));
  conditions.frequency_hz = core.frequency_hz.load(std::memory_order_relaxed);
  const double rate = dot_products_per_second_.load(std::memory_order_relaxed);
  if (conditions.frequency_hz > 0) conditions.dot_products_per_cycle = rate / static_cast<double>(conditions.frequency_hz);
  return conditions;
}

MachineConditions HostProfile::machine() const {
  return {static_cast<double>(pressure_.load(std::memory_order_relaxed)), static_cast<double>(throttled_.load(std::memory_order_relaxed))};
}

void HostProfile::note_rate(double dot_products_per_second) {
  double best = dot_products_per_second_.load(std::memory_order_relaxed);
  while (dot_products_per_second > best && !dot_products_per_second_.compare_exchange_weak(best, dot_products_per_second)) {
  }
}

}  // namespace gatefold
