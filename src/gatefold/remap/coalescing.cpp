#include "gatefold/remap/coalescing.h"

namespace gatefold {

Cycles coalescing_wait(const Coalescing& request) {
  GATEFOLD_REQUIRE(request.next >= Cycles(0) && 0 <= request.share_percent && request.share_percent <= 100);
  if (request.slack <= Cycles(0)) return Cycles(0);
  const Int128 most = static_cast<Int128>(request.slack.count()) * request.share_percent / 100;
  if (request.next.count() > most) return Cycles(0);
  return request.wake > EnergyTotal::over(request.waiting, request.next) ? request.next : Cycles(0);
}

}  // namespace gatefold
