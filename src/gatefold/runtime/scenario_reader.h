// From the tree of a scenario file to a Scenario for one chip. Split in two: what is there (streams, windows), and what
// happens (events).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gatefold/runtime/scenario_file.h"
#include "gatefold/runtime/scenario_values.h"

namespace gatefold {

/// Keys of the file itself, of a stream and of its arrivals; docs/scenarios.md describes each.
[[nodiscard]] const std::vector<std::string>& scenario_keys();
[[nodiscard]] const std::vector<std::string>& stream_keys();
[[nodiscard]] const std::vector<std::string>& arrival_keys();

/// A stream as the file names it: with `copies`, several of a Scenario.
struct NamedStreams {
  std::string name;
  std::vector<StreamId> ids;
};

/// `root` is the file with the keys for this chip laid over; by_device and device_overrides are not read again.
Scenario read_scenario_tree(const TreeNode& root, const DeviceSpec& device, const ScenarioFileOptions& options, Diagnostics& diagnostics);

/// Fills scenario.events from the list `node`. Needs the streams and the duration.
void read_scenario_events(const TreeNode& node, const DeviceSpec& device, const std::vector<NamedStreams>& names, Scenario& scenario,
                          Diagnostics& diagnostics);

}  // namespace gatefold
