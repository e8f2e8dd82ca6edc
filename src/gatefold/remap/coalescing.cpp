#include "gatefold/remap/coalescing.h"

#include <algorithm>

namespace gatefold {

Cycles coalescing_wait(const Coalescing& request) {
  GATEFOLD_REQUIRE(request.next >= Cycles(0) && request.waited >= Cycles(0));
  GATEFOLD_REQUIRE(0 <= request.share_percent && request.share_percent <= 100);
  if (request.slack <= Cycles(0)) return Cycles(0);
  const Int128 most = static_cast<Int128>(request.slack.count()) * request.share_percent / 100;
  if (static_cast<Int128>(request.waited.count()) + request.next.count() > most) return Cycles(0);
  return request.wake > EnergyTotal::over(request.waiting, request.next) ? request.next : Cycles(0);
}

void ExpectedArrival::arrived(Cycles at) {
  std::rotate(intervals_.begin(), intervals_.begin() + 1, intervals_.end());
  intervals_.back() = at - last_;
  last_ = at;
  seen_ = std::min(seen_ + 1, kIntervals + 1);
}

std::optional<Cycles> ExpectedArrival::by(Cycles now) const {
  if (seen_ <= kIntervals) return std::nullopt;
  Cycles sum;
  for (const Cycles interval : intervals_) sum += interval;
  const Cycles mean(sum.count() / static_cast<std::int64_t>(kIntervals));
  Cycles spread;
  for (const Cycles interval : intervals_) spread = std::max({spread, interval - mean, mean - interval});
  if (spread.count() > mean.count() / kAlike) return std::nullopt;
  const Cycles expected = last_ + mean + spread * 2;  // three intervals seldom show the longest
  return expected > now ? std::optional(expected) : std::nullopt;
}

}  // namespace gatefold
