// The shape of an imported network: names, inputs, constants, order; and the files that hold it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "onnx/model_builder.h"

namespace gatefold {
namespace {

using onnx_test::ModelBuilder;
using ::testing::HasSubstr;

std::vector<std::string> node_names(const Model& model) {
  std::vector<std::string> names;
  for (const Node& node : model.nodes) names.push_back(node.name);
  return names;
}

class Folder {
 public:
  Folder() : path_(std::filesystem::path(::testing::TempDir()) / ("gatefold_onnx_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Import, ASmallNetworkKeepsNamesOrderAndOpset) {
  const auto model = onnx_test::small_network().import();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model.value().name, "net");
  EXPECT_EQ(model.value().opset, 13);
  EXPECT_EQ(node_names(model.value()), (std::vector<std::string>{"conv", "clip", "pool", "flat", "softmax", "quantise", "dequantise"}));
  EXPECT_EQ(model.value().value(model.value().outputs.at(0)).name, "y");
}

TEST(Import, AnInputKeepsItsTypeExtentsAndSymbols) {
  ModelBuilder builder = onnx_test::one_node(13, "Identity");
  auto* type = builder.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
  type->set_elem_type(::onnx::TensorProto::UINT8);
  type->clear_shape();
  type->mutable_shape()->add_dim()->set_dim_param("batch");
  type->mutable_shape()->add_dim();
  type->mutable_shape()->add_dim()->set_dim_value(7);
  type->mutable_shape()->add_dim()->set_dim_value(-1);
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  const Input& input = model.value().inputs.at(0);
  EXPECT_EQ(input.type, ElementType::kUInt8);
  ASSERT_EQ(input.shape.size(), 4U);
  EXPECT_EQ(input.shape[0].symbol, "batch");
  EXPECT_EQ(input.shape[1].symbol, "?1");
  EXPECT_EQ(input.shape[2].symbol, "");
  EXPECT_EQ(input.shape[2].count, 7);
  EXPECT_EQ(input.shape[3].symbol, "?3");
}

TEST(Import, AnInitialiserThatIsListedAsInputIsAConstant) {
  ModelBuilder builder = onnx_test::one_node(13, "Add", {"x", "w"});
  builder.constant(onnx_test::float_tensor("w", {2}, {3, 4}));
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model.value().inputs.size(), 1U);
  EXPECT_EQ(model.value().value(model.value().inputs[0].value).name, "x");
  const Value& weights = model.value().value(*model.value().nodes.at(0).inputs.at(1));
  ASSERT_TRUE(weights.constant);
  EXPECT_EQ(weights.constant->number_at(1), 4);
}

TEST(Import, NodesOutOfOrderAreSorted) {
  ModelBuilder builder(13);
  builder.input("x").output("y");
  builder.node("Relu", {"b"}, {"y"}).named("third");
  builder.node("Relu", {"a"}, {"b"}).named("second");
  builder.node("Relu", {"x"}, {"a"}).named("first");
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(node_names(model.value()), (std::vector<std::string>{"first", "second", "third"}));
}

TEST(Import, NodesInOrderStayAsTheyAre) {
  ModelBuilder builder(13);
  builder.input("x").output("y");
  builder.node("Relu", {"x"}, {"a"}).named("a");
  builder.node("Relu", {"x"}, {"b"}).named("b");
  builder.node("Neg", {"b"}, {"c"}).named("c");
  builder.node("Neg", {"a"}, {"d"}).named("d");
  builder.node("Add", {"c", "d"}, {"y"}).named("e");
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(node_names(model.value()), (std::vector<std::string>{"a", "b", "c", "d", "e"}));
}

TEST(Import, ANodeWithoutNameIsNamedAfterItsFirstOutput) {
  const auto model = onnx_test::one_node(13, "Relu").import();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model.value().nodes.at(0).name, "y");
}

TEST(Import, RepeatedNodeNamesBecomeUnique) {
  ModelBuilder builder(13);
  builder.input("x").output("y");
  builder.node("Relu", {"x"}, {"a"}).named("same");
  builder.node("Relu", {"a"}, {"b"}).named("same");
  builder.node("Relu", {"b"}, {"y"}).named("same");
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(node_names(model.value()), (std::vector<std::string>{"same", "same#1", "same#2"}));
}

TEST(Import, AGeneratedConstantGivesWayToANameOfTheFile) {
  ModelBuilder builder(11);
  builder.input("x").input("y.axes").output("y").output("z");
  builder.node("Squeeze", {"x"}, {"y"}).integers("axes", {0});
  builder.node("Relu", {"y.axes"}, {"z"});
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model.value().value(*model.value().nodes.at(0).inputs.at(1)).name, "y.axes#1");
}

