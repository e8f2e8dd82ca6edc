// Random layers through an RTL cluster: its cycles against layer_cycles, its bits against the plain kernels, its route changes
// against route_change.
#pragma once

#include <cstdint>

namespace gatefold::test {

struct LayerFigures {
  std::int64_t layers = 0;       ///< all
  std::int64_t exact = 0;        ///< whose results never wait for the output bus; cycles equal to layer_cycles
  std::int64_t write_bound = 0;  ///< whose results do; cycles equal to layer_cycles as well
  std::int64_t held_up = 0;      ///< and whose cores a buffer of few positions may hold up: cycles not below layer_cycles
  std::int64_t several_passes = 0, several_chunks = 0, several_cores = 0, depthwise = 0;
  std::int64_t routes_waited = 0, routes_hidden = 0, banks_waited = 0;
  std::int64_t cycles = 0;  ///< simulated in layers
  double excess_most = 0;   ///< the largest share by which a held-up layer took longer than layer_cycles
  std::int64_t differences = 0;
};

/// Adds `count` layers on the small cluster (P = 4, I = 6) or the full one (P = 64, I = 144).
void check_layers(bool full, std::int64_t count, std::uint64_t seed, LayerFigures& figures);

/// The layers of docs/rtl-witness.md, with the cycles worked out there.
void check_worked_examples(LayerFigures& figures);

/// A bank that falls asleep while its layer runs must raise the error flag, and must not when it stays awake.
void check_error_flag(LayerFigures& figures);

}  // namespace gatefold::test
