// Any text: the reader of scenarios answers with scenarios or with a message that names the text, and never with a crash. Device
// files go the same way through the YAML tree, as device_overrides do through their schema.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gatefold/runtime/scenario_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  gatefold::ScenarioFileOptions options;
  options.folder = "/nonexistent";
  options.check_network = [](const std::string&) { return gatefold::Status(gatefold::Done{}); };
  const auto read = gatefold::parse_scenario(text, "fuzz", options);
  const bool sound = read ? !read.value().empty() : read.error().message.rfind("fuzz:", 0) == 0;
  if (!sound) std::abort();
  return 0;
}
