// A plan with what proves it: the content of a plan file. Plain data; docs/decision-problem.md says what it proves.
//
// All energies are exact attojoules. Options are those of the OptionTable, in its order, so that a checker can recompute
// them from model and device.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/cost/period.h"

namespace gatefold {

/// One number for each option of each layer.
using OptionValues = std::vector<std::vector<EnergyTotal>>;

/// A state of a layer in the tables of the cuts.
struct Candidate {
  std::int16_t option = 0;  ///< position in the layer's options
  std::int32_t first = -1;  ///< first cluster; -1: wherever it suits
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// What proves a bound: the least cost of a layer's option and of everything after (before) it, and for graphs the least cost of
/// all layers from one on, given the states of the layers before it that matter to them.
struct Proof {
  EnergyTotal bound;  ///< no plan costs less, multipliers included
  bool tight = true;  ///< to_go and to_come are exact for the relaxation, not only below it
  OptionValues to_go;
  OptionValues to_come;                            ///< with cuts only
  std::vector<std::vector<Candidate>> candidates;  ///< with cuts only
  struct Cut {
    std::vector<std::size_t> layers;      ///< ascending
    std::vector<EnergyTotal> potentials;  ///< row-major over the candidates of `layers`
  };
  std::vector<Cut> cuts;  ///< one before each layer, or none: then the relaxation alone proves the bound
};

/// An option as a plan file repeats it.
struct CertifiedOption {
  Footprint footprint;
  Cycles cycles;
  EnergyTotal energy;  ///< EQ-37
};

struct Certificate {
  std::string model;                            ///< path of the network
  std::string model_hash;                       ///< SHA-256 of its bytes
  std::map<std::string, std::int64_t> symbols;  ///< extents bound by the user
  std::string device;                           ///< a shipped chip or a file
  std::string device_name;
  std::string device_hash;
  // ---- the question ----
  std::optional<Cycles> period;
  std::optional<Cycles> deadline;
  // ---- the answer ----
  std::string kind;  ///< "chain", "dag": proven cheapest; "chain-relaxed", "dag-relaxed": a bound and a gap
  EnergyTotal energy;
  EnergyTotal bound;
  EnergyPerCycle time_price;        ///< the deadline's multiplier
  std::optional<EnergyTotal> mean;  ///< of a period, without what is charged whatever the plan
  std::vector<std::string> layers;
  std::vector<std::vector<CertifiedOption>> options;
  Assignment plan;
  std::vector<EnergyTotal> plan_costs;  ///< of each layer: itself, its wake, and the wires and transfers into it
  Proof proof;
};

/// What of a certificate does not fit together, whatever the network: lists of different lengths, entries that point
/// nowhere. Empty: it is well formed.
[[nodiscard]] std::string malformed(const Certificate& certificate);

}  // namespace gatefold
