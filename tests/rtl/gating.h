// Random sequences of accesses through an RTL bank under its gap controller, against device/gating.h.
#pragma once

#include <cstdint>

namespace gatefold::test {

struct GatingFigures {
  std::int64_t sequences = 0;
  std::int64_t gaps = 0, retained = 0, off = 0, unknown = 0;
  std::int64_t early = 0;  ///< accesses one cycle before the right one that raised the error flag, as they must
  std::int64_t timed_out = 0;
  std::int64_t differences = 0;
};

/// One sequence of about 30 accesses on a bank of random leakage, latencies and wake energies.
void check_gating(std::uint64_t seed, GatingFigures& figures);

}  // namespace gatefold::test
