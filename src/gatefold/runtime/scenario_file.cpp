// A file is read once for each of its chips, with that chip's keys laid over the common ones; what is wrong on several is
// said once.
#include "gatefold/runtime/scenario_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "gatefold/base/text.h"
#include "gatefold/device/shipped.h"
#include "gatefold/runtime/scenario_reader.h"

namespace gatefold {
namespace {

constexpr std::int64_t kFileSizeMax = 1 << 20;
constexpr std::size_t kDevicesMax = 16;

/// A chip by name and the line that names it.
struct NamedDevice {
  std::string name;
  int line;
};

std::vector<NamedDevice> device_names(const TreeNode& root, Diagnostics& diagnostics) {
  std::vector<NamedDevice> names;
  const TreeNode* node = root.find("devices");
  const bool is_list = node != nullptr && node->kind == TreeNode::Kind::kList;
  if (!is_list || node->elements.empty() || node->elements.size() > kDevicesMax) {
    diagnostics.add(node == nullptr ? 1 : node->line, "devices", node == nullptr ? "nothing" : node->found(),
                    fmt::format("a list of 1 to {} devices", kDevicesMax));
    return names;
  }
  for (const TreeNode& element : node->elements) {
    const bool again = std::any_of(names.begin(), names.end(), [&](const NamedDevice& n) { return n.name == element.text; });
    if (element.kind != TreeNode::Kind::kScalar || again) {
      diagnostics.add(element.line, "devices", element.found(), again ? "it once" : "a device");
    } else {
      names.push_back({element.text, element.line});
    }
  }
  return names;
}

/// The file without by_device, and with the keys that it states for `device` laid over.
TreeNode tree_for(const TreeNode& root, const std::string& device) {
  TreeNode tree = root;
  std::erase_if(tree.entries, [](const TreeEntry& entry) { return entry.key == "by_device"; });
  const TreeNode* by_device = root.find("by_device");
  const TreeNode* own = by_device == nullptr ? nullptr : by_device->find(device);
  if (own != nullptr) lay_over(tree, *own);
  return tree;
}

void check_by_device(const TreeNode& root, const std::vector<NamedDevice>& devices, Diagnostics& diagnostics) {
  const TreeNode* node = root.find("by_device");
  if (node == nullptr) return;
  std::vector<std::string> known;
  for (const NamedDevice& device : devices) known.push_back(device.name);
  const KeyMap keys(*node, "by_device", known, diagnostics);
  for (const TreeEntry& entry : node->entries) {
    const std::string key = keys.dotted(entry.key);
    if (entry.node.kind != TreeNode::Kind::kMap) diagnostics.add(entry.line, key, entry.node.found(), "a map of keys of this file");
    for (const char* common : {"name", "devices", "by_device"}) {
      if (const TreeNode* stated = entry.node.find(common))
        diagnostics.add(stated->line, key, fmt::format("'{}'", common), "it for all devices");
    }
  }
}

std::optional<DeviceSpec> device_for(const NamedDevice& named, const TreeNode& tree, const std::filesystem::path& folder,
                                     Diagnostics& diagnostics) {
  const TreeNode* changes = tree.find("device_overrides");
  if (changes == nullptr) {
    const bool is_file = named.name.find('/') != std::string::npos || named.name.ends_with(".yaml");
    auto device = find_device(is_file ? (folder / named.name).string() : named.name);
    if (device) return std::move(device).value();
    diagnostics.say(named.line, "devices", device.error().message);
    return std::nullopt;
  }
  if (changes->kind != TreeNode::Kind::kMap) {
    diagnostics.add(changes->line, "device_overrides", changes->found(), "a map of keys of docs/devices.md");
    return std::nullopt;
  }
  for (const char* fixed : {"name", "base"}) {
    if (const TreeNode* stated = changes->find(fixed))
      diagnostics.add(stated->line, "device_overrides", fmt::format("'{}'", fixed), "other keys");
  }
  auto device = shipped_device_with(named.name, *changes, diagnostics);
  if (!device) diagnostics.add(named.line, "devices", in_quotes(named.name), "a shipped device, as there are device_overrides");
  return device;
}

}  // namespace

Result<std::vector<ScenarioOnDevice>> parse_scenario(std::string_view text, const std::string& file, const ScenarioFileOptions& options) {
  if (text.size() > static_cast<std::size_t>(kFileSizeMax)) {
    return Error{ErrorCode::kInvalidInput, fmt::format("{}: found {} bytes, wanted at most {}", file, text.size(), kFileSizeMax)};
  }
  Diagnostics diagnostics;
  const std::optional<TreeNode> root = parse_yaml_tree(text, kScenarioFile, diagnostics);
  if (!root) return Error{ErrorCode::kInvalidInput, diagnostics.text(file)};
  std::vector<NamedDevice> devices = device_names(*root, diagnostics);
  check_by_device(*root, devices, diagnostics);
  std::filesystem::path folder = options.folder;
  if (options.device) {
    devices = {{*options.device, 1}};
    folder.clear();  // named by the caller, not by the file
  }

  // Everything but the events can be checked without the chip.
  const auto check_without = [&](TreeNode tree) {
    std::erase_if(tree.entries, [](const TreeEntry& entry) { return entry.key == "events"; });
    read_scenario_tree(tree, DeviceSpec(), options, diagnostics);
  };
  if (devices.empty()) check_without(tree_for(*root, ""));
  std::vector<ScenarioOnDevice> read;
  for (const NamedDevice& named : devices) {
    if (diagnostics.full()) break;
    TreeNode tree = tree_for(*root, named.name);
    auto device = device_for(named, tree, folder, diagnostics);
    if (!device) {
      check_without(std::move(tree));
      continue;
    }
    Scenario scenario = read_scenario_tree(tree, *device, options, diagnostics);
    read.push_back({*std::move(device), std::move(scenario)});
  }
  if (!diagnostics.empty()) return Error{ErrorCode::kInvalidInput, diagnostics.text(file)};
  return read;
}

Result<std::vector<ScenarioOnDevice>> read_scenario(const std::filesystem::path& path, ScenarioFileOptions options) {
  GATEFOLD_TRY(const std::string text, read_file(path, kFileSizeMax));
  options.folder = path.parent_path();
  return parse_scenario(text, path.string(), options);
}

}  // namespace gatefold
