// Device files edited by chance, which may be anything: a device, or errors that say where.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "gatefold/device/shipped.h"
#include "gatefold/device/spec.h"

namespace gatefold {
namespace {

/// A random edit of one to four places: bytes replaced, spans deleted, doubled or swapped with another place.
std::string mutated(std::string_view original, std::mt19937& random) {
  constexpr std::string_view kBytes = " \n\t:{}[],&*!|>'\"%#?-.0123456789eEkMGWJBapc/\x01\xff";
  std::string text(original);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (std::size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = below(text.size());
    const std::size_t size = std::min<std::size_t>(1 + below(40), text.size() - at);
    switch (below(5)) {
      case 0: text[at] = kBytes[below(kBytes.size())]; break;
      case 1: text.erase(at, size); break;
      case 2: text.insert(at, text.substr(at, size)); break;
      case 3: text.insert(at, 1, kBytes[below(kBytes.size())]); break;
      default: std::swap(text[at], text[below(text.size())]); break;
    }
  }
  return text;
}

TEST(DeviceFile, FiveHundredMutationsOfShippedFilesGiveADeviceOrLocatedErrors) {
  int refused = 0;
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    const std::string text = mutated(shipped_devices()[seed % shipped_devices().size()].yaml, random);
    const auto spec = parse_device(text, "f");
    if (spec) {
      EXPECT_GT(spec.value().clock_hz, 0) << seed;
      EXPECT_GE(spec.value().bank.on, spec.value().bank.off) << seed;
      continue;
    }
    ++refused;
    EXPECT_EQ(spec.error().code, ErrorCode::kInvalidInput) << seed;
    EXPECT_EQ(spec.error().message.rfind("f:", 0), 0U) << seed << ": " << spec.error().message;
  }
  // Many edits land in comments and sources and are harmless; most are not.
  EXPECT_GT(refused, 200);
  EXPECT_LT(refused, 500);
}

}  // namespace
}  // namespace gatefold
