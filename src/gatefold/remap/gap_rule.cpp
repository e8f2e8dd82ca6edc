#include "gatefold/remap/gap_rule.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gatefold {
namespace {

/// A gap weighs half after so many later ones of its kind. Instead of fading all the old, the new weigh more; every so
/// many half-lives all weights are brought back to scale.
constexpr std::int64_t kHalfLife = 1000;
constexpr int kHalfLivesPerScale = 16;
/// A context is believed once it has seen so many gaps, the whole history once it has seen so many.
constexpr std::int64_t kContextGaps = 50;
constexpr std::int64_t kHistoryGaps = 4;
/// The share of the latest gap in the moving mean of each view, and how many contexts an octave of that mean has.
constexpr std::array<double, GapHistory::kViews - 1> kShares{0.25, 0.05};
constexpr double kContextsPerOctave = 2;
}  // namespace

std::size_t GapHistory::bucket_of(Cycles gap) {
  const auto length = static_cast<std::uint64_t>(std::max<std::int64_t>(1, gap.count()));
  const auto octave = static_cast<std::size_t>(std::bit_width(length)) - 1;
  const std::uint64_t within = octave >= 2 ? (length >> (octave - 2)) & 3U : (length << (2 - octave)) & 3U;
  return octave * kBucketsPerOctave + within;
}

Cycles GapHistory::edge_of(std::size_t bucket) {
  const std::size_t octave = bucket / kBucketsPerOctave;
  const std::uint64_t steps = kBucketsPerOctave + bucket % kBucketsPerOctave + 1;
  const std::uint64_t next = octave >= 2 ? steps << (octave - 2) : (steps + (1U << (2 - octave)) - 1) >> (2 - octave);
  return Cycles(static_cast<std::int64_t>(std::min<std::uint64_t>(next, std::uint64_t{1} << 62U)) - 1);
}

void GapHistory::add(Lengths& lengths, Cycles gap) {
  const std::int64_t age = lengths.count % (kHalfLife * kHalfLivesPerScale);
  if (age == 0) {
    const auto faded = [](float& value) { value = std::ldexp(value, -kHalfLivesPerScale); };
    std::for_each(lengths.weight.begin(), lengths.weight.end(), faded);
    std::for_each(lengths.length.begin(), lengths.length.end(), faded);
  }
  const auto weight = static_cast<float>(std::exp2(static_cast<double>(age) / static_cast<double>(kHalfLife)));
  const std::size_t bucket = bucket_of(gap);
  lengths.first = std::min(lengths.first, bucket);
  lengths.last = std::max(lengths.last, bucket);
  lengths.weight[bucket] += weight;
  lengths.length[bucket] += weight * static_cast<float>(gap.count());
  ++lengths.count;
}

std::size_t GapHistory::View::context() const {
  return static_cast<std::size_t>(std::lround(kContextsPerOctave * std::log2(std::max(1.0, mean))));
}

void GapHistory::observe(Cycles gap) {
  const auto length = static_cast<double>(gap.count());
  for (std::size_t v = 0; v < views_.size(); ++v) {
    View& view = views_[v];
    if (all_.count == 0) {
      view.mean = length;
      continue;
    }
    if (view.by_context.size() <= view.context()) view.by_context.resize(view.context() + 1);
    add(view.by_context[view.context()], gap);
    view.mean += kShares[v] * (length - view.mean);
  }
  add(all_, gap);
}

