// Real networks come through whole, and damaged ones are answered, never obeyed.
//
// Needs the folder of development data beside the repository; without it those tests are skipped, loudly.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "onnx/model_builder.h"

namespace gatefold {
namespace {

const std::filesystem::path kData = std::filesystem::path(GATEFOLD_SOURCE_DIR) / ".." / "shared" / "data";

#define GATEFOLD_NEED_DATA() \
  if (!std::filesystem::exists(kData)) GTEST_SKIP() << "SKIPPED: no development data at " << kData

/// Counts as the file's own nodes give them: constants are no nodes, a sum of k values is k - 1 nodes.
struct Network {
  const char* path;
  std::int64_t opset;
  std::size_t nodes, inputs, outputs;
};

constexpr Network kNetworks[] = {
    {"models/mlperf_tiny_dscnn_kws_fp32/model.onnx", 13, 24, 1, 1},
    {"models/mlperf_tiny_dscnn_kws_int8_qdq/model.onnx", 13, 68, 1, 1},
    {"models/mlperf_tiny_resnet8_cifar10_fp32/model.onnx", 13, 25, 1, 1},
    {"models/mlperf_tiny_resnet8_cifar10_int8_qdq/model.onnx", 13, 78, 1, 1},
    {"models/mlperf_tiny_autoencoder_toycar_fp32/model.onnx", 13, 20, 1, 1},
    {"models/mlperf_tiny_autoencoder_toycar_int8_qdq/model.onnx", 13, 60, 1, 1},
    {"models/mlperf_tiny_mobilenetv1_vww96_fp32/model.onnx", 13, 60, 1, 1},
    {"models/mlperf_tiny_mobilenetv1_vww96_int8_qdq/model.onnx", 13, 176, 1, 1},
    {"models/imagenet_mobilenetv2_qdq_int8/model.onnx", 11, 724, 1, 1},
    {"models/mnist_cntk_opset8/model.onnx", 8, 12, 1, 1},
    {"models/mnist_cnn_pytorch_opset16/model.onnx", 16, 13, 1, 1},
    {"models/fastestdet_coco_352/model.onnx", 11, 211, 1, 1},
    {"models/ultraface_rfb_320/model.onnx", 9, 211, 1, 2},
    {"models/yunet_n_320/model.onnx", 11, 115, 1, 12},
    {"models/espcn_bsd300_resize/model.onnx", 11, 10, 1, 1},
    {"conformance/onnx-1.23-light/light_bvlc_alexnet.onnx", 9, 40, 1, 1},
    {"conformance/onnx-1.23-light/light_inception_v1.onnx", 9, 237, 1, 1},
    {"conformance/onnx-1.23-light/light_resnet50.onnx", 9, 415, 1, 1},
    {"conformance/onnx-1.23-light/light_shufflenet.onnx", 9, 446, 1, 1},
    {"conformance/onnx-1.23-light/light_squeezenet.onnx", 9, 105, 1, 1},
    {"conformance/onnx-1.23-light/light_vgg19.onnx", 9, 82, 1, 1},
};

TEST(Networks, AreImportedWhole) {
  GATEFOLD_NEED_DATA();
  for (const Network& network : kNetworks) {
    const auto model = read_onnx(kData / network.path);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model.value().opset, network.opset) << network.path;
    EXPECT_EQ(model.value().nodes.size(), network.nodes) << network.path;
    EXPECT_EQ(model.value().inputs.size(), network.inputs) << network.path;
    EXPECT_EQ(model.value().outputs.size(), network.outputs) << network.path;
  }
}

TEST(Networks, StoredInputsFitTheDeclaredOnes) {
  GATEFOLD_NEED_DATA();
  for (const Network& network : kNetworks) {
    const std::filesystem::path path = kData / network.path;
    const std::filesystem::path stored = path.parent_path() / "test_data_set_0" / "input_0.pb";
    if (!std::string_view(network.path).starts_with("models/")) continue;
    const auto model = read_onnx(path);
    ASSERT_TRUE(model) << model.error().message;
    const auto tensor = read_tensor_proto(stored);
    ASSERT_TRUE(tensor) << tensor.error().message;
    const Input& input = model.value().inputs.at(0);
    EXPECT_EQ(tensor.value().tensor.type(), input.type) << network.path;
    ASSERT_EQ(static_cast<std::size_t>(tensor.value().tensor.shape().rank()), input.shape.size()) << network.path;
    for (std::size_t axis = 0; axis < input.shape.size(); ++axis) {
      if (!input.shape[axis].symbol.empty()) continue;
      EXPECT_EQ(tensor.value().tensor.shape()[static_cast<int>(axis)], input.shape[axis].count) << network.path;
    }
  }
}

TEST(Networks, WithOperatorsOutsideTheModelAreRefusedByName) {
  GATEFOLD_NEED_DATA();
  const std::pair<const char*, const char*> refusals[] = {
      {"mlperf_tiny_dscnn_kws_int8_qlinear", "domain 'com.microsoft' is not supported"},
      {"mlperf_tiny_dscnn_kws_fp16", "element type float16 is not supported"},
      {"dtln_stage1_lstm", "(LSTM, opset 11): the operator is not supported"},
      {"silero_vad_16k_if_opset15", "is a subgraph, which is not supported"},
      {"llm_stories260k_prefill", "(Tile, opset 13): the operator is not supported"},
  };
  for (const auto& [folder, reason] : refusals) {
    const auto model = read_onnx(kData / "models" / folder / "model.onnx");
    ASSERT_FALSE(model) << folder;
    EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(model.error().message.find(reason), std::string::npos) << model.error().message;
  }
}

/// Peak of the memory in use, in bytes.
std::int64_t memory_peak() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

/// One to four flips, cuts, insertions, deletions or repetitions.
std::string mutated(std::string bytes, std::mt19937_64& random) {
  const auto below = [&random](std::size_t end) { return static_cast<std::size_t>(random() % std::max<std::size_t>(end, 1)); };
  for (std::size_t changes = 1 + below(4); changes > 0 && !bytes.empty(); --changes) {
    const std::size_t at = below(bytes.size());
    switch (below(6)) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
      case 1: bytes[at] = static_cast<char>(below(256)); break;
      case 2: bytes.resize(at); break;
      case 3: bytes.insert(at, below(9), static_cast<char>(below(256))); break;
      case 4: bytes.erase(at, 1 + below(9)); break;
      default: bytes.insert(below(bytes.size()), bytes.substr(at, below(64))); break;
    }
  }
  return bytes;
}

/// Imports `count` damaged copies of `bytes`; each gives a valid model or a message.
void expect_no_harm(const std::string& bytes, int count) {
  std::mt19937_64 random(20);
  const std::int64_t before = memory_peak();
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    const auto model = onnx_test::ModelBuilder::import_bytes(mutated(bytes, random));
    if (model) {
      EXPECT_TRUE(verify(model.value()));
    } else {
      EXPECT_FALSE(model.error().message.empty());
      ++refused;
    }
  }
  EXPECT_GT(refused, count / 10);  // the damage reaches what the importer looks at
  EXPECT_LT(memory_peak() - before, std::int64_t{512} << 20);
}

TEST(Mutations, OfASmallNetworkDoNoHarm) { expect_no_harm(onnx_test::small_network().bytes(), 5000); }

TEST(Mutations, OfARealNetworkDoNoHarm) {
  GATEFOLD_NEED_DATA();
  std::ifstream stream(kData / "models/mlperf_tiny_dscnn_kws_int8_qdq/model.onnx", std::ios::binary);
  expect_no_harm(std::string(std::istreambuf_iterator<char>(stream), {}), 1000);
}

}  // namespace
}  // namespace gatefold
