// Every element type in both of its storages; what is refused is in errors_test.cpp.
#include <gtest/gtest.h>

#include <array>

#include "onnx/model_builder.h"

namespace gatefold {
namespace {

/// The value of initialiser "w" after an import.
Result<Tensor> imported(const ::onnx::TensorProto& proto) {
  onnx_test::ModelBuilder builder(13);
  builder.output("w").output("y").constant(proto);
  builder.node("Identity", {"w"}, {"y"});
  auto model = builder.import();
  if (!model) return std::move(model).error();
  return *model.value().value(model.value().outputs.at(0)).constant;
}

template <class T>
void expect_raw(int type, std::array<T, 3> values) {
  ::onnx::TensorProto proto = onnx_test::tensor("w", {3}, type);
  proto.set_raw_data(values.data(), sizeof(values));
  const auto tensor = imported(proto);
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor.value().type(), element_type_of<T>());
  EXPECT_EQ(std::vector<T>(tensor.value().values<T>().begin(), tensor.value().values<T>().end()),
            std::vector<T>(values.begin(), values.end()));
}

template <class T>
void expect_int32_data(int type, std::array<T, 2> values) {
  ::onnx::TensorProto proto = onnx_test::tensor("w", {2}, type);
  for (const T value : values) proto.add_int32_data(value);
  const auto tensor = imported(proto);
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor.value().type(), element_type_of<T>());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(tensor.value().values<T>()[i], values[i]);
}

using Proto = ::onnx::TensorProto;

TEST(Tensors, RawBytesOfEveryType) {
  expect_raw<float>(Proto::FLOAT, {1.5F, -2, 0});
  expect_raw<double>(Proto::DOUBLE, {1.5, -2, 1e300});
  expect_raw<std::int8_t>(Proto::INT8, {-128, 0, 127});
  expect_raw<std::uint8_t>(Proto::UINT8, {0, 1, 255});
  expect_raw<std::int16_t>(Proto::INT16, {-32768, 0, 32767});
  expect_raw<std::uint16_t>(Proto::UINT16, {0, 1, 65535});
  expect_raw<std::int32_t>(Proto::INT32, {INT32_MIN, 0, INT32_MAX});
  expect_raw<std::int64_t>(Proto::INT64, {INT64_MIN, 0, INT64_MAX});
  expect_raw<bool>(Proto::BOOL, {true, false, true});
}

TEST(Tensors, SmallIntegersLiveInInt32Data) {
  expect_int32_data<std::int8_t>(Proto::INT8, {-128, 127});
  expect_int32_data<std::uint8_t>(Proto::UINT8, {0, 255});
  expect_int32_data<std::int16_t>(Proto::INT16, {-32768, 32767});
  expect_int32_data<std::uint16_t>(Proto::UINT16, {0, 65535});
  expect_int32_data<std::int32_t>(Proto::INT32, {INT32_MIN, INT32_MAX});
  expect_int32_data<bool>(Proto::BOOL, {false, true});
}

TEST(Tensors, WideTypesHaveListsOfTheirOwn) {
  Proto doubles = onnx_test::tensor("w", {1}, Proto::DOUBLE);
  doubles.add_double_data(0.1);
  EXPECT_EQ(imported(doubles).value().number_at(0), 0.1);
  EXPECT_EQ(imported(onnx_test::int_tensor("w", {1}, {INT64_MIN})).value().integer_at(0), INT64_MIN);
  EXPECT_EQ(imported(onnx_test::float_tensor("w", {1}, {0.25F})).value().number_at(0), 0.25);
}

TEST(Tensors, NoExtentsMeanOneElement) { EXPECT_EQ(imported(onnx_test::float_tensor("w", {}, {7})).value().shape().rank(), 0); }

TEST(Tensors, AZeroExtentNeedsNoData) {
  const auto tensor = imported(onnx_test::tensor("w", {0, 3}, Proto::FLOAT));
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor.value().shape(), (Shape{0, 3}));
}

}  // namespace
}  // namespace gatefold
