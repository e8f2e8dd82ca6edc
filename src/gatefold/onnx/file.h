// An ONNX file as plain data: what protobuf held, with every size and type already checked, but with ONNX's own operator
// names, attributes and value names. `parse` makes it; `mapping` turns its nodes into the operators of the model room.
//
// This form exists so that protobuf stays in the files that read it, and so that whatever stands here is well formed: tensors
// have exactly the bytes their shape asks for, attributes hold a value of their own type, nodes are of the default domain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/model/model.h"
#include "gatefold/onnx/import.h"

namespace gatefold::onnx_file {

constexpr std::int64_t kOpsetMin = 7;              // the first with today's broadcasting rules
constexpr std::int64_t kOpsetMax = 18;             // 19 brings eight-bit floats
constexpr std::int64_t kFileBytesMax = INT32_MAX;  // protobuf's own limit for one message

/// In the order of the alternatives of AttributeValue.
enum class AttributeKind : std::uint8_t { kInt, kFloat, kString, kTensor, kInts, kFloats, kStrings };
using AttributeValue =
    std::variant<std::int64_t, float, std::string, Tensor, std::vector<std::int64_t>, std::vector<float>, std::vector<std::string>>;

struct FileNode {
  std::string name;                  ///< as the file gives it, else its first output, else its type; not necessarily unique
  std::string type;                  ///< "Conv"
  std::string domain;                ///< of the type; "" or "ai.onnx": the default one
  std::vector<std::string> inputs;   ///< "": an optional input that is absent
  std::vector<std::string> outputs;  ///< "": an optional output that is not wanted
  std::map<std::string, AttributeValue, std::less<>> attributes;
};

struct FileInput {
  std::string name;
  ElementType type = ElementType::kFloat32;
  std::vector<Extent> shape;
};

/// Lists that grow while the file is read do so without being copied.
struct File {
  std::int64_t opset = 0;
  std::deque<FileNode> nodes;
  std::deque<Value> constants;    ///< as they become the first values of the model
  std::vector<FileInput> inputs;  ///< without those that are constants
  std::vector<std::string> outputs;
};

/// Where a message's bytes come from.
struct ByteSource {
  std::int64_t size = 0;
  std::istream* stream = nullptr;  ///< nullptr: `bytes`
  const std::byte* bytes = nullptr;
};

/// Errors: kInvalidInput for anything that breaks the format, kUnsupported for what is outside this library.
[[nodiscard]] Result<File> parse_model(const ByteSource& source);
[[nodiscard]] Result<NamedTensor> parse_tensor(const ByteSource& source);

/// `text` as a message may show it: at most 120 bytes, control characters as '?'. Names come from strangers.
[[nodiscard]] std::string printable(std::string_view text);

/// "node 'conv1' (Conv, opset 13)", the context of every message about a node.
[[nodiscard]] std::string context(const FileNode& node, std::int64_t opset);

}  // namespace gatefold::onnx_file
