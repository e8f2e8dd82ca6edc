// Any bytes: the importer answers with a valid model or with a message, and never with a crash or more memory than they earn.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "gatefold/onnx/import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = gatefold::import_onnx(std::as_bytes(std::span(data, size)), "fuzz");
  const bool sound = model ? gatefold::verify(model.value()).has_value() : !model.error().message.empty();
  if (!sound) std::abort();
  return 0;
}
