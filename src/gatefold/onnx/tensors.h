// ONNX tensors and element types -> those of the model room. The protobuf classes are only declared here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "gatefold/base/result.h"
#include "gatefold/model/tensor.h"

namespace onnx {
class TensorProto;
}

namespace gatefold::onnx_file {

/// `data_type` is a TensorProto.DataType. Errors: kUnsupported naming the type and those that are.
[[nodiscard]] Result<ElementType> element_type(int data_type);

/// The elements of a tensor as the file stores them, little-endian, aligned to a cache line.
struct RawBytes {
  std::shared_ptr<const std::byte> bytes;
  std::int64_t size = 0;
};

/// `apart`: raw_data that was read apart from the message; the tensor shares it. Nothing is allocated before the extents are
/// known to agree with the bytes in the message.
/// Errors: kInvalidInput (extents, amount of data, values out of the type's range), kUnsupported (type, rank, external data).
[[nodiscard]] Result<Tensor> tensor_from(const ::onnx::TensorProto& proto, const RawBytes& apart = {});

}  // namespace gatefold::onnx_file
