// From the tree of a device file to checked numbers: the walk of the schema. What the numbers mean is resolved in spec.cpp.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/device/schema.h"
#include "gatefold/device/spec.h"
#include "gatefold/device/yaml_tree.h"

namespace gatefold {

/// One key that the file states.
struct StatedKey {
  int line = 1;
  bool valid = false;     ///< false: already complained about
  BaseNumber number;      ///< of a number or integer
  std::string text;       ///< as written
  std::size_t entry = 0;  ///< of a number: its index in `entries`
};

struct DeviceReading {
  std::map<std::string, StatedKey, std::less<>> keys;  ///< by dotted key
  std::vector<SpecEntry> entries;                      ///< the numbers in the file's order
  std::vector<std::string> uncore;                     ///< names of the uncore parts, in the file's order

  /// nullptr if absent or invalid.
  [[nodiscard]] const StatedKey* valid(std::string_view key) const;
  /// The key's own line, or 1.
  [[nodiscard]] int line(std::string_view key) const;
};

/// Reads every key of the schema, and complains about all that is unknown, missing, malformed or out of range.
[[nodiscard]] DeviceReading read_keys(const TreeNode& root, Diagnostics& diagnostics);

}  // namespace gatefold
