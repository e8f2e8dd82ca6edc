#include "gatefold/remap/gap_rules.h"

#include <algorithm>
#include <cmath>

#include "gatefold/remap/gap_rule.h"

namespace gatefold {
namespace {

class TimeoutRules : public GapRules {
 public:
  explicit TimeoutRules(const DeviceSpec& spec) {
    for (const Envelope& envelope : gap_envelopes(spec)) descents_.push_back(envelope.competitive());
  }
  void add_group(std::size_t, std::uint64_t) override {}
  void observe(std::size_t, Cycles) override {}
  void spent(std::size_t, std::size_t, EnergyTotal, EnergyTotal) override {}
  [[nodiscard]] Descent descent(std::size_t, std::size_t of) const override { return descents_[of]; }

 private:
  std::vector<Descent> descents_;
};

class NominalRules : public GapRules {
 public:
  NominalRules(const DeviceSpec& spec, std::vector<DeclaredStream> streams, const SeenGaps* tuned, SeenGaps* seen)
      : envelopes_(gap_envelopes(spec)), streams_(std::move(streams)), tuned_(tuned), seen_(seen) {}
  void add_group(std::size_t, std::uint64_t streams) override {
    masks_.push_back(streams);
    expected_.push_back(mean_gap(streams));
    if (tuned_ == nullptr) return;
    const auto found = tuned_->by_streams.find(streams);
    if (found == tuned_->by_streams.end()) return;
    expected_.back() = Cycles(std::llround(found->second.sum / static_cast<double>(found->second.count)));
  }
  void observe(std::size_t group, Cycles gap) override {
    if (seen_ == nullptr) return;
    SeenGaps::Gaps& gaps = seen_->by_streams[masks_[group]];
    gaps.sum += static_cast<double>(gap.count());
    ++gaps.count;
  }
  void spent(std::size_t, std::size_t, EnergyTotal, EnergyTotal) override {}
  [[nodiscard]] Descent descent(std::size_t group, std::size_t of) const override {
    return expected_[group] ? envelopes_[of].at_once(*expected_[group]) : envelopes_[of].competitive();
  }

 private:
  /// The mean time between two arrivals of any of the streams, less the share of it in which they are served. What nobody has
  /// used yet may be used by all.
  [[nodiscard]] std::optional<Cycles> mean_gap(std::uint64_t streams) const {
    double arrivals = 0;  // per cycle
    double busy = 0;      // share of time
    for (std::size_t s = 0; s < std::max(streams_.size(), std::size_t{64}); ++s) {
      const bool member = (streams >> std::min(s, std::size_t{63}) & 1U) != 0;
      if (!member && !(streams == 0 && s < streams_.size())) continue;
      if (s >= streams_.size() || !streams_[s].period) return std::nullopt;
      const double rate = 1 / static_cast<double>(std::max<std::int64_t>(1, streams_[s].period->count()));
      arrivals += rate;
      busy += rate * static_cast<double>(streams_[s].busy.count());
    }
    if (arrivals == 0) return std::nullopt;
    return Cycles(std::max<std::int64_t>(0, std::llround((1 - busy) / arrivals)));
  }

  std::vector<Envelope> envelopes_;
  std::vector<DeclaredStream> streams_;
  const SeenGaps* tuned_;
  SeenGaps* seen_;
  std::vector<std::uint64_t> masks_;             ///< by group
  std::vector<std::optional<Cycles>> expected_;  ///< by group
};

class PredictedRules : public GapRules {
 public:
  explicit PredictedRules(const DeviceSpec& spec) : envelopes_(gap_envelopes(spec)) {}

  void add_group(std::size_t, std::uint64_t) override {
    Group& group = groups_.emplace_back();
    for (const Envelope& envelope : envelopes_) {
      group.rules.emplace_back(envelope);
      group.descents.push_back(group.rules.back().next(group.history));
    }
  }

  void observe(std::size_t position, Cycles gap) override {
    Group& group = groups_[position];
    for (PredictedRule& rule : group.rules) rule.learn(gap);
    group.history.observe(gap);
    for (std::size_t of = 0; of < group.rules.size(); ++of) group.descents[of] = group.rules[of].next(group.history);
  }

  void spent(std::size_t group, std::size_t of, EnergyTotal paid, EnergyTotal competitive) override {
    groups_[group].rules[of].spent(paid, competitive);
  }

  [[nodiscard]] Descent descent(std::size_t group, std::size_t of) const override { return groups_[group].descents[of]; }

 private:
  struct Group {
    GapHistory history;
    std::vector<PredictedRule> rules;  ///< by gap class
    std::vector<Descent> descents;
  };
  std::vector<Envelope> envelopes_;
  std::vector<Group> groups_;
};

}  // namespace

std::unique_ptr<GapRules> make_nominal_rules(const DeviceSpec& spec, const std::vector<DeclaredStream>& streams, const SeenGaps* tuned,
                                             SeenGaps* seen) {
  return std::make_unique<NominalRules>(spec, streams, tuned, seen);
}

std::unique_ptr<GapRules> make_gap_rules(GapRule rule, const DeviceSpec& spec, const std::vector<DeclaredStream>& streams) {
  switch (rule) {
    case GapRule::kNominal: return make_nominal_rules(spec, streams, nullptr, nullptr);
    case GapRule::kPredicted: return std::make_unique<PredictedRules>(spec);
    case GapRule::kTimeout:
    case GapRule::kIdleTimeout: return std::make_unique<TimeoutRules>(spec);
  }
  GATEFOLD_REQUIRE(false);
}

}  // namespace gatefold
