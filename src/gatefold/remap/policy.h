// Policies: who decides where a layer runs. The extension point of the Dynamic Remapping Engine.
//
// A policy is pure: the same boundaries in the same order give the same decisions; no clock, no I/O, no randomness. It
// sees the profile of the chip, the option table and where everything lies; it changes nothing. Adding one: derive, list
// it in `policy_table` (policies.cpp), and the command line, the comparisons and the tests find it there.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "gatefold/cost/objective.h"
#include "gatefold/cost/residence.h"
#include "gatefold/device/profile.h"
#include "gatefold/remap/gap_rules.h"
#include "gatefold/remap/plan.h"

namespace gatefold {

struct Explanation;

/// What a policy sees when a layer is about to be decided: when its last producer starts (a network input's reader: when
/// the request begins), and again if its home is occupied or failed by the time it could start.
struct Boundary {
  LayerId layer;
  Cycles now;
  const OptionTable* table;
  const Profile* profile;
  const Residence* residence;
  Placement home;                     ///< where the layer's weights lie
  std::optional<Placement> producer;  ///< where its (last) producer runs; nullopt: a network input
  bool steered = true;                ///< its inputs can still be steered for free
  std::optional<Cycles> budget;       ///< EQ-34: cycles that the layer may take; nullopt: no deadline
  /// What is spilled, and in how many row blocks layers execute on an idle chip; nullptr: nothing, all whole.
  const Spilling* spilling = nullptr;
  bool weights_lost = false;         ///< its weights lay in what failed: they come from external memory wherever it runs
  bool evicted = false;              ///< something failed at home and it finds no room there any more: it cannot stay
  const StaticPlan* plan = nullptr;  ///< what was planned before the first request
  Explanation* why = nullptr;        ///< takes what the policy weighs (explain.h); nullptr: nobody asks
};

/// What a policy sees when it may look at the whole network: when a request begins, and at the first decision after the
/// profile has changed.
struct Situation {
  Cycles now;
  const OptionTable* table;
  const Profile* profile;
  const Residence* residence;
  const Spilling* spilling;
  const StaticPlan* plan;
  const Assignment* homes;
  const std::vector<char>* done;   ///< per layer: it has run in the request in progress
  std::optional<Cycles> left;      ///< to that request's deadline; nullopt: it has none
  EnergyTotal spent;               ///< on layers so far: the run has taken at least that
  bool begins = false;             ///< a request does
  bool again = false;              ///< layers were moved by somebody else: what was found at this version no longer holds
  std::optional<Cycles> period{};  ///< between two requests, the latest counting most; nullopt: there has been one only
};

struct Decision {
  Placement placement;
  bool shift = false;   ///< placement differs from home
  bool forced = false;  ///< home cannot be used, would miss the deadline, or the plan says so; otherwise the shift is voluntary
};

class Policy {
 public:
  virtual ~Policy() = default;
  /// Which elements it gates between uses.
  [[nodiscard]] virtual GatingScope scope() const = 0;
  /// True if residency may be planned anew while it runs: which networks stay in the chip, by the rates that were seen, and where
  /// after failures. Where a network's layers are is replan()'s.
  [[nodiscard]] virtual bool plans_residency() const { return false; }
  /// How it spends gaps whose end nobody knows.
  [[nodiscard]] virtual GapRule gap_rule() const { return GapRule::kNominal; }
  /// Where layers are before the first request, before capacity is considered.
  [[nodiscard]] virtual Assignment first_assignment(const OptionTable& table, const StaticPlan& plan) const = 0;
  /// Looks at the whole network; what it finds is carried out by decide(), each shift at its layer's own boundary.
  virtual void replan(const Situation&) {}
  /// Called once per layer and request, once more if its home was taken or failed meanwhile. Staying is always allowed; a layer
  /// whose home is occupied or failed then waits, and its request is shed where nothing will ever give the home back.
  [[nodiscard]] virtual Decision decide(const Boundary& boundary) = 0;
};

struct PolicyEntry {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Policy> (*make)();
};

/// Every policy, in the order of tables.
[[nodiscard]] const std::vector<PolicyEntry>& policy_table();

}  // namespace gatefold
