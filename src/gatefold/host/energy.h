// Joules on the host, where somebody measures or declares them; otherwise there are none and core-seconds speak.
//
// Measured: the processor's own counters behind the kernel's powercap interface (RAPL), the sum of all packages, which
// counts whatever else ran as well. Declared: a *power profile*, a text of three lines, each with its unit, that says what
// a core takes in each state:
//
//     busy: 4.2 W
//     spin: 2.9 W
//     asleep: 0.1 W
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/host/counters.h"

namespace gatefold {

/// Watts of one core by state.
struct PowerProfile {
  std::string name;  ///< the file's, for results to name
  double busy_w = 0;
  double spin_w = 0;
  double asleep_w = 0;
};
/// Errors: kInvalidInput (an unknown, missing or repeated state, a value that is no power), naming the file and the state.
[[nodiscard]] Result<PowerProfile> parse_power_profile(std::string_view text, const std::string& name);

/// Joules of an interval and who says so.
struct HostEnergy {
  std::string source;  ///< "rapl", or the power profile's name
  double total_j = 0;
  /// By state, where a profile declares it; their sum is the total.
  std::optional<double> busy_j, spin_j, asleep_j;
};
[[nodiscard]] HostEnergy energy_of(const PowerProfile& profile, const HostCounters& used);

/// The packages' energy counters. Empty where the kernel has none or keeps them from this user.
class RaplMeter {
 public:
  explicit RaplMeter(const std::filesystem::path& root = "/");
  [[nodiscard]] bool available() const { return !zones_.empty(); }
  /// Joules since the meter was made or last read; counters that wrapped around once are understood.
  [[nodiscard]] double joules();

 private:
  struct Zone {
    std::filesystem::path counter;
    std::int64_t range_uj = 0;
    std::int64_t last_uj = 0;
  };
  std::vector<Zone> zones_;
};

}  // namespace gatefold
