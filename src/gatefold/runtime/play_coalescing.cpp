#include "gatefold/runtime/play_coalescing.h"

#include <algorithm>

#include "gatefold/device/gap_rules.h"

namespace gatefold {

WakeSharing::WakeSharing(const Chip& chip, std::vector<Lane*> lanes)
    : chip_(chip), lanes_(std::move(lanes)), expected_(lanes_.size()), envelopes_(gap_envelopes(chip.spec())) {}

WakeSharing::Woken WakeSharing::woken_by(const Lane& lane) const {
  const DeviceSpec& spec = chip_.spec();
  Woken woken;
  woken.clusters.assign(static_cast<std::size_t>(spec.cluster_count), 0);
  woken.cores.assign(static_cast<std::size_t>(spec.core_count()), 0);
  for (const Placement& home : lane.session->homes()) {
    for (std::int32_t k = home.first; k <= home.last(); ++k) woken.clusters[static_cast<std::size_t>(k)] = 1;
    for (std::int32_t c = 0; c < home.core_count(); ++c) woken.cores[home.core(c, spec.cores_per_cluster).at()] = 1;
  }
  if (!lane.session->may_lose_weights()) return woken;
  std::vector<char> banks(static_cast<std::size_t>(spec.bank_count()), 0);
  for (std::size_t v = 0; v < lane.prepared->table().size(); ++v) {
    if (lane.session->homes()[v].streamed) continue;
    for (const BlockId block : lane.session->residence().weights(LayerId(v))) {
      for (const Piece& piece : chip_.memory().pieces(block)) banks[piece.bank.at()] = 1;
    }
  }
  woken.weight_banks = std::count(banks.begin(), banks.end(), char{1});
  return woken;
}

EnergyTotal WakeSharing::wake_after(std::size_t of, Cycles gap) const {
  const Envelope& envelope = envelopes_[of];
  std::size_t state = 0;
  while (state + 1 < envelope.size() && envelope.crossover(state) <= gap) ++state;
  return envelope.state(state).wake;
}

EnergyTotal WakeSharing::shared_wake(const std::vector<Lane*>& waiting, const Lane& next, Cycles gap) const {
  const DeviceSpec& spec = chip_.spec();
  EnergyTotal wake;
  for (std::size_t part = 0; part < spec.uncore.size(); ++part) {
    if (spec.uncore[part].use == UncoreUse::kRequests) wake += wake_after(index(GapClass::kUncore) + part, gap);
  }
  const Woken later = woken_by(next);
  std::vector<char> clusters(later.clusters.size(), 0);
  std::vector<char> cores(later.cores.size(), 0);
  for (const Lane* lane : waiting) {
    const Woken now = lane == &next ? later : woken_by(*lane);
    for (std::size_t k = 0; k < clusters.size(); ++k) clusters[k] = static_cast<char>(clusters[k] | (now.clusters[k] & later.clusters[k]));
    for (std::size_t c = 0; c < cores.size(); ++c) cores[c] = static_cast<char>(cores[c] | (now.cores[c] & later.cores[c]));
    if (lane == &next) wake += EnergyTotal::repeated(wake_after(index(GapClass::kWeightBank), gap), later.weight_banks);
  }
  wake += EnergyTotal::repeated(wake_after(index(GapClass::kCluster), gap), std::count(clusters.begin(), clusters.end(), char{1}));
  wake += EnergyTotal::repeated(wake_after(index(GapClass::kCore), gap), std::count(cores.begin(), cores.end(), char{1}));
  return wake;
}

Cycles WakeSharing::wait_until(const std::vector<Lane*>& waiting, Cycles now) {
  Cycles serving;  // all that wait, one after the other
  for (const Lane* lane : waiting) {
    const Pending& pending = lane->queue.front();
    if (!lane->session->resident() || pending.alone || pending.released) return now;
    serving += lane->service() * static_cast<std::int64_t>(lane->queue.size());
  }
  const Lane* next = nullptr;
  Cycles next_by;
  for (std::size_t s = 0; s < lanes_.size(); ++s) {
    if (!lanes_[s]->session->resident()) continue;
    const auto by = expected_[s].by(now);
    if (!by || (next != nullptr && *by >= next_by)) continue;
    next = lanes_[s];
    next_by = *by;
  }
  if (next == nullptr) return now;
  serving += next->service();
  Coalescing request;
  request.next = next_by - now;
  request.wake = shared_wake(waiting, *next, request.next);
  request.waiting = chip_.spec().floor;
  for (const Lane* lane : waiting) {
    const Pending& pending = lane->queue.front();  // the most urgent of its queue
    if (!pending.arrival.deadline) return now;
    request.slack = *pending.arrival.deadline - serving;
    request.waited = now - pending.arrival.at;
    if (coalescing_wait(request) == Cycles(0)) return now;
  }
  return next_by;
}

}  // namespace gatefold
