// The reader by hand against protobuf's own: the same files are accepted, with the same contents.
#include "gatefold/onnx/wire.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "onnx/model_builder.h"

namespace gatefold::onnx_file {
namespace {

/// Four initialisers, one of them in a typed list, one without data; raw_data before and after other fields.
std::string network() {
  onnx_test::ModelBuilder builder = onnx_test::one_node(13, "Relu");
  ::onnx::TensorProto raw = onnx_test::tensor("w", {2}, ::onnx::TensorProto::FLOAT);
  raw.set_raw_data("12345678");
  builder.constant(raw)
      .constant(onnx_test::float_tensor("typed", {1}, {2}))
      .constant(onnx_test::tensor("none", {0}, ::onnx::TensorProto::FLOAT));
  raw.set_name("documented");
  raw.set_doc_string("after the data");
  return builder.constant(raw).bytes();
}

ByteSource source_of(const std::string& bytes) {
  return {static_cast<std::int64_t>(bytes.size()), nullptr, reinterpret_cast<const std::byte*>(bytes.data())};
}

/// What the file holds, its nodes, initialisers and their raw_data put back into the message; nullopt if it is refused.
std::optional<std::string> by_hand(const ByteSource& source) {
  ::onnx::ModelProto model;
  ::onnx::GraphProto taken;
  const GraphParts parts{[&](const ::onnx::NodeProto& node) { *taken.add_node() = node; },
                         [&](const ::onnx::TensorProto& initialiser, const RawBytes& raw) {
                           EXPECT_TRUE(initialiser.raw_data().empty());
                           ::onnx::TensorProto& whole = *taken.add_initializer() = initialiser;
                           if (raw.bytes != nullptr) whole.set_raw_data(raw.bytes.get(), static_cast<std::size_t>(raw.size));
                         }};
  if (!read_message(source, model, parts)) return std::nullopt;
  EXPECT_EQ(model.graph().node_size() + model.graph().initializer_size(), 0);
  if (taken.node_size() > 0) model.mutable_graph()->mutable_node()->Swap(taken.mutable_node());
  if (taken.initializer_size() > 0) model.mutable_graph()->mutable_initializer()->Swap(taken.mutable_initializer());
  return model.SerializeAsString();
}

std::optional<std::string> by_protobuf(const std::string& bytes) {
  ::onnx::ModelProto model;
  if (bytes.empty() || !model.ParseFromString(bytes)) return std::nullopt;
  return model.SerializeAsString();
}

TEST(Wire, RawDataIsReadApartAndNothingElse) {
  const std::string bytes = network();
  ::onnx::ModelProto model;
  std::vector<std::int64_t> sizes;
  std::string documented;
  const Status read = read_message(source_of(bytes), model,
                                   {[](const ::onnx::NodeProto&) {},
                                    [&](const ::onnx::TensorProto& initialiser, const RawBytes& raw) {
                                      sizes.push_back(raw.size);
                                      documented = initialiser.doc_string();
                                    }});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{8, 0, 0, 8}));
  EXPECT_EQ(documented, "after the data");
  EXPECT_EQ(by_hand(source_of(bytes)), by_protobuf(bytes));
}

TEST(Wire, EveryPrefixIsReadAsProtobufReadsIt) {
  const std::string bytes = network();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string prefix = bytes.substr(0, size);
    EXPECT_EQ(by_hand(source_of(prefix)), by_protobuf(prefix)) << size;
  }
}

TEST(Wire, DamagedFilesAreReadAsProtobufReadsThem) {
  const std::string bytes = network();
  std::mt19937_64 random(7);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % damaged.size();
      if (random() % 4 == 0) damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 32));
      else damaged[at] = static_cast<char>(random());
    }
    const auto read = by_hand(source_of(damaged));
    EXPECT_EQ(read, by_protobuf(damaged)) << i;
    accepted += read.has_value();
  }
  EXPECT_GT(accepted, 2000);
  EXPECT_LT(accepted, 18'000);
}

TEST(Wire, AStreamIsReadAsBytesAre) {
  onnx_test::ModelBuilder builder = onnx_test::one_node(13, "Relu");
  ::onnx::TensorProto large = onnx_test::tensor("w", {100'000}, ::onnx::TensorProto::UINT8);
  std::string values(100'000, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<char>(i * 7);
  large.set_raw_data(values);
  const std::string bytes = builder.constant(large).bytes();
  std::istringstream stream(bytes);
  EXPECT_EQ(by_hand({static_cast<std::int64_t>(bytes.size()), &stream, nullptr}), by_protobuf(bytes));
  std::istringstream shrunk(bytes.substr(0, bytes.size() - 50'000));
  EXPECT_EQ(by_hand({static_cast<std::int64_t>(bytes.size()), &shrunk, nullptr}), std::nullopt);
}

TEST(Wire, NothingIsTakenForALengthThatTheFileDoesNotHave) {
  std::string bytes = network();
  const std::size_t at = bytes.find("12345678");
  ASSERT_NE(at, std::string::npos);
  ASSERT_EQ(bytes[at - 1], 8);
  bytes.replace(at - 1, 1, "\xff\xff\xff\xff\x07");  // two gibibytes
  EXPECT_EQ(by_hand(source_of(bytes)), std::nullopt);
}

}  // namespace
}  // namespace gatefold::onnx_file
