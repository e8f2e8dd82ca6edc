#include "gatefold/model/byte_pool.h"

#include <algorithm>

namespace gatefold {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kBlockMin = std::size_t{16} << 10;   // a few small tensors after more was taken than expected
constexpr std::size_t kBlockMax = std::size_t{256} << 20;  // addresses kept for a wrong expectation
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kApart = true;  // so that reading beyond one tensor is not reading another
#elif defined(__has_feature)
constexpr bool kApart = __has_feature(address_sanitizer);
#else
constexpr bool kApart = false;
#endif

}  // namespace

std::shared_ptr<std::byte> BytePool::take(std::size_t size) {
  const auto part = [](const std::shared_ptr<Buffer>& block, std::size_t offset) {
    return std::shared_ptr<std::byte>(block, block->data() + offset);
  };
  if (kApart) return part(std::make_shared<Buffer>(size), 0);
  const std::size_t whole = (size + kLine - 1) / kLine * kLine;
  if (block_ == nullptr || block_->size() - used_ < whole) {
    block_ = std::make_shared<Buffer>(Buffer::of_large_pages(std::max({whole, kBlockMin, std::min(expected_, kBlockMax)})));
    used_ = 0;
  }
  const std::size_t offset = used_;
  used_ += whole;
  expected_ -= std::min(expected_, whole);
  return part(block_, offset);
}

}  // namespace gatefold
