// One random case: a small network, a chip, requests, events. Everything follows from the seed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/runtime/prepared.h"
#include "gatefold/runtime/run.h"
#include "invariants/random.h"

namespace gatefold::test {

struct Case {
  std::shared_ptr<const LayerGraph> graph;
  std::shared_ptr<const PreparedNetwork> network;
  InputSet inputs;
  bool exact = false;  ///< every dot layer sums integers: any placement gives the same bits
  RunOptions options;  ///< all but the policy
};

/// A network of 2 to 12 layers: convolutions (dense, depthwise, grouped), dense layers, pools, adds, concats, splits,
/// transposes, softmax; in float32 or quantised throughout; chains and graphs whose values are read more than once.
[[nodiscard]] LayerGraph random_network(Random& random);

/// A shipped chip with its counts, sizes, widths, latencies, powers and energies drawn anew.
[[nodiscard]] DeviceSpec random_device(Random& random);

/// nullopt: this network does not fit this chip.
[[nodiscard]] std::optional<Case> random_case(std::uint64_t seed);

/// What a failure report needs to say about a case.
[[nodiscard]] std::string describe(const Case& c);

}  // namespace gatefold::test
