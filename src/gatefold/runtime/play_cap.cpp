#include "gatefold/runtime/play_cap.h"

namespace gatefold {

void CapKeeper::set(std::optional<EnergyPerCycle> cap, EnergyPerCycle resting, Cycles now) {
  close(now);
  cap_ = cap;
  since_ = now;
  not_before_ = Cycles(0);
  if (!cap_) return;
  // A cap below what nothing executing takes cannot be kept; layers then get a hundredth of it, so that requests still end.
  spare_ = std::max({EnergyPerCycle(1), EnergyPerCycle(cap_->count() / 100), *cap_ - std::min(resting, *cap_)});
}

void CapKeeper::book(Cycles start, Cycles end, EnergyTotal energy) {
  if (!cap_) return;
  const Int128 stretched = (energy.attojoules() + spare_.count() - 1) / spare_.count();
  not_before_ = std::max(not_before_, start + Cycles(static_cast<std::int64_t>(stretched)));
  layer_most_ = std::max(layer_most_, end - start);
  if (energy <= EnergyTotal::over(spare_, end - start)) return;
  if (start > above_until_) above_from_ = start;
  violated_ += std::max(Cycles(0), end - std::max(start, above_until_));
  above_until_ = std::max(above_until_, end);
  violated_most_ = std::max(violated_most_, above_until_ - above_from_);
}

void CapKeeper::close(Cycles now) {
  if (cap_ && now > since_) capped_ += now - since_;
  since_ = std::max(since_, now);
}

}  // namespace gatefold
