#include "gatefold/model/byte_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace gatefold {
namespace {

TEST(BytePool, PartsAreAlignedDisjointAndOutliveThePool) {
  std::vector<std::shared_ptr<std::byte>> parts;
  const std::vector<std::size_t> sizes{1, 64, 0, 65, 100'000, 3, std::size_t{3} << 20, 7};
  {
    BytePool pool(4096);  // far too little: more blocks
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      parts.push_back(pool.take(sizes[i]));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(parts.back().get()) % 64, 0U);
      std::memset(parts.back().get(), static_cast<int>(i), sizes[i]);
    }
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    for (std::size_t at = 0; at < sizes[i]; ++at) ASSERT_EQ(parts[i].get()[at], static_cast<std::byte>(i)) << "part " << i << " at " << at;
  }
}

TEST(BytePool, ATensorSharesItsPart) {
  BytePool pool(64);
  const std::shared_ptr<std::byte> bytes = pool.take(8);
  const std::array<float, 2> values{1.5F, -2};
  std::memcpy(bytes.get(), values.data(), 8);
  const Tensor tensor(ElementType::kFloat32, Shape{2}, bytes);
  EXPECT_EQ(tensor.view().bytes, bytes.get());
  EXPECT_EQ(tensor.number_at(1), -2);
}

TEST(Buffer, LargePagesHoldWhatWasAskedFor) {
  for (const std::size_t size : {std::size_t{100}, std::size_t{300'000}, (std::size_t{2} << 20) + 5, std::size_t{5} << 20}) {
    Buffer buffer = Buffer::of_large_pages(size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    std::memset(buffer.data(), 1, size);
    const Buffer moved = std::move(buffer);
    EXPECT_EQ(moved.data()[size - 1], std::byte{1});
  }
}

}  // namespace
}  // namespace gatefold
