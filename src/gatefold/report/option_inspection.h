// What `inspect --options` shows of one layer on one chip: every shape that it can take with its price, which of them the
// static plan chose, why others need not be looked at, and the shapes it cannot take.
//
// A shape is dominated if another one, with fewer of the same clusters and cores, is no slower and saves more energy than
// the layers beside it could lose by the change: only a lack of room can make it the better one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/cost/row_blocks.h"

namespace gatefold {

/// The shape that makes another dominated, and what it saves.
struct Domination {
  Footprint by;
  Cycles cycles;       ///< >= 0
  EnergyTotal energy;  ///< of EQ-37, each alone
};

struct OptionInspection {
  Option option;
  double seconds = 0;     ///< its cycles at full speed
  double held_watts = 0;  ///< leakage of what it holds ON
  std::optional<Domination> dominated;
  bool chosen = false;          ///< by the static plan
  bool streamed = false;        ///< chosen, and its weights come from external memory at every execution
  std::int64_t row_blocks = 0;  ///< chosen, and so many because activations of it are spilled; 0: whole
};

/// Shapes that are rejected for one reason, in the table's order.
struct RejectedShapes {
  std::string reason;
  std::vector<Footprint> shapes;
};

struct LayerOptionsInspection {
  std::string model;
  LayerId layer{0};
  std::string layer_name;
  std::string op;
  std::string device;
  std::string device_hash;
  std::string device_reason;              ///< why this device, if nobody named one; tables only
  std::vector<OptionInspection> options;  ///< in the table's order
  std::vector<RejectedShapes> rejected;   ///< in the order of their first shapes
};

/// `chosen` is where the static plan put the layer, `blocks` how it executes there. Requires: a placement of a shape that the layer has.
[[nodiscard]] LayerOptionsInspection inspect_options(const OptionTable& table, LayerId layer, const Placement& chosen,
                                                     const RowBlocks& blocks = {});

/// A layer by its name, or else by its position from 0. Errors: kInvalidInput with the nearest name.
[[nodiscard]] Result<LayerId> find_layer(const LayerGraph& graph, const std::string& name_or_index);

/// "channels", "columns", "rows".
[[nodiscard]] std::string_view name(CoreSplit split);

}  // namespace gatefold
