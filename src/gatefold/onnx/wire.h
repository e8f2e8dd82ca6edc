// Protobuf bytes -> protobuf messages, from a stream, with one exception: the bytes of a network's weights (the field raw_data
// of its initialisers), which are nearly all of a file, go straight from the stream to where they stay. The generated reader
// would put them into a string of every message first, beside the file's own bytes. Nodes and initialisers are hundreds or thousands,
// and what becomes of each is a fraction of its message: the messages pass one by one, each in the memory of the one before.
//
// The walk down to them, model > graph > node or initializer > raw_data, is by hand; every other field is handed to the generated
// reader unchanged. Protobuf reports bad bytes on standard error unless told otherwise: a library must not, so it is silenced.
//
// Hostile bytes: a length is compared with the bytes that are still to come before anything is allocated, so what a file can
// make the reader take is bounded by a multiple of the file's own size; nesting is cut at kNestingMax.
// Based on: the description of the wire format in the documentation of Protocol Buffers.
#pragma once

#include <functional>

#include "gatefold/base/result.h"
#include "gatefold/onnx/file.h"
#include "gatefold/onnx/tensors.h"

namespace onnx {
class ModelProto;
class NodeProto;
}  // namespace onnx

namespace gatefold::onnx_file {

/// Take a graph's nodes and initialisers. A message lives during the call.
struct GraphParts {
  std::function<void(const ::onnx::NodeProto&)> node;
  /// The message lacks its raw_data, which come apart (no bytes where there are none).
  std::function<void(const ::onnx::TensorProto&, const RawBytes&)> initialiser;
};

/// Fills `model` but for the graph's nodes and initialisers, which `parts` get in their order; of a file that is refused, perhaps
/// some of them. Errors: kInvalidInput if the bytes are no such message, or fewer than `source.size`.
[[nodiscard]] Status read_message(const ByteSource& source, ::onnx::ModelProto& model, const GraphParts& parts);
[[nodiscard]] Status read_message(const ByteSource& source, ::onnx::TensorProto& tensor);

}  // namespace gatefold::onnx_file
