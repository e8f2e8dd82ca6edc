// Figures that several reports print, computed once here from a RunResult, and numbers with units as people read them.
//
// Percentiles are nearest rank: of N sorted values, the p-th is the one at position ceil(p / 100 * N), counted from 1.
// It is always a value that occurred; with few requests p99 is the maximum.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gatefold/runtime/run.h"

namespace gatefold {

/// The nearest-rank percentile; nullopt of no values. Requires: 0 < percent <= 100.
[[nodiscard]] std::optional<std::int64_t> percentile(std::vector<std::int64_t> values, int percent);

/// Seconds from arrival to completion over all completed requests; nullopt if none completed.
struct LatencyFigures {
  std::optional<double> p50, p99, max;
};
[[nodiscard]] LatencyFigures latency_figures(const RunResult& result);

/// Device time in seconds.
[[nodiscard]] double seconds(Cycles cycles, std::int64_t clock_hz);

/// Total energy / completed requests in joules; nullopt if none completed.
[[nodiscard]] std::optional<double> energy_per_request(const RunResult& result);

/// The disjoint parts by name, in the order of tables.
[[nodiscard]] std::array<std::pair<std::string_view, EnergyTotal>, 9> named_parts(const EnergyParts& parts);

/// The same of one row of the ledger's tables.
[[nodiscard]] std::array<std::pair<std::string_view, EnergyTotal>, 9> named_parts(const PartSums& parts);
[[nodiscard]] EnergyTotal total_of(const PartSums& parts);
/// "cluster", "core", "bank", "vector_pool", "uncore".
[[nodiscard]] std::string_view name(ElementClass kind);

/// reached / bound - 1; nullopt if the bound is zero.
[[nodiscard]] std::optional<double> gap(const BoundRecord& bound);

/// Why requests were shed, each reason with how many it took, in the order in which they first came.
[[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> shed_reasons(const RunResult& result);
/// Of the last request that completed; empty if none did.
[[nodiscard]] std::span<const OutputRecord> last_outputs(const std::vector<std::vector<OutputRecord>>& outputs);
/// Outputs of every request that neither shed equal in name, type, shape and every byte.
[[nodiscard]] bool same_outputs(const RunResult& a, const RunResult& b);
[[nodiscard]] bool same_outputs(const std::vector<std::vector<OutputRecord>>& a, const std::vector<std::vector<OutputRecord>>& b);

/// "1.234 ms", "12 ns", "0 s": four significant digits and the unit that leaves 1 to 999 before the point.
[[nodiscard]] std::string seconds_text(double seconds);
/// "45.6 uJ".
[[nodiscard]] std::string joules_text(double joules);
/// "1.5 mW".
[[nodiscard]] std::string watts_text(double watts);
/// "22.6 KiB", "12 B".
[[nodiscard]] std::string bytes_text(std::int64_t bytes);
/// "2.657 M": a plain count with a decimal prefix.
[[nodiscard]] std::string count_text(std::int64_t count);
/// 0.4521 -> "45.2 %".
[[nodiscard]] std::string percent_text(double share);

}  // namespace gatefold
