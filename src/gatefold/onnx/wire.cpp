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

/// Takes apart the message between the stream's position and its limit: calls `inner` where field `number` begins, its tag read,
/// and returns all other fields as they are; nullopt if the message is damaged or `inner` says no.
template <class Inner>
std::optional<std::string> without_field(CodedInputStream& input, int number, Inner inner) {
  std::string others;
  {
    google::protobuf::io::StringOutputStream stream(&others);
    google::protobuf::io::CodedOutputStream output(&stream);
    const std::uint32_t wanted = WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
    while (const std::uint32_t tag = input.ReadTag()) {
      if (tag == wanted ? !inner() : !WireFormatLite::SkipField(&input, tag, &output)) return std::nullopt;
    }
  }
  // A tag of 0 within the message, or a stream that ended before it.
  if (!input.ConsumedEntireMessage() || input.BytesUntilLimit() != 0) return std::nullopt;
  return others;
}

/// Reads the length of a field; nullopt if the message has fewer bytes.
std::optional<int> length_of_field(CodedInputStream& input) {
  int length = 0;
  if (!input.ReadVarintSizeAsInt(&length) || length > input.BytesUntilLimit()) return std::nullopt;
  return length;
}

class ModelReader {
 public:
  explicit ModelReader(CodedInputStream& input) : input_(input), pool_(static_cast<std::size_t>(input.BytesUntilLimit())) {}

  bool read(::onnx::ModelProto& model) {
    const auto others = without_field(input_, ::onnx::ModelProto::kGraphFieldNumber,
                                      [&] { return within([&] { return read_graph(*model.mutable_graph()); }); });
    return others && merge(*others, 0, model);
  }
  std::vector<RawBytes> take_raw() { return std::move(raw_); }

 private:
  /// Reads a length, and a message of that length by `read`.
  template <class Read>
  bool within(Read read) {
    const auto length = length_of_field(input_);
    if (!length) return false;
    const auto outside = input_.PushLimit(*length);
    const bool done = read();
    input_.PopLimit(outside);
    return done;
  }

  bool read_graph(::onnx::GraphProto& graph) {
    const auto others = without_field(input_, ::onnx::GraphProto::kInitializerFieldNumber,
                                      [&] { return within([&] { return read_initialiser(*graph.add_initializer()); }); });
    return others && merge(*others, 1, graph);
  }

  bool read_initialiser(::onnx::TensorProto& tensor) {
    raw_.emplace_back();
    const auto others = without_field(input_, ::onnx::TensorProto::kRawDataFieldNumber, [&] { return read_raw(raw_.back()); });
    return others && merge(*others, 2, tensor);
  }

  /// As for every field of protobuf that is no list, the last one counts.
  bool read_raw(RawBytes& raw) {
    const auto length = length_of_field(input_);
    if (!length) return false;
    const std::shared_ptr<std::byte> bytes = pool_.take(static_cast<std::size_t>(*length));
    raw = {bytes, *length};
    return input_.ReadRaw(bytes.get(), *length);
  }

  CodedInputStream& input_;
  BytePool pool_;
  std::vector<RawBytes> raw_;
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

Result<std::vector<RawBytes>> read_message(const ByteSource& source, ::onnx::ModelProto& model) {
  std::vector<RawBytes> raw;
  GATEFOLD_CHECK(read_source(source, "model", [&](CodedInputStream& input) {
    ModelReader reader(input);
    const bool done = reader.read(model);
    raw = reader.take_raw();
    return done;
  }));
  return raw;
}

Status read_message(const ByteSource& source, ::onnx::TensorProto& tensor) {
  return read_source(source, "tensor",
                     [&](CodedInputStream& input) { return tensor.MergeFromCodedStream(&input) && input.BytesUntilLimit() == 0; });
}

}  // namespace gatefold::onnx_file
