#include "gatefold/device/shipped.h"

#include <fmt/format.h>

#include "gatefold/base/text.h"
#include "gatefold/device/yaml_tree.h"

namespace gatefold {

Result<DeviceSpec> find_device(std::string_view name_or_path) {
  constexpr std::string_view kEnding = ".yaml";
  const bool is_path = name_or_path.find('/') != std::string_view::npos ||
                       (name_or_path.size() >= kEnding.size() && name_or_path.substr(name_or_path.size() - kEnding.size()) == kEnding);
  if (is_path) return read_device(name_or_path);

  std::vector<std::string> names;
  std::string listed;
  for (const ShippedDevice& device : shipped_devices()) {
    if (device.name == name_or_path) return parse_device(device.yaml, fmt::format("devices/{}.yaml", device.name));
    names.emplace_back(device.name);
    listed += fmt::format("{}{}", listed.empty() ? "" : ", ", device.name);
  }
  const auto guess = nearest(name_or_path, names);
  return Error{ErrorCode::kInvalidInput,
               fmt::format("device {}: unknown; {}shipped: {} (or the path of a .yaml file)", in_quotes(name_or_path),
                           guess ? fmt::format("did you mean '{}'? ", *guess) : "", listed)};
}

}  // namespace gatefold
