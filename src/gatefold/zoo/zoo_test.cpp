// Names of the zoo, and the builder that draws its layers.
#include "gatefold/zoo/zoo.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gatefold/zoo/network_builder.h"

namespace gatefold {
namespace {

TEST(Zoo, AnUnknownNameIsRefusedWithTheNearest) {
  const auto model = zoo_model("resnet50-244");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(model.error().message,
            "the zoo has no network 'resnet50-244', did you mean 'resnet50-224'? Networks: ds-cnn, resnet8, mobilenet-v1-025-96, face-320, "
            "toycar-ae, mobilenet-v2-224, resnet50-224");
  EXPECT_EQ(zoo_model("vgg").error().message.substr(0, 41), "the zoo has no network 'vgg'. Networks: d");
}

TEST(Zoo, APrefixAsksForANetworkOfTheZoo) {
  EXPECT_EQ(zoo_name("zoo:ds-cnn"), "ds-cnn");
  EXPECT_EQ(zoo_name("zoo:"), "");
  EXPECT_EQ(zoo_name("ds-cnn"), std::nullopt);
  EXPECT_EQ(zoo_name("zoo/ds-cnn.onnx"), std::nullopt);
}

TEST(Zoo, EveryModelHoldsWhatVerifyAsksFor) {
  for (const ZooNetwork& network : zoo_networks()) {
    const auto model = zoo_model(network.name);
    ASSERT_TRUE(model);
    EXPECT_EQ(model.value().name, network.name);
    const Status status = verify(model.value());
    EXPECT_TRUE(status) << status.error().message;
  }
}

// By hand: the mean of max(0, x) for a standard normal x is 1 / sqrt(2 pi) = 0.3989, its variance 1/2 - 1/(2 pi) = 0.3408. The
// builder adds a mean from -0.35 to 0.65, between which both moments only grow.
TEST(NetworkBuilder, CarriesTheMomentsOfARectifiedNormal) {
  zoo::NetworkBuilder net("moments", 5, zoo::Padding::kSame);
  const zoo::Feature input = net.input(Shape{1, 16});
  EXPECT_NEAR(input.channels.at(0).variance, 1.0 / 3, 1e-4);
  const zoo::Feature sum = net.dense("sum", input, 400, zoo::Activation::kNone);
  const zoo::Feature y = net.dense("y", sum, 400, zoo::Activation::kRelu);
  double low = 9, high = 0;
  for (const zoo::Moments& channel : sum.channels) {
    EXPECT_EQ(channel.variance, 1);
    low = std::min(low, channel.mean);
    high = std::max(high, channel.mean);
  }
  EXPECT_NEAR(low, -0.35, 0.02);
  EXPECT_NEAR(high, 0.65, 0.02);
  low = 9, high = 0;
  for (const zoo::Moments& channel : y.channels) {
    low = std::min(low, channel.mean);
    high = std::max(high, channel.mean);
  }
  EXPECT_NEAR(low, 0.248, 0.01);   // phi(0.35) - 0.35 Phi(-0.35)
  EXPECT_NEAR(high, 0.805, 0.01);  // phi(0.65) + 0.65 Phi(0.65)
}

TEST(NetworkBuilder, PaddingSplitsAsTheSourceDoes) {
  const auto pads = [](zoo::Padding padding) {
    zoo::NetworkBuilder net("pads", 1, padding);
    net.output(net.conv("conv", net.input(Shape{1, 3, 224, 224}), {.oc = 8, .kernel = {3, 3}, .stride = 2}));
    const Model model = std::move(net).finish();
    for (const Node& node : model.nodes) {
      if (const auto* conv = std::get_if<Conv>(&node.op)) return conv->window.pads;
    }
    return std::array<std::int64_t, 4>{};
  };
  EXPECT_EQ(pads(zoo::Padding::kSame), (std::array<std::int64_t, 4>{0, 0, 1, 1}));
  EXPECT_EQ(pads(zoo::Padding::kSymmetric), (std::array<std::int64_t, 4>{1, 1, 1, 1}));
}

}  // namespace
}  // namespace gatefold