TEST(Import, AnOptionalInputInTheMiddleIsAbsentAndOneAtTheEndIsDropped) {
  ModelBuilder builder(13);
  builder.input("x").input("sizes", {4}, ::onnx::TensorProto::INT64).output("y").output("z");
  builder.node("Resize", {"x", "", "", "sizes"}, {"y"});
  builder.node("Clip", {"x", "", ""}, {"z"});
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  const auto& inputs = model.value().nodes.at(0).inputs;
  ASSERT_EQ(inputs.size(), 3U);
  EXPECT_FALSE(inputs[1]);
  EXPECT_TRUE(inputs[2]);
  EXPECT_EQ(model.value().nodes.at(1).inputs.size(), 1U);
}

TEST(Import, UnusedImportsOfOtherDomainsAreIgnored) {
  ModelBuilder builder = onnx_test::one_node(13, "Relu");
  auto* import = builder.proto.add_opset_import();
  import->set_domain("com.example");
  import->set_version(99);
  EXPECT_TRUE(builder.import());
}

TEST(Import, TheDefaultDomainMayBeSpelledOut) {
  ModelBuilder builder = onnx_test::one_node(13, "Relu");
  builder.proto.mutable_opset_import(0)->set_domain("ai.onnx");
  onnx_test::node_of(builder).proto->set_domain("ai.onnx");
  EXPECT_TRUE(builder.import());
}

TEST(Import, UnusedFunctionsAreIgnored) {
  ModelBuilder builder = onnx_test::one_node(13, "Relu");
  builder.proto.add_functions()->set_name("Unused");
  EXPECT_TRUE(builder.import());
}

TEST(Import, AnOutputMayBeAConstantNodeAlone) {
  ModelBuilder builder(13);
  builder.output("y");
  builder.node("Constant", {}, {"y"}).number("value_float", 2);
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model.value().nodes.empty());
  EXPECT_EQ(model.value().value(model.value().outputs.at(0)).constant->number_at(0), 2);
}

TEST(Import, AHugeConstantOfShapeStaysANode) {
  ModelBuilder builder(13);
  builder.output("y").constant(onnx_test::int_tensor("shape", {2}, {INT64_MAX, INT64_MAX}));
  builder.node("ConstantOfShape", {"shape"}, {"y"});
  const auto model = builder.import();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(name(model.value().nodes.at(0).op), "ConstantOfShape");
}

TEST(ReadOnnx, TakesItsNameFromThePath) {
  const Folder folder;
  const auto model = read_onnx(folder.write("tiny.onnx", onnx_test::small_network().bytes()));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model.value().name, "tiny");
}

TEST(ReadOnnx, NamesAFileThatIsMissing) {
  const auto model = read_onnx("/nowhere/net.onnx");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kIo);
  EXPECT_EQ(model.error().message, "/nowhere/net.onnx: there is no such file");
}

TEST(ReadOnnx, RefusesAFolder) {
  const Folder folder;
  const auto model = read_onnx(folder.path());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kIo);
  EXPECT_EQ(model.error().message, folder.path().string() + ": it is not a regular file");
}

TEST(ReadOnnx, RefusesAnEmptyFile) {
  const Folder folder;
  const auto path = folder.write("empty.onnx", "");
  const auto model = read_onnx(path);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, path.string() + ": the file is empty");
}

TEST(ReadOnnx, RefusesMoreThanTwoGibibytesWithoutReadingThem) {
  const Folder folder;
  const auto path = folder.write("large.onnx", "");
  std::filesystem::resize_file(path, std::uintmax_t{3} << 30);  // a hole: takes no room on disk
  const auto model = read_onnx(path);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(model.error().message, path.string() + ": the file has 3221225472 bytes, want at most 2147483647");
}

TEST(ReadOnnx, RefusesATruncatedFileAndPrintsNothing) {
  const Folder folder;
  const std::string bytes = onnx_test::small_network().bytes();
  const auto path = folder.write("cut.onnx", bytes.substr(0, bytes.size() - 5));
  ::testing::internal::CaptureStderr();
  const auto model = read_onnx(path);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kInvalidInput);
  EXPECT_THAT(model.error().message, HasSubstr(path.string() + ": not an ONNX model"));
}

TEST(ReadTensorProto, GivesNameAndValues) {
  const Folder folder;
  const auto path = folder.write("input_0.pb", onnx_test::float_tensor("x", {2, 2}, {1, 2, 3, 4}).SerializeAsString());
  const auto tensor = read_tensor_proto(path);
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor.value().name, "x");
  EXPECT_EQ(tensor.value().tensor.shape(), (Shape{2, 2}));
  EXPECT_EQ(tensor.value().tensor.number_at(3), 4);
}

TEST(ReadTensorProto, NamesTheFileAndTheTensorItRefuses) {
  const Folder folder;
  const auto path = folder.write("input_0.pb", onnx_test::float_tensor("x", {3}, {1}).SerializeAsString());
  const auto tensor = read_tensor_proto(path);
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().message, path.string() + ": tensor 'x': shape [3] has 3 elements, float_data holds 1");
}

}  // namespace
}  // namespace gatefold
