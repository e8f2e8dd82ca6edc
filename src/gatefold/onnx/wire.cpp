#include "gatefold/onnx/wire.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/wire_format_lite.h>
#include <onnx/onnx_pb.h>

#include <exception>
#include <functional>
#include <istream>
#include <optional>
#include <string>
#include <utility>

#include "gatefold/model/byte_pool.h"

namespace gatefold::onnx_file {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// model > graph > node > attribute > tensor is 5; the rest lets a file with nested subgraphs get
// as far as the message that names one.
constexpr int kNestingMax = 64;
constexpr int kBlockSize = 32 << 10;  // of the stream: stays in the first-level cache until it is copied on

Error invalid(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }

template <class Message>
bool merge(const std::string& bytes, int depth, Message& message) {
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  input.SetRecursionLimit(kNestingMax - depth);
  return message.MergeFromCodedStream(&input) && input.ConsumedEntireMessage();
}

enum class Field { kOther, kRead, kDamaged };

/// Takes apart the message between the stream's position and its limit: `inner` is called where a field begins, its tag read, and
/// reads it or leaves it. Returns all other fields as they are; nullopt if the message is damaged or `inner` says so.
template <class Inner>
std::optional<std::string> without_fields(CodedInputStream& input, Inner inner) {
  std::string others;
  {
    google::protobuf::io::StringOutputStream stream(&others);
    google::protobuf::io::CodedOutputStream output(&stream);
    while (const std::uint32_t tag = input.ReadTag()) {
      const Field field = inner(tag);
      if (field == Field::kOther ? !WireFormatLite::SkipField(&input, tag, &output) : field == Field::kDamaged) return std::nullopt;
    }
  }
  // A tag of 0 within the message, or a stream that ended before it.
  if (!input.ConsumedEntireMessage() || input.BytesUntilLimit() != 0) return std::nullopt;
  return others;
}

constexpr std::uint32_t tag_of_bytes(int field) {
  return static_cast<std::uint32_t>(field) << 3U | static_cast<std::uint32_t>(WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

/// Reads the length of a field; nullopt if the message has fewer bytes.
std::optional<int> length_of_field(CodedInputStream& input) {
  int length = 0;
  if (!input.ReadVarintSizeAsInt(&length) || length > input.BytesUntilLimit()) return std::nullopt;
  return length;
}

class ModelReader {
 public:
  ModelReader(CodedInputStream& input, const GraphParts& parts)
      : input_(input), parts_(parts), pool_(static_cast<std::size_t>(input.BytesUntilLimit())) {}

  bool read(::onnx::ModelProto& model) {
    const auto others = without_fields(input_, [&](std::uint32_t tag) {
      if (tag != tag_of_bytes(::onnx::ModelProto::kGraphFieldNumber)) return Field::kOther;
      return within([&] { return read_graph(*model.mutable_graph()); });
    });
    return others && merge(*others, 0, model);
  }

 private:
  /// Reads a length, and a message of that length by `read`.
  template <class Read>
  Field within(Read read) {
    const auto length = length_of_field(input_);
    if (!length) return Field::kDamaged;
    const auto outside = input_.PushLimit(*length);
    const bool done = read();
    input_.PopLimit(outside);
    return done ? Field::kRead : Field::kDamaged;
  }

  bool read_graph(::onnx::GraphProto& graph) {
    const auto others = without_fields(input_, [&](std::uint32_t tag) {
      if (tag == tag_of_bytes(::onnx::GraphProto::kNodeFieldNumber)) return within([&] { return read_node(); });
      if (tag == tag_of_bytes(::onnx::GraphProto::kInitializerFieldNumber)) return within([&] { return read_initialiser(); });
      return Field::kOther;
    });
    return others && merge(*others, 1, graph);
  }

  bool read_node() {
    node_.Clear();
    input_.SetRecursionLimit(kNestingMax - 2);
    const bool done = node_.MergeFromCodedStream(&input_) && input_.ConsumedEntireMessage() && input_.BytesUntilLimit() == 0;
    input_.SetRecursionLimit(kNestingMax);
    if (done) parts_.node(node_);
    return done;
  }

  bool read_initialiser() {
    RawBytes raw;
    const auto others = without_fields(input_, [&](std::uint32_t tag) {
      return tag == tag_of_bytes(::onnx::TensorProto::kRawDataFieldNumber) ? read_raw(raw) : Field::kOther;
    });
    initialiser_.Clear();
    if (!others || !merge(*others, 2, initialiser_)) return false;
    parts_.initialiser(initialiser_, raw);
    return true;
  }

  /// As for every field of protobuf that is no list, the last one counts.
  Field read_raw(RawBytes& raw) {
    const auto length = length_of_field(input_);
    if (!length) return Field::kDamaged;
    const std::shared_ptr<std::byte> bytes = pool_.take(static_cast<std::size_t>(*length));
    raw = {bytes, *length};
    return input_.ReadRaw(bytes.get(), *length) ? Field::kRead : Field::kDamaged;
  }

  CodedInputStream& input_;
  const GraphParts& parts_;
  BytePool pool_;
  ::onnx::NodeProto node_;           ///< the present one
  ::onnx::TensorProto initialiser_;  ///< the present one
};

/// Calls `read` with a stream over the source that ends at its size.
Status read_source(const ByteSource& source, std::string_view what, const std::function<bool(CodedInputStream&)>& read) {
  if (source.size == 0) return invalid("the file is empty");
  if (source.size > kFileBytesMax) return invalid(fmt::format("the file has {} bytes, want at most {}", source.size, kFileBytesMax));
  const auto size = static_cast<int>(source.size);
  const std::string refusal = fmt::format("not an ONNX {}: the bytes are damaged, cut short or of another format", what);
  const google::protobuf::LogSilencer silence;
  try {
    std::optional<google::protobuf::io::IstreamInputStream> stream;
    std::optional<google::protobuf::io::ArrayInputStream> array;
    google::protobuf::io::ZeroCopyInputStream* from =
        source.stream != nullptr ? static_cast<google::protobuf::io::ZeroCopyInputStream*>(&stream.emplace(source.stream, kBlockSize))
                                 : &array.emplace(source.bytes, size);
    CodedInputStream input(from);
    input.SetTotalBytesLimit(size);
    input.SetRecursionLimit(kNestingMax);
    const auto all = input.PushLimit(size);
    if (!read(input)) return invalid(refusal);
    input.PopLimit(all);
  } catch (const std::exception& exception) {
    return invalid(fmt::format("{} ({})", refusal, exception.what()));
  }
  return Done{};
}

}  // namespace

Status read_message(const ByteSource& source, ::onnx::ModelProto& model, const GraphParts& parts) {
  return read_source(source, "model", [&](CodedInputStream& input) { return ModelReader(input, parts).read(model); });
}

Status read_message(const ByteSource& source, ::onnx::TensorProto& tensor) {
  return read_source(source, "tensor",
                     [&](CodedInputStream& input) { return tensor.MergeFromCodedStream(&input) && input.BytesUntilLimit() == 0; });
}

}  // namespace gatefold::onnx_file
