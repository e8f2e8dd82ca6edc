#include "gatefold/remap/certificate.h"

#include <fmt/format.h>

#include <algorithm>

namespace gatefold {
namespace {

bool sized_like(const OptionValues& values, const Certificate& certificate) {
  if (values.size() != certificate.options.size()) return false;
  for (std::size_t v = 0; v < values.size(); ++v) {
    if (values[v].size() != certificate.options[v].size()) return false;
  }
  return true;
}

std::string malformed_candidates(const Certificate& certificate) {
  const Proof& proof = certificate.proof;
  if (proof.candidates.size() != certificate.layers.size()) return "candidates: want one list for each layer";
  for (std::size_t v = 0; v < proof.candidates.size(); ++v) {
    const std::vector<Candidate>& list = proof.candidates[v];
    if (list.empty()) return fmt::format("candidates of '{}': want at least one", certificate.layers[v]);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const bool known = list[i].option >= 0 && static_cast<std::size_t>(list[i].option) < certificate.options[v].size();
      const bool ascending =
          i == 0 || list[i - 1].option < list[i].option || (list[i - 1].option == list[i].option && list[i - 1].first < list[i].first);
      const bool positions = (list[i].first < 0) == (list[0].first < 0);  // all or none have one
      if (known && ascending && positions && list[i].first >= -1) continue;
      return fmt::format("candidates of '{}': entry {}: no such option, out of order, or some with and some without a position",
                         certificate.layers[v], i);
    }
  }
  return "";
}

/// Every cut holds only layers of the one before it and the layer between; a table has an entry for every combination.
std::string malformed_cuts(const Certificate& certificate) {
  const Proof& proof = certificate.proof;
  if (proof.cuts.size() != certificate.layers.size()) return "cuts: want one before each layer";
  for (std::size_t v = 0; v < proof.cuts.size(); ++v) {
    const Proof::Cut& cut = proof.cuts[v];
    Int128 entries = 1;
    for (std::size_t m = 0; m < cut.layers.size(); ++m) {
      const std::size_t member = cut.layers[m];
      const bool ascending = m == 0 || cut.layers[m - 1] < member;
      const auto known = [&] {
        if (v == 0) return false;
        const std::vector<std::size_t>& before = proof.cuts[v - 1].layers;
        return member + 1 == v || std::find(before.begin(), before.end(), member) != before.end();
      };
      if (!ascending || !known())
        return fmt::format("cut before '{}': layer {} out of order, or not in the cut before", certificate.layers[v], member);
      entries *= static_cast<Int128>(proof.candidates[member].size());
      if (entries > static_cast<Int128>(cut.potentials.size())) break;
    }
    if (entries != static_cast<Int128>(cut.potentials.size())) {
      return fmt::format("cut before '{}': {} potentials, want one for each combination of candidates", certificate.layers[v],
                         cut.potentials.size());
    }
  }
  return "";
}

}  // namespace

std::string malformed(const Certificate& certificate) {
  const std::size_t layers = certificate.layers.size();
  if (layers == 0) return "layers: want at least one";
  if (certificate.options.size() != layers) return fmt::format("options: {} lists for {} layers", certificate.options.size(), layers);
  for (std::size_t v = 0; v < layers; ++v) {
    if (certificate.options[v].empty()) return fmt::format("options of '{}': want at least one", certificate.layers[v]);
  }
  if (certificate.plan.size() != layers || certificate.plan_costs.size() != layers)
    return fmt::format("plan: {} placements for {} layers", certificate.plan.size(), layers);
  for (std::size_t v = 0; v < layers; ++v) {
    const Placement& at = certificate.plan[v];
    if (at.first < 0 || at.clusters < 1 || at.core_mask == 0)
      return fmt::format("plan: placement of '{}' is empty or begins before cluster 0", certificate.layers[v]);
  }
  if (!sized_like(certificate.proof.to_go, certificate)) return "potentials: want one for each option of each layer";
  if (certificate.mean.has_value() != certificate.period.has_value()) return "mean: want one with a period, and only then";
  if (certificate.time_price.count() < 0) return "time_price: want 0 or more";
  if (certificate.proof.cuts.empty())
    return certificate.proof.to_come.empty() && certificate.proof.candidates.empty() ? "" : "arrivals, candidates: want none without cuts";
  if (certificate.period) return "cuts: want none with a period";
  if (!sized_like(certificate.proof.to_come, certificate)) return "arrivals: want one for each option of each layer";
  const std::string fault = malformed_candidates(certificate);
  return fault.empty() ? malformed_cuts(certificate) : fault;
}

}  // namespace gatefold
