#include "gatefold/report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace gatefold {
namespace {

bool same_tensor(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.shape() != b.shape()) return false;
  const std::int64_t size = a.shape().elements() * element_size(a.type());
  if (size == 0) return true;
  const Tensor dense_a = a.dense();
  const Tensor dense_b = b.dense();
  return std::memcmp(dense_a.view().bytes, dense_b.view().bytes, static_cast<std::size_t>(size)) == 0;
}

/// A number and a unit with the decimal prefix that fits. Prefixes run from atto to giga.
std::string with_prefix(double number, std::string_view unit) {
  static constexpr std::array<std::string_view, 10> kPrefixes{"a", "f", "p", "n", "u", "m", "", "k", "M", "G"};
  constexpr int kNone = 6;
  if (number == 0) return fmt::format("0 {}", unit);
  const int thousands = static_cast<int>(std::floor(std::log10(std::abs(number)) / 3));
  const int index = std::clamp(thousands + kNone, 0, static_cast<int>(kPrefixes.size()) - 1);
  return fmt::format("{:.4g} {}{}", number / std::pow(1000.0, index - kNone), kPrefixes[static_cast<std::size_t>(index)], unit);
}

}  // namespace

std::optional<std::int64_t> percentile(std::vector<std::int64_t> values, int percent) {
  GATEFOLD_REQUIRE(percent > 0 && percent <= 100);
  if (values.empty()) return std::nullopt;
  const std::int64_t rank = ceil_div(static_cast<std::int64_t>(values.size()) * percent, 100);
  const auto nth = values.begin() + (rank - 1);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

double seconds(Cycles cycles, std::int64_t clock_hz) { return static_cast<double>(cycles.count()) / static_cast<double>(clock_hz); }

LatencyFigures latency_figures(const RunResult& result) {
  std::vector<std::int64_t> cycles;
  cycles.reserve(result.request_records.size());
  for (const RequestRecord& request : result.request_records) cycles.push_back((request.completion - request.arrival).count());
  const auto at = [&](int percent) -> std::optional<double> {
    const std::optional<std::int64_t> value = percentile(cycles, percent);
    if (!value) return std::nullopt;
    return seconds(Cycles(*value), result.clock_hz);
  };
  return {at(50), at(99), at(100)};
}

std::optional<double> energy_per_request(const RunResult& result) {
  if (result.completed == 0) return std::nullopt;
  return result.energy.total().joules() / static_cast<double>(result.completed);
}

std::array<std::pair<std::string_view, EnergyTotal>, 9> named_parts(const EnergyParts& parts) {
  return {{{"compute", parts.compute},
           {"memory", parts.memory},
           {"crossbar", parts.crossbar},
           {"external", parts.external},
           {"leakage_on", parts.leakage_on},
           {"leakage_gated", parts.leakage_gated},
           {"transitions", parts.transitions},
           {"uncore", parts.uncore},
           {"floor", parts.floor}}};
}

std::array<std::pair<std::string_view, EnergyTotal>, 9> named_parts(const PartSums& parts) {
  auto named = named_parts(EnergyParts{});
  for (std::size_t p = 0; p < parts.size(); ++p) named[p].second = parts[p];
  return named;
}

EnergyTotal total_of(const PartSums& parts) { return std::accumulate(parts.begin(), parts.end(), EnergyTotal()); }

std::string_view name(ElementClass kind) {
  switch (kind) {
    case ElementClass::kCluster: return "cluster";
    case ElementClass::kCore: return "core";
    case ElementClass::kBank: return "bank";
    case ElementClass::kVectorPool: return "vector_pool";
    case ElementClass::kUncore: return "uncore";
  }
  GATEFOLD_REQUIRE(false);
}

std::optional<double> gap(const BoundRecord& bound) {
  if (bound.energy == EnergyTotal()) return std::nullopt;
  return (bound.reached - bound.energy).joules() / bound.energy.joules();
}

std::vector<std::pair<std::string, std::int64_t>> shed_reasons(const RunResult& result) {
  std::vector<std::pair<std::string, std::int64_t>> reasons;
  for (const ShedRecord& shed : result.shed) {
    const auto known = std::find_if(reasons.begin(), reasons.end(), [&](const auto& reason) { return reason.first == shed.reason; });
    if (known == reasons.end()) reasons.emplace_back(shed.reason, 1);
    else ++known->second;
  }
  return reasons;
}

std::span<const OutputRecord> last_outputs(const std::vector<std::vector<OutputRecord>>& outputs) {
  const auto last = std::find_if(outputs.rbegin(), outputs.rend(), [](const auto& request) { return !request.empty(); });
  if (last == outputs.rend()) return {};
  return *last;
}

bool same_outputs(const std::vector<std::vector<OutputRecord>>& a, const std::vector<std::vector<OutputRecord>>& b) {
  const auto same_record = [](const OutputRecord& left, const OutputRecord& right) {
    return left.name == right.name && same_tensor(left.tensor, right.tensor);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& left, const auto& right) {
    if (left.empty() || right.empty()) return true;  // shed by one of them
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), same_record);
  });
}

bool same_outputs(const RunResult& a, const RunResult& b) { return same_outputs(a.outputs, b.outputs); }

std::string seconds_text(double seconds) { return with_prefix(seconds, "s"); }
std::string joules_text(double joules) { return with_prefix(joules, "J"); }
std::string watts_text(double watts) { return with_prefix(watts, "W"); }

std::string bytes_text(std::int64_t bytes) {
  static constexpr std::array<std::string_view, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double number = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  return fmt::format("{:.4g} {}", number, kUnits[unit]);
}

std::string count_text(std::int64_t count) {
  if (count < 1000) return fmt::format("{}", count);
  return with_prefix(static_cast<double>(count), "");
}

std::string percent_text(double share) { return fmt::format("{:.1f} %", share * 100); }

}  // namespace gatefold
