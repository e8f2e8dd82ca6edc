// One request's activations as they come and go, tried out in a memory in which the weights lie already: what every layout is checked by.
#pragma once

#include <optional>
#include <vector>

#include "gatefold/cost/objective.h"
#include "gatefold/cost/residence.h"

namespace gatefold {

/// Stores and drops in `residence` what the layers from `next` on that are not `done` do; nullopt: a whole request, its inputs first.
/// `done` may be empty: none is. Returns the layer whose operands did not fit; nullopt: all did. What a layer with a failed home would hold
/// is not there. `counts`, if given, receives in how many row blocks each layer executes; `peaks` grows to the banks per core that were not
/// empty.
std::optional<LayerId> walk(const OptionTable& table, const Assignment& homes, std::optional<LayerId> next, const std::vector<char>& done,
                            Residence& residence, std::vector<RowBlocks>* counts = nullptr, std::vector<std::int32_t>* peaks = nullptr);

/// To load all resident weights once, every copy: what moves apart may need more copies, which rests between requests have to pay for.
[[nodiscard]] EnergyTotal reload_energy(const OptionTable& table, const Assignment& assignment);

}  // namespace gatefold
