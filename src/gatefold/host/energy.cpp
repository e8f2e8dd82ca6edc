#include "gatefold/host/energy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gatefold/base/text.h"
#include "gatefold/host/kernel_files.h"

namespace gatefold {
namespace {

constexpr double kWattsMax = 10000;  // more than any socket takes: a unit gone wrong

std::optional<double> watts_of(std::string_view text) {
  const auto measure = parse_measure(text);
  if (!measure) return std::nullopt;
  const std::string& unit = measure.value().unit;
  const double scale = unit == "W" ? 1 : unit == "mW" ? 1e-3 : 0;
  const double watts = measure.value().number() * scale;
  if (scale == 0 || watts < 0 || watts > kWattsMax) return std::nullopt;
  return watts;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \r\t");
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(" \r\t") - begin + 1);
}

}  // namespace

Result<PowerProfile> parse_power_profile(std::string_view text, const std::string& name) {
  const auto bad = [&](std::string what) { return Error{ErrorCode::kInvalidInput, fmt::format("{}: {}", name, what)}; };
  PowerProfile profile;
  profile.name = name;
  struct State {
    std::string_view key;
    double* watts;
    bool given = false;
  };
  std::array<State, 3> states{{{"busy", &profile.busy_w}, {"spin", &profile.spin_w}, {"asleep", &profile.asleep_w}}};
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view content = trimmed(line.substr(0, line.find('#')));
    if (content.empty()) continue;
    const std::string_view key = trimmed(content.substr(0, content.find(':')));
    const auto state = std::find_if(states.begin(), states.end(), [&](const State& known) { return known.key == key; });
    if (state == states.end()) return bad(fmt::format("state '{}': unknown; wanted busy, spin and asleep", key));
    if (state->given) return bad(fmt::format("state '{}' is given twice", key));
    const std::size_t colon = content.find(':');
    const auto watts = colon == std::string_view::npos ? std::nullopt : watts_of(trimmed(content.substr(colon + 1)));
    if (!watts) return bad(fmt::format("found '{}', wanted a power such as '{}: 1.5 W'", content, key));
    *state->watts = *watts;
    state->given = true;
  }
  for (const State& state : states) {
    if (!state.given) return bad(fmt::format("state '{}' is missing", state.key));
  }
  return profile;
}

HostEnergy energy_of(const PowerProfile& profile, const HostCounters& used) {
  HostEnergy energy;
  energy.source = profile.name;
  energy.busy_j = profile.busy_w * used.busy_s;
  energy.spin_j = profile.spin_w * used.spin_s;
  energy.asleep_j = profile.asleep_w * used.asleep_s;
  energy.total_j = *energy.busy_j + *energy.spin_j + *energy.asleep_j;
  return energy;
}

RaplMeter::RaplMeter(const std::filesystem::path& root) {
  // Packages are the zones intel-rapl:N; their parts (intel-rapl:N:M) are contained in them.
  for (int package = 0;; ++package) {
    const auto folder = root / fmt::format("sys/class/powercap/intel-rapl:{}", package);
    const auto counter = read_kernel_number(folder / "energy_uj");
    if (!counter) return;
    zones_.push_back({folder / "energy_uj", read_kernel_number(folder / "max_energy_range_uj").value_or(0), *counter});
  }
}

double RaplMeter::joules() {
  std::int64_t total_uj = 0;
  for (Zone& zone : zones_) {
    const std::int64_t counter = read_kernel_number(zone.counter).value_or(zone.last_uj);
    total_uj += counter - zone.last_uj + (counter < zone.last_uj ? zone.range_uj : 0);
    zone.last_uj = counter;
  }
  return static_cast<double>(total_uj) / 1e6;
}

}  // namespace gatefold
