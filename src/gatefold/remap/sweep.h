// A look at the whole network while the chip is not as it was planned for: where each layer should be. In this order:
//
//     beside    what lies on occupied clusters goes beside them; if the rest of the chip does not hold the network, it waits
//     cheaper   a layer that is slowed, or not where it was planned, moves if a single request repays that; swept until nothing does
//     in time   if the request would miss its deadline and was not planned to, the layers whose time is cheapest to buy move:
//               in the order of joules per cycle, as few as it takes, and none if all of them are not enough; where that is
//               cheaper and no slower, others follow
//
// Prices are those of the whole request (request_price.h): what a move costs neighbours and later readers is in them.
#pragma once

#include "gatefold/remap/policy.h"

namespace gatefold {

struct Sweep {
  Assignment target;
  std::vector<char> forced;    ///< per layer, if it moves: it cannot stay, or a deadline would be missed
  Cycles cycles;               ///< of a request, at the targets
  std::optional<Cycles> late;  ///< a whole request that had so much time could not be made in time; nullopt: not known of any
  bool waits = false;          ///< some home is occupied and there is no room for the network beside it
};

/// `free_moves`: shifts are left out of the prices, as if what is found were to last for ever.
[[nodiscard]] Sweep sweep(const Situation& situation, bool free_moves = false);

/// True if layers with these cycles are done with in that time, the little that lies between layers included.
[[nodiscard]] bool in_time(Cycles cycles, std::optional<Cycles> left);

}  // namespace gatefold
