// The chips that come with the library: the files of devices/, compiled in.
#pragma once

#include <span>
#include <string_view>

#include "gatefold/base/result.h"
#include "gatefold/device/spec.h"

namespace gatefold {

struct ShippedDevice {
  std::string_view name;  ///< of the file, without its ending, and of the device
  std::string_view yaml;  ///< the file's bytes
};

/// In alphabetical order.
[[nodiscard]] std::span<const ShippedDevice> shipped_devices();

/// A shipped device by name; or a device file, if the argument contains '/' or ends in ".yaml". Errors: kInvalidInput
/// (no such name, with the nearest one; a malformed file), kIo (no such file).
[[nodiscard]] Result<DeviceSpec> find_device(std::string_view name_or_path);

}  // namespace gatefold
