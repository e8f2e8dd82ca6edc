// Bytes of an ONNX file -> Model. The only room that knows protobuf, opsets and ONNX names.
//
// Opset 7 to 18 of the default domain; attribute defaults are filled here, once, and older forms are turned into the
// newest (attributes that became inputs become constant inputs). An operator or attribute outside what the model room
// expresses is refused with node name, operator and opset: never skipped, never replaced.
//
// Hostile files: sizes are checked against the bytes that are really there before anything is allocated; external
// data is refused.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "gatefold/base/result.h"
#include "gatefold/model/model.h"

namespace gatefold {

/// `name` appears in messages and becomes Model::name (a file's path without folder and extension).
[[nodiscard]] Result<Model> import_onnx(std::span<const std::byte> bytes, const std::string& name);

/// Reads at most 2 GiB (the format's own limit) from `path` and imports it.
[[nodiscard]] Result<Model> read_onnx(const std::filesystem::path& path);

/// A serialised TensorProto, as in the ONNX backend tests (input_0.pb, output_0.pb). Also returns its name.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};
[[nodiscard]] Result<NamedTensor> read_tensor_proto(const std::filesystem::path& path);

}  // namespace gatefold
