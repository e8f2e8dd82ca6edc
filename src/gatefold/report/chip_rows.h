// The rows that tables of runs and of played scenarios share: what the chip's elements did.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "gatefold/report/figures.h"
#include "gatefold/report/grid.h"

namespace gatefold {

/// States, wakes and shifts of a RunResult or PlayResult.
template <class Result>
void add_chip_rows(Grid& grid, const Result& result) {
  std::vector<std::string> states;
  for (const auto& [state, share] : result.residency) states.push_back(fmt::format("{} {}", state, percent_text(share)));
  if (!states.empty()) {
    grid.add({"states", fmt::format("{} of the time, over all clusters, cores and banks", fmt::join(states, ", "))});
  }
  grid.add({"gating", fmt::format("{} wakes, {} of stalls, {} refused gates", result.wakes,
                                  seconds_text(seconds(result.stall, result.clock_hz)), result.misgates)});
  grid.add(
      {"shifts", fmt::format("{} voluntary, {} forced, {} refused; {} moved for {}", result.shifts_voluntary, result.shifts_forced,
                             result.shifts_refused, bytes_text(result.shift_bytes.count()), joules_text(result.shift_energy.joules()))});
}

}  // namespace gatefold
