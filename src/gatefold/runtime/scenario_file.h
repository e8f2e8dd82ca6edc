// Scenario files: one YAML file -> a Scenario for every chip it names, or all that is wrong with it at once. What the keys
// mean and which values they take: docs/scenarios.md.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/device/spec.h"
#include "gatefold/runtime/scenario.h"

namespace gatefold {

/// A scenario on one of its chips: keys of by_device and of device_overrides are applied.
struct ScenarioOnDevice {
  DeviceSpec device;
  Scenario scenario;
};

struct ScenarioFileOptions {
  /// Traces, networks and device files with a relative path are looked for here.
  std::filesystem::path folder;
  /// Whether there is such a network: it is not read, or even seen, by this room. Errors: why not.
  std::function<Status(const std::string& source)> check_network;
  /// Instead of the file's chips: a shipped one by name, or a device file.
  std::optional<std::string> device;
};

/// `file` names the text in messages. The result holds at least one chip. Errors: kInvalidInput listing all diagnostics, one
/// a line: "file:line: key: found X, wanted Y".
[[nodiscard]] Result<std::vector<ScenarioOnDevice>> parse_scenario(std::string_view text, const std::string& file,
                                                                   const ScenarioFileOptions& options);

/// Reads the file, in whose folder others are looked for. Errors: those of parse_scenario; kIo.
[[nodiscard]] Result<std::vector<ScenarioOnDevice>> read_scenario(const std::filesystem::path& path, ScenarioFileOptions options);

}  // namespace gatefold