Descent GapHistory::expected_best(const Envelope& envelope, std::size_t view) const {
  const Lengths* known = &all_;
  if (view < views_.size()) {
    const std::vector<Lengths>& contexts = views_[view].by_context;
    const std::size_t here = views_[view].context();
    if (here < contexts.size() && contexts[here].count >= kContextGaps) known = &contexts[here];
  }
  if (known->count < kHistoryGaps) return envelope.competitive();

  // Gains of entering deeper states at each edge: tails of the distribution, from the longest gaps down.
  const auto best_for = [&](double leakage_saved, double wake_added) {
    double gaps_after = 0;
    double best = 0;  // never entering it
    Cycles at = kNotEntered;
    double length_after = 0;
    for (std::size_t bucket = known->last + 1; bucket-- > known->first;) {
      if (known->weight[bucket] == 0) continue;
      const auto edge = static_cast<double>(edge_of(bucket).count());
      const double gain = leakage_saved * (length_after - edge * gaps_after) - wake_added * gaps_after;
      if (gain > best) {
        best = gain;
        at = edge_of(bucket);
      }
      gaps_after += static_cast<double>(known->weight[bucket]);
      length_after += static_cast<double>(known->length[bucket]);
    }
    return leakage_saved * length_after - wake_added * gaps_after > best ? Cycles(0) : at;
  };

  Descent descent;
  descent.fill(kNotEntered);
  for (std::size_t i = 0; i + 1 < envelope.size(); ++i) {
    const auto gain = [&](std::size_t lighter) {
      const double saved = static_cast<double>((envelope.state(lighter).leakage - envelope.state(i + 1).leakage).count());
      const double added = (envelope.state(i + 1).wake - envelope.state(lighter).wake).joules() * 1e18;
      return best_for(saved, added);
    };
    // A state that would be entered before the one above it is entered together with it.
    std::size_t first = i;
    descent[i] = gain(i);
    while (first > 0 && descent[i] < descent[first - 1]) {
      --first;
      descent[i] = gain(first);
    }
    for (std::size_t j = first; j < i; ++j) descent[j] = descent[i];
  }
  return descent;
}

PredictedRule::PredictedRule(const Envelope& envelope)
    : envelope_(envelope),
      competitive_descent_(envelope.competitive()),
      chosen_(competitive_descent_),
      reserve_(EnergyTotal::repeated(envelope.state(envelope.size() - 1).wake, kReserve)) {}

bool PredictedRule::affords(EnergyTotal loss) const {
  const EnergyTotal reserve = EnergyTotal::repeated(reserve_, elements_);
  const EnergyTotal left = EnergyTotal::repeated(competitive_, kAllowance + 1) + EnergyTotal::repeated(reserve, kAllowance);
  return EnergyTotal::repeated(paid_ + EnergyTotal::repeated(loss + pending_, elements_), kAllowance) <= left;
}

Descent PredictedRule::next(const GapHistory& history) {
  std::size_t best = 0;
  for (std::size_t view = 0; view < by_view_.size(); ++view) {
    Descent& descent = by_view_[view];
    descent = history.expected_best(envelope_, view);
    for (std::size_t i = 0; i + 1 < envelope_.size(); ++i) {
      const std::int64_t crossover = envelope_.crossover(i).count();
      if (crossover < kNotEntered.count() / kLatest) descent[i] = std::min(descent[i], Cycles(crossover * kLatest));
    }
    if (paid_by_view_[view] < paid_by_view_[best]) best = view;
  }
  chosen_ = by_view_[best];
  // The most it can lose against the competitive descent: when, or just after, one of the two enters a state.
  EnergyTotal loss;
  for (std::size_t i = 0; i + 1 < envelope_.size(); ++i) {
    for (const Cycles entered : {chosen_[i], competitive_descent_[i]}) {
      if (entered == kNotEntered) continue;
      for (const Cycles gap : {entered, entered + Cycles(1)}) {
        loss = std::max(loss, envelope_.cost(chosen_, gap) - envelope_.cost(competitive_descent_, gap));
      }
    }
  }
  if (!affords(loss)) {
    chosen_ = competitive_descent_;
    loss = EnergyTotal();
  }
  loss_ = loss;
  return chosen_;
}

void PredictedRule::settle(Cycles gap) {
  learn(gap);
  spent(envelope_.cost(chosen_, gap), envelope_.cost(competitive_descent_, gap));
  pending_ = EnergyTotal();
}

void PredictedRule::learn(Cycles gap) {
  for (std::size_t view = 0; view < by_view_.size(); ++view) paid_by_view_[view] += envelope_.cost(by_view_[view], gap);
  pending_ = loss_;
  elements_ = std::max(elements_, accounted_);
  accounted_ = 0;
}

void PredictedRule::spent(EnergyTotal paid, EnergyTotal competitive) {
  paid_ += paid;
  competitive_ += competitive;
  ++accounted_;
}

}  // namespace gatefold
