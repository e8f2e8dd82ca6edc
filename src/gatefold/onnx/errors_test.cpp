// What is refused, and in which words. Each case is a network that breaks one thing; the message is compared in full.
#include <gtest/gtest.h>

#include <functional>

#include "onnx/model_builder.h"

namespace gatefold {
namespace {

using onnx_test::float_tensor;
using onnx_test::int_tensor;
using onnx_test::ModelBuilder;
using onnx_test::Names;
using onnx_test::node_of;
using onnx_test::one_node;
using Attribute = ::onnx::AttributeProto;
using Proto = ::onnx::TensorProto;

constexpr ErrorCode kInvalid = ErrorCode::kInvalidInput;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

struct Refusal {
  const char* name;
  std::function<ModelBuilder()> network;
  ErrorCode code;
  std::string message;  ///< after "net: "
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithItsMessage) {
  ::testing::internal::CaptureStderr();
  const auto model = GetParam().network().import();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, "net: " + GetParam().message);
  EXPECT_EQ(model.error().code, GetParam().code);
}

/// A network whose only constant is `tensor`.
std::function<ModelBuilder()> with_tensor(const Proto& tensor) {
  return [tensor] {
    ModelBuilder builder = one_node(13, "Relu");
    builder.constant(tensor);
    return builder;
  };
}

/// One node of `type` after `change`.
std::function<ModelBuilder()> with_node(
    std::int64_t opset, const std::string& type, const Names& inputs,
    const std::function<void(onnx_test::NodeBuilder)>& change = [](auto) {}) {
  return [=] {
    ModelBuilder builder = one_node(opset, type, inputs);
    change(node_of(builder));
    return builder;
  };
}

/// One node of `type` with a list of integers as attribute.
std::function<ModelBuilder()> with_integers(std::int64_t opset, const std::string& type, const Names& inputs, const std::string& name,
                                            const std::vector<std::int64_t>& values) {
  return with_node(opset, type, inputs, [=](auto n) { n.integers(name, values); });
}

/// A Relu network of opset 13 after `change`.
std::function<ModelBuilder()> with_model(const std::function<void(ModelBuilder&)>& change) {
  return [=] {
    ModelBuilder builder = one_node(13, "Relu");
    change(builder);
    return builder;
  };
}

Proto with_raw(Proto tensor, const std::string& bytes) {
  tensor.set_raw_data(bytes);
  return tensor;
}

Proto with_int32(Proto tensor, int value) {
  tensor.add_int32_data(value);
  return tensor;
}

Proto external(Proto tensor) {
  tensor.set_data_location(Proto::EXTERNAL);
  return tensor;
}

std::string name_of(const ::testing::TestParamInfo<Refusal>& tested) { return tested.param.name; }

const std::string kTypes = "is not supported, want float32, float64, int8, uint8, int16, uint16, int32, int64 or bool";

INSTANTIATE_TEST_SUITE_P(
    File, Refused,
    ::testing::Values(
        Refusal{"NoIrVersion", with_model([](auto& b) { b.proto.clear_ir_version(); }), kInvalid,
                "not an ONNX model: it has no IR version"},
        Refusal{"OldIrVersion", with_model([](auto& b) { b.proto.set_ir_version(2); }), kUnsupported, "IR version 2, want 3 or later"},
        Refusal{"NoOpset", with_model([](auto& b) { b.proto.clear_opset_import(); }), kInvalid,
                "the file does not import the default operator set, so its operators have no version"},
        Refusal{"OnlyAnotherDomainsOpset", with_model([](auto& b) { b.proto.mutable_opset_import(0)->set_domain("ai.onnx.ml"); }), kInvalid,
                "the file does not import the default operator set, so its operators have no version"},
        Refusal{"OnlyAnotherDomainsOperators", with_model([](auto& b) {
                  b.proto.mutable_opset_import(0)->set_domain("ai.onnx.ml");
                  b.proto.mutable_graph()->mutable_node(0)->set_domain("ai.onnx.ml");
                }),
                kUnsupported, "every operator is of a domain like 'ai.onnx.ml', want the default domain"},
        Refusal{"OpsetTwice", with_model([](auto& b) { b.proto.add_opset_import()->set_version(12); }), kInvalid,
                "the default operator set is imported twice"},
        Refusal{"OpsetTooOld", with_node(6, "Relu", {"x"}), kUnsupported, "opset 6, want 7 to 18"},
        Refusal{"OpsetTooNew", with_node(19, "Relu", {"x"}), kUnsupported, "opset 19, want 7 to 18"},
        Refusal{"OpsetNegative", with_node(-3, "Relu", {"x"}), kUnsupported, "opset -3, want 7 to 18"},
        Refusal{"NoGraph", with_model([](auto& b) { b.proto.clear_graph(); }), kInvalid, "the graph has no nodes"},
        Refusal{"NoNodes", with_model([](auto& b) { b.proto.mutable_graph()->clear_node(); }), kInvalid, "the graph has no nodes"},
        Refusal{"NoOutputs", with_model([](auto& b) { b.proto.mutable_graph()->clear_output(); }), kInvalid, "the graph has no outputs"},
        Refusal{"SparseInitialiser",
                with_model([](auto& b) { b.proto.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("w"); }),
                kUnsupported, "initialiser 'w' is sparse, which is not supported"},
        Refusal{"NamelessInitialiser", with_tensor(float_tensor("", {1}, {1})), kInvalid, "an initialiser has no name"},
        Refusal{"NamelessInput", with_model([](auto& b) { b.input(""); }), kInvalid, "an input has no name"},
        Refusal{"InputOfRankNine", with_model([](auto& b) {
                  b.input("i", {1, 1, 1, 1, 1, 1, 1, 1, 1});
                }),
                kUnsupported, "input 'i': rank 9, want at most 8"},
        Refusal{"InputWithNegativeExtent", with_model([](auto& b) {
                  b.input("i", {1, -2});
                }),
                kInvalid, "input 'i': extent -2 of axis 1 is negative"},
        Refusal{"InputTooLarge", with_model([](auto& b) {
                  b.input("i", {INT64_MAX, 0, 2});
                }),
                kInvalid, "input 'i': its extents make more than 2^63 bytes"},
        Refusal{"InputOfHalves", with_model([](auto& b) { b.input("i", {1}, Proto::FLOAT16); }), kUnsupported,
                "input 'i': element type float16 " + kTypes},
        Refusal{"InputWithoutType", with_model([](auto& b) { b.proto.mutable_graph()->mutable_input(0)->clear_type(); }), kUnsupported,
                "input 'x': it is not declared as a tensor"},
        Refusal{"InputWithoutShape", with_model([](auto& b) {
                  b.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
                }),
                kUnsupported, "input 'x': it declares no shape, so not even its rank is known"},
        Refusal{"SequenceInput",
                with_model([](auto& b) { b.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type(); }),
                kUnsupported, "input 'x': it is not declared as a tensor"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Names, Refused,
    ::testing::Values(Refusal{"InputTwice", with_model([](auto& b) { b.input("x"); }), kInvalid, "value 'x' is defined twice"},
                      Refusal{"InitialiserTwice",
                              with_model([](auto& b) { b.constant(float_tensor("w", {1}, {1})).constant(float_tensor("w", {1}, {1})); }),
                              kInvalid, "value 'w' is defined twice"},
                      Refusal{"OutputOfTwoNodes", with_model([](auto& b) { b.node("Relu", {"x"}, {"y"}).named("second"); }), kInvalid,
                              "node 'second' (Relu, opset 13): value 'y' is defined twice"},
                      Refusal{"OutputThatIsAnInput", with_model([](auto& b) { b.node("Relu", {"x"}, {"x"}); }), kInvalid,
                              "node 'x' (Relu, opset 13): value 'x' is defined twice"},
                      Refusal{"UndefinedInput", with_model([](auto& b) { b.node("Relu", {"ghost"}, {"z"}); }), kInvalid,
                              "node 'z' (Relu, opset 13): input 'ghost' is defined nowhere"},
                      Refusal{"UndefinedOutput", with_model([](auto& b) { b.output("ghost"); }), kInvalid,
                              "output 'ghost' is defined nowhere"},
                      Refusal{"NamelessOutput", with_model([](auto& b) { b.output(""); }), kInvalid, "output '' is defined nowhere"},
                      Refusal{"OutputListedTwice", with_model([](auto& b) { b.output("y"); }), kInvalid, "output 'y' is listed twice"},
                      Refusal{"NodeThatReadsItself", with_model([](auto& b) {
                                b.node("Add", {"x", "z"}, {"z"}).named("loop");
                              }),
                              kInvalid, "node 'loop' (Add, opset 13): it waits for its own output; the network has a cycle"},
                      Refusal{"CycleBehindWhichOthersWait", with_model([](auto& b) {
                                b.node("Relu", {"b"}, {"outside"}).named("outside");
                                b.node("Add", {"x", "c"}, {"b"}).named("first");
                                b.node("Relu", {"b"}, {"c"}).named("second");
                              }),
                              kInvalid, "node 'first' (Add, opset 13): it waits for its own output; the network has a cycle"},
                      Refusal{"ControlCharactersAreNotPrinted", with_model([](auto& b) { b.output("\x1b[2Jgone"); }), kInvalid,
                              "output '?[2Jgone' is defined nowhere"},
                      Refusal{"LongNamesAreCut", with_model([](auto& b) { b.output(std::string(5000, 'a')); }), kInvalid,
                              "output '" + std::string(120, 'a') + "...' is defined nowhere"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(Tensor, Refused,
                         ::testing::
                             Values(Refusal{"Halves", with_tensor(onnx_test::tensor("w", {1}, Proto::FLOAT16)), kUnsupported,
                                            "tensor 'w': element type float16 " + kTypes},
                                    Refusal{"Bfloat16", with_tensor(onnx_test::tensor("w", {1}, Proto::BFLOAT16)), kUnsupported,
                                            "tensor 'w': element type bfloat16 " + kTypes},
                                    Refusal{"Strings", with_tensor(onnx_test::tensor("w", {1}, Proto::STRING)), kUnsupported,
                                            "tensor 'w': element type string " + kTypes},
                                    Refusal{"Complex", with_tensor(onnx_test::tensor("w", {1}, Proto::COMPLEX64)), kUnsupported,
                                            "tensor 'w': element type complex64 " + kTypes},
                                    Refusal{"Unsigned64", with_tensor(onnx_test::tensor("w", {1}, Proto::UINT64)), kUnsupported,
                                            "tensor 'w': element type uint64 " + kTypes},
                                    Refusal{"UndefinedType", with_tensor(onnx_test::tensor("w", {1}, 0)), kUnsupported,
                                            "tensor 'w': element type undefined " + kTypes},
                                    Refusal{"UnknownType", with_tensor(onnx_test::tensor("w", {1}, 77)),
                                            kUnsupported, "tensor 'w': element type number 77 " + kTypes},
                                    Refusal{"NegativeExtent", with_tensor(float_tensor("w", {2, -3}, {1})), kInvalid,
                                            "tensor 'w': extents [2, -3] hold a negative one"},
                                    Refusal{"Overflow", with_tensor(float_tensor("w", {1LL << 32, 1LL << 32}, {1})), kInvalid,
                                            "tensor 'w': extents [4294967296, 4294967296] make more than 2^63 bytes"},
                                    Refusal{"OverflowBesideAZero", with_tensor(float_tensor("w", {0, 1LL << 32, 1LL << 32}, {})), kInvalid,
                                            "tensor 'w': extents [0, 4294967296, 4294967296] make more than 2^63 bytes"},
                                    Refusal{"RankNine", with_tensor(float_tensor("w", {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1})),
                                            kUnsupported, "tensor 'w': rank 9, want at most 8"},
                                    Refusal{"ClaimOfTerabytes", with_tensor(float_tensor("w", {1LL << 40}, {1})), kInvalid,
                                            "tensor 'w': shape [1099511627776] has 1099511627776 elements, float_data holds 1"},
                                    Refusal{"ClaimOfTerabytesRaw",
                                            with_tensor(with_raw(onnx_test::tensor("w", {1LL << 40}, Proto::INT8), "ab")), kInvalid,
                                            "tensor 'w': shape [1099511627776] of int8 needs 1099511627776 bytes, raw_data holds 2"},
                                    Refusal{"TooMuchTyped", with_tensor(float_tensor("w", {1}, {1, 2})), kInvalid,
                                            "tensor 'w': shape [1] has 1 elements, float_data holds 2"},
                                    Refusal{"TooMuchRaw", with_tensor(with_raw(onnx_test::tensor("w", {1}, Proto::FLOAT), "12345")),
                                            kInvalid, "tensor 'w': shape [1] of float32 needs 4 bytes, raw_data holds 5"},
                                    Refusal{"NoData", with_tensor(onnx_test::tensor("w", {3}, Proto::INT32)), kInvalid,
                                            "tensor 'w': shape [3] has 3 elements, int32_data holds 0"},
                                    Refusal{"RawAndTyped", with_tensor(with_raw(float_tensor("w", {1}, {1}), "1234")), kInvalid,
                                            "tensor 'w': float32 elements are stored in float_data, want raw_data alone"},
                                    Refusal{"WrongList", with_tensor(with_int32(onnx_test::tensor("w", {1}, Proto::FLOAT), 1)), kInvalid,
                                            "tensor 'w': float32 elements are stored in int32_data, want float_data alone"},
                                    Refusal{"Int8OutOfRange", with_tensor(with_int32(onnx_test::tensor("w", {1}, Proto::INT8), 128)),
                                            kInvalid, "tensor 'w': element 128 is no int8"},
                                    Refusal{"BoolOfTwo", with_tensor(with_int32(onnx_test::tensor("w", {1}, Proto::BOOL), 2)), kInvalid,
                                            "tensor 'w': element 2 is no bool"},
                                    Refusal{"RawBoolOfTwoHundred", with_tensor(with_raw(onnx_test::tensor("w", {1}, Proto::BOOL), "\xc8")),
                                            kInvalid, "tensor 'w': element 200 is no bool"},
                                    Refusal{"ExternalData", with_tensor(external(onnx_test::tensor("w", {1}, Proto::FLOAT))),
                                            kUnsupported, "tensor 'w': its data is in another file; external data is not supported"},
                                    Refusal{
                                        "Segment",
                                        [] {
                                          Proto tensor = float_tensor("w", {1}, {1});
                                          tensor.mutable_segment()->set_begin(0);
                                          return with_tensor(tensor)();
                                        },
                                        kUnsupported, "tensor 'w': it is one segment of a tensor; segments are not supported"}),
                         name_of);

INSTANTIATE_TEST_SUITE_P(
    Form, Refused,
    ::testing::Values(
        Refusal{"UnknownOperator", with_node(13, "Frobnicate", {"x"}), kUnsupported,
                "node 'y' (Frobnicate, opset 13): the operator is not supported"},
        Refusal{"OperatorOfTheFutureOpset", with_node(13, "HardSwish", {"x"}), kInvalid,
                "node 'y' (HardSwish, opset 13): the operator does not exist in this opset"},
        Refusal{"OtherDomain", with_node(13, "QGemm", {"x"}, [](auto n) { n.proto->set_domain("com.microsoft"); }), kUnsupported,
                "node 'y' (QGemm, opset 13): operator 'QGemm' of domain 'com.microsoft' is not supported, want the default domain"},
        Refusal{"LocalFunction", with_model([](auto& b) {
                  b.proto.add_functions()->set_name("Mine");
                  b.node("Mine", {"x"}, {"z"});
                }),
                kUnsupported, "node 'z' (Mine, opset 13): the operator is a function of the file, which is not supported"},
        Refusal{"Subgraph", with_node(13, "If", {"x"}, [](auto n) { n.attribute("then_branch", Attribute::GRAPH)->mutable_g(); }),
                kUnsupported, "node 'y' (If, opset 13): attribute 'then_branch': is a subgraph, which is not supported"},
        Refusal{"UnknownAttribute", with_node(13, "LeakyRelu", {"x"}, [](auto n) { n.number("slope", 1); }), kInvalid,
                "node 'y' (LeakyRelu, opset 13): attribute 'slope' is unknown, want alpha"},
        Refusal{"AttributeOfAnotherOpset", with_node(9, "MaxPool", {"x"}, [](auto n) { n.integer("ceil_mode", 1); }), kInvalid,
                "node 'y' (MaxPool, opset 9): attribute 'ceil_mode' is unknown, want auto_pad, kernel_shape, pads, storage_order, "
                "strides"},
        Refusal{"AttributeWhereNoneIsKnown", with_node(13, "Relu", {"x"}, [](auto n) { n.number("alpha", 1); }), kInvalid,
                "node 'y' (Relu, opset 13): attribute 'alpha' is unknown, want none"},
        Refusal{"AttributeOfWrongKind", with_node(13, "LeakyRelu", {"x"}, [](auto n) { n.integer("alpha", 1); }), kInvalid,
                "node 'y' (LeakyRelu, opset 13): attribute 'alpha' is INT, want FLOAT"},
        Refusal{"AttributeTwice", with_node(13, "LeakyRelu", {"x"}, [](auto n) { n.number("alpha", 1).number("alpha", 2); }), kInvalid,
                "node 'y' (LeakyRelu, opset 13): attribute 'alpha' is given twice"},
        Refusal{"AttributeWithoutValue", with_node(13, "LeakyRelu", {"x"}, [](auto n) { n.attribute("alpha", Attribute::FLOAT); }),
                kInvalid, "node 'y' (LeakyRelu, opset 13): attribute 'alpha': says it is a number but holds none"},
        Refusal{"AttributeWithoutKind", with_node(13, "LeakyRelu", {"x"}, [](auto n) { n.proto->add_attribute()->set_name("alpha"); }),
                kUnsupported, "node 'y' (LeakyRelu, opset 13): attribute 'alpha': is of an unknown kind, which is not supported"},
        Refusal{"AttributeOfAFunction",
                with_node(13, "LeakyRelu", {"x"}, [](auto n) { n.attribute("alpha", Attribute::FLOAT)->set_ref_attr_name("a"); }),
                kUnsupported,
                "node 'y' (LeakyRelu, opset 13): attribute 'alpha': refers to an attribute of a function, which is not supported"},
        Refusal{"MissingAttribute", with_node(13, "Concat", {"x"}), kInvalid, "node 'y' (Concat, opset 13): attribute 'axis' is missing"},
        Refusal{"TooFewInputs", with_node(13, "Add", {"x"}), kInvalid, "node 'y' (Add, opset 13): 1 inputs, want 2"},
        Refusal{"TooManyInputs", with_node(13, "Conv", {"a", "b", "c", "d"}), kInvalid, "node 'y' (Conv, opset 13): 4 inputs, want 2 to 3"},
        Refusal{"NoInputsOfMany", with_node(13, "Sum", {}), kInvalid, "node 'y' (Sum, opset 13): 0 inputs, want at least 1"},
        Refusal{"NoOutputs", with_model([](auto& b) { b.node("Relu", {"x"}, {}); }), kInvalid,
                "node 'Relu' (Relu, opset 13): 0 outputs, want 1"},
        Refusal{"RequiredInputLeftOut", with_node(13, "Add", {"x", ""}), kInvalid, "node 'y' (Add, opset 13): input 1 is left out"},
        Refusal{"OneOfManyLeftOut", with_node(13, "Sum", {"x", ""}), kInvalid, "node 'y' (Sum, opset 13): input 1 is left out"},
        Refusal{"OutputWithoutName", with_model([](auto& b) { b.node("Relu", {"x"}, {""}).named("r"); }), kInvalid,
                "node 'r' (Relu, opset 13): output 0 has no name"},
        Refusal{"Deprecated", with_node(10, "Upsample", {"a", "b"}), kInvalid,
                "node 'y' (Upsample, opset 10): the operator is deprecated since opset 10"},
        Refusal{"Opset18MovedTheAxes", with_integers(18, "ReduceMean", {"x"}, "axes", {1}), kInvalid,
                "node 'y' (ReduceMean, opset 18): attribute 'axes' is unknown, want keepdims, noop_with_empty_axes"},
        Refusal{"AxesInputBefore18", with_node(17, "ReduceMax", {"x", "axes"}), kInvalid,
                "node 'y' (ReduceMax, opset 17): 2 inputs, want 1"},
        Refusal{"PadAxesBefore18", with_node(17, "Pad", {"x", "pads", "value", "axes"}), kInvalid,
                "node 'y' (Pad, opset 17): 4 inputs, want 2 to 3"}),
    name_of);

void add_outputs(const onnx_test::NodeBuilder& node, const Names& names) {
  for (const std::string& name : names) node.proto->add_output(name);
}

/// `with_node`, where the network also gives out the node's second output "z".
std::function<ModelBuilder()> with_second_output(
    std::int64_t opset, const std::string& type, const Names& inputs,
    const std::function<void(onnx_test::NodeBuilder)>& change = [](auto) {}) {
  return [=] {
    ModelBuilder builder = with_node(opset, type, inputs, change)();
    add_outputs(node_of(builder), {"z"});
    builder.output("z");
    return builder;
  };
}

INSTANTIATE_TEST_SUITE_P(
    Windows, Refused,
    ::testing::Values(Refusal{"ConvInOneDimension", with_integers(13, "Conv", {"x", "w"}, "kernel_shape", {3}), kUnsupported,
                              "node 'y' (Conv, opset 13): the window slides along 1 axes; only 2 (height, width) are supported"},
                      Refusal{"ConvInThreeDimensionsByItsWeights",
                              [] {
                                ModelBuilder builder = one_node(13, "Conv", {"x", "w"});
                                builder.constant(float_tensor("w", {1, 1, 1, 1, 1}, {1}));
                                return builder;
                              },
                              kUnsupported,
                              "node 'y' (Conv, opset 13): the window slides along 3 axes; only 2 (height, width) are supported"},
                      Refusal{"PoolInThreeDimensions", with_integers(13, "MaxPool", {"x"}, "kernel_shape", {1, 1, 1}), kUnsupported,
                              "node 'y' (MaxPool, opset 13): the window slides along 3 axes; only 2 (height, width) are supported"},
                      Refusal{"WeightsOfAnotherRank",
                              [] {
                                ModelBuilder builder = one_node(13, "Conv", {"x", "w"});
                                node_of(builder).integers("kernel_shape", {1, 1});
                                builder.constant(float_tensor("w", {1}, {1}));
                                return builder;
                              },
                              kInvalid, "node 'y' (Conv, opset 13): the weights have shape [1], want 4 axes"},
                      Refusal{"ThreePads",
                              with_node(13, "Conv", {"x", "w"},
                                        [](auto n) {
                                          n.integers("kernel_shape", {1, 1}).integers("pads", {1, 1, 1});
                                        }),
                              kInvalid, "node 'y' (Conv, opset 13): pads has 3 entries, want 4"},
                      Refusal{"NegativePad", with_integers(13, "Conv", {"x", "w"}, "pads", {0, 0, -1, 0}), kInvalid,
                              "node 'y' (Conv, opset 13): pads is [0, 0, -1, 0], want 0 to 2147483647 each"},
                      Refusal{"ZeroStride", with_integers(13, "Conv", {"x", "w"}, "strides", {1, 0}), kInvalid,
                              "node 'y' (Conv, opset 13): strides is [1, 0], want 1 to 2147483647 each"},
                      Refusal{"HugeDilation", with_integers(13, "Conv", {"x", "w"}, "dilations", {1, INT64_MAX}), kInvalid,
                              "node 'y' (Conv, opset 13): dilations is [1, 9223372036854775807], want 1 to 2147483647 each"},
                      Refusal{"NoGroups", with_node(13, "Conv", {"x", "w"}, [](auto n) { n.integer("group", 0); }), kInvalid,
                              "node 'y' (Conv, opset 13): group is 0, want 1 to 2147483647"},
                      Refusal{"UnknownAutoPad", with_node(13, "Conv", {"x", "w"}, [](auto n) { n.text("auto_pad", "SAME"); }), kInvalid,
                              "node 'y' (Conv, opset 13): auto_pad is 'SAME', want NOTSET, SAME_UPPER, SAME_LOWER or VALID"},
                      Refusal{"PadsAndAutoPad",
                              with_node(13, "Conv", {"x", "w"},
                                        [](auto n) {
                                          n.text("auto_pad", "VALID").integers("pads", {1, 1, 1, 1});
                                        }),
                              kInvalid, "node 'y' (Conv, opset 13): both pads and auto_pad 'VALID' are given, want one of them"},
                      Refusal{"MaxPoolIndices",
                              with_second_output(13, "MaxPool", {"x"},
                                                 [](auto n) {
                                                   n.integers("kernel_shape", {1, 1});
                                                 }),
                              kUnsupported,
                              "node 'y' (MaxPool, opset 13): the indices (output 1) are used; only the values are supported"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Arithmetic, Refused,
    ::testing::Values(
        Refusal{"ComputedClipBound", with_node(13, "Clip", {"x", "low"}), kUnsupported,
                "node 'y' (Clip, opset 13): min is computed by the network, want a constant"},
        Refusal{"ClipBoundThatIsNoScalar",
                [] {
                  ModelBuilder builder = one_node(13, "Clip", {"x", "", "high"});
                  builder.constant(float_tensor("high", {2}, {1, 2}));
                  return builder;
                },
                kInvalid, "node 'y' (Clip, opset 13): max has shape [2], want a scalar"},
        Refusal{"TrainingBatchNorm",
                with_node(14, "BatchNormalization", {"x", "s", "b", "m", "v"}, [](auto n) { n.integer("training_mode", 1); }),
                kUnsupported, "node 'y' (BatchNormalization, opset 14): training_mode is set; only inference is supported"},
        Refusal{"BatchNormPerActivation",
                with_node(7, "BatchNormalization", {"x", "s", "b", "m", "v"}, [](auto n) { n.integer("spatial", 0); }), kUnsupported,
                "node 'y' (BatchNormalization, opset 7): spatial is 0; only statistics per channel are supported"},
        Refusal{"BatchNormStatistics", with_second_output(9, "BatchNormalization", {"x", "s", "b", "m", "v"}), kUnsupported,
                "node 'y' (BatchNormalization, opset 9): output 1 is used; only output 0 exists at inference"},
        Refusal{"LrnOfNoChannels", with_node(13, "LRN", {"x"}, [](auto n) { n.integer("size", 0); }), kInvalid,
                "node 'y' (LRN, opset 13): size is 0, want 1 to 2147483647"},
        Refusal{"CastToHalves", with_node(13, "Cast", {"x"}, [](auto n) { n.integer("to", Proto::FLOAT16); }), kUnsupported,
                "node 'y' (Cast, opset 13): element type float16 " + kTypes},
        Refusal{"CastToNonsense", with_node(13, "Cast", {"x"}, [](auto n) { n.integer("to", INT64_MIN); }), kUnsupported,
                "node 'y' (Cast, opset 13): element type number -1 " + kTypes},
        Refusal{"DropoutMask", with_second_output(13, "Dropout", {"x"}), kUnsupported,
                "node 'y' (Dropout, opset 13): the mask (output 1) is used; only inference is supported"},
        Refusal{"TrainingDropout",
                [] {
                  ModelBuilder builder = one_node(13, "Dropout", {"x", "", "training"});
                  builder.constant(with_int32(onnx_test::tensor("training", {}, Proto::BOOL), 1));
                  return builder;
                },
                kUnsupported, "node 'y' (Dropout, opset 13): training_mode is set; only inference is supported"},
        Refusal{"DropoutThatDecidesLater", with_node(13, "Dropout", {"x", "", "training"}), kUnsupported,
                "node 'y' (Dropout, opset 13): training_mode is computed by the network, want a constant"},
        Refusal{"DropoutOfTwoMinds",
                [] {
                  ModelBuilder builder = one_node(13, "Dropout", {"x", "", "training"});
                  builder.constant(with_raw(onnx_test::tensor("training", {2}, Proto::BOOL), std::string(2, '\0')));
                  return builder;
                },
                kInvalid, "node 'y' (Dropout, opset 13): training_mode has shape [2], want a scalar"},
        Refusal{"ReduceOfUnknownAxesOrNone",
                with_node(18, "ReduceMean", {"x", "axes"}, [](auto n) { n.integer("noop_with_empty_axes", 1); }), kUnsupported,
                "node 'y' (ReduceMean, opset 18): axes are computed by the network and noop_with_empty_axes is set; want constant "
                "axes"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Moves, Refused,
    ::testing::Values(
        Refusal{"SliceOfUnequalLists",
                with_node(9, "Slice", {"x"},
                          [](auto n) {
                            n.integers("starts", {0, 1}).integers("ends", {2});
                          }),
                kInvalid, "node 'y' (Slice, opset 9): starts has 2 entries and ends 1, want equal"},
        Refusal{"SliceOfTooManyAxes",
                with_node(9, "Slice", {"x"},
                          [](auto n) {
                            n.integers("starts", {0}).integers("ends", {2}).integers("axes", {0, 1});
                          }),
                kInvalid, "node 'y' (Slice, opset 9): axes has 2 entries, want 1 as starts"},
        Refusal{"SplitIntoMoreThanOutputs", with_integers(11, "Split", {"x"}, "split", {1, 1}), kInvalid,
                "node 'y' (Split, opset 11): 2 parts, but 1 outputs"},
        Refusal{"SplitConstantOfAnotherLength",
                [] {
                  ModelBuilder builder = one_node(13, "Split", {"x", "s"});
                  builder.constant(int_tensor("s", {3}, {1, 1, 1}));
                  return builder;
                },
                kInvalid, "node 'y' (Split, opset 13): 3 parts, but 1 outputs"},
        Refusal{"SplitCountOfAnotherNumber", with_node(18, "Split", {"x"}, [](auto n) { n.integer("num_outputs", 3); }), kInvalid,
                "node 'y' (Split, opset 18): 3 parts, but 1 outputs"},
        Refusal{"SplitTwice", with_node(18, "Split", {"x", "s"}, [](auto n) { n.integer("num_outputs", 1); }), kInvalid,
                "node 'y' (Split, opset 18): both split and num_outputs are given, want one of them"},
        Refusal{"PadWrap", with_node(13, "Pad", {"x", "p"}, [](auto n) { n.text("mode", "wrap"); }), kUnsupported,
                "node 'y' (Pad, opset 13): mode is 'wrap', want constant, reflect or edge"},
        Refusal{"PadOfThree", with_integers(7, "Pad", {"x"}, "pads", {1, 2, 3}), kInvalid,
                "node 'y' (Pad, opset 7): pads has 3 entries, want two for each axis"},
        Refusal{"PadOfSomeAxes", with_node(18, "Pad", {"x", "p", "", "axes"}), kUnsupported,
                "node 'y' (Pad, opset 18): axes (input 3) are given; only pads of all axes are supported"},
        Refusal{"CubicResize", with_node(13, "Resize", {"x", "", "s"}, [](auto n) { n.text("mode", "cubic"); }), kUnsupported,
                "node 'y' (Resize, opset 13): mode is 'cubic', want nearest or linear"},
        Refusal{"CropAndResize",
                with_node(13, "Resize", {"x", "", "s"}, [](auto n) { n.text("coordinate_transformation_mode", "tf_crop_and_resize"); }),
                kUnsupported,
                "node 'y' (Resize, opset 13): coordinate_transformation_mode is 'tf_crop_and_resize', want half_pixel, "
                "pytorch_half_pixel, asymmetric or align_corners"},
        Refusal{"ResizeRounding", with_node(13, "Resize", {"x", "", "s"}, [](auto n) { n.text("nearest_mode", "up"); }), kUnsupported,
                "node 'y' (Resize, opset 13): nearest_mode is 'up', want round_prefer_floor, round_prefer_ceil, floor or ceil"},
        Refusal{"ResizeAntialias", with_node(18, "Resize", {"x", "", "s"}, [](auto n) { n.integer("antialias", 1); }), kUnsupported,
                "node 'y' (Resize, opset 18): antialias is set, which is not supported"},
        Refusal{"ResizeAxes", with_integers(18, "Resize", {"x", "", "s"}, "axes", {2, 3}), kUnsupported,
                "node 'y' (Resize, opset 18): axes are given; only extents of all axes are supported"},
        Refusal{"ResizePolicy", with_node(18, "Resize", {"x", "", "s"}, [](auto n) { n.text("keep_aspect_ratio_policy", "not_larger"); }),
                kUnsupported, "node 'y' (Resize, opset 18): keep_aspect_ratio_policy is 'not_larger', want stretch"},
        Refusal{"ResizeToNothing", with_node(13, "Resize", {"x"}), kInvalid,
                "node 'y' (Resize, opset 13): none of scales and sizes are given, want one of them"},
        Refusal{"ResizeTwice", with_node(13, "Resize", {"x", "", "s", "t"}), kInvalid,
                "node 'y' (Resize, opset 13): both of scales and sizes are given, want one of them"},
        Refusal{"ConstantOfShapeOfTwoValues",
                with_node(13, "ConstantOfShape", {"x"},
                          [](auto n) {
                            n.tensor("value", float_tensor("", {2}, {1, 2}));
                          }),
                kInvalid, "node 'y' (ConstantOfShape, opset 13): value has shape [2], want one element"},
        Refusal{"ConstantWithoutValue", with_node(13, "Constant", {}), kInvalid,
                "node 'y' (Constant, opset 13): 0 values are given, want one"},
        Refusal{"ConstantWithTwoValues", with_node(13, "Constant", {}, [](auto n) { n.integer("value_int", 1).number("value_float", 1); }),
                kInvalid, "node 'y' (Constant, opset 13): 2 values are given, want one"},
        Refusal{"ConstantText", with_node(13, "Constant", {}, [](auto n) { n.text("value_string", "a"); }), kUnsupported,
                "node 'y' (Constant, opset 13): the value is text, which is not supported"},
        Refusal{"ConstantOfHalves",
                with_node(13, "Constant", {}, [](auto n) { n.tensor("value", onnx_test::tensor("", {1}, Proto::FLOAT16)); }), kUnsupported,
                "node 'y' (Constant, opset 13): attribute 'value': element type float16 " + kTypes},
        Refusal{"SparseConstant", with_node(13, "Constant", {}, [](auto n) { n.attribute("sparse_value", Attribute::SPARSE_TENSOR); }),
                kUnsupported, "node 'y' (Constant, opset 13): attribute 'sparse_value': is a sparse tensor, which is not supported"}),
    name_of);

}  // namespace
}  // namespace gatefold
