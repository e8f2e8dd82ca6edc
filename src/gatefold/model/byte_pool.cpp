// Blocks that are smaller than a large page share one, whichever pool they belong to: the weights of a small network as read,
// as folded and as packed would otherwise take a page each and leave most of it empty.
//
// Still smaller blocks lie in pages of 4 KiB. Those are asked for some at a time, just ahead of what is taken: one call for
// what would be as many faults.
#include "gatefold/model/byte_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <mutex>

namespace gatefold {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kLargePage = std::size_t{2} << 20;
constexpr std::size_t kBlockMin = std::size_t{16} << 10;    // a few small tensors after more was taken than expected
constexpr std::size_t kSharedMin = std::size_t{512} << 10;  // less costs a network more memory than it saves time: the heap has it
constexpr std::size_t kBlockMax = std::size_t{256} << 20;   // addresses kept for a wrong expectation
constexpr std::size_t kAhead = std::size_t{64} << 10;       // 16 pages a call; at most so much is made ready and not taken
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kApart = true;  // so that reading beyond one tensor is not reading another
#elif defined(__has_feature)
constexpr bool kApart = __has_feature(address_sanitizer);
#else
constexpr bool kApart = false;
#endif

std::shared_ptr<std::byte> part_of_buffer(const std::shared_ptr<Buffer>& buffer, std::size_t offset) {
  return {buffer, buffer->data() + offset};
}

/// A page that pools of all threads take blocks from, one after the other; it lives as long as any of its bytes is held.
class SharedPage {
 public:
  std::shared_ptr<std::byte> take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Buffer> page = page_.lock();
    if (page == nullptr || kLargePage - used_ < size) {
      page = std::make_shared<Buffer>(Buffer::of_large_pages(kLargePage));
      page_ = page;
      used_ = 0;
    }
    const std::size_t offset = used_;
    used_ += size;
    return part_of_buffer(page, offset);
  }

 private:
  std::mutex mutex_;
  std::weak_ptr<Buffer> page_;
  std::size_t used_ = 0;
};

std::shared_ptr<std::byte> block_of(std::size_t size) {
  static SharedPage shared;
  if (size >= kSharedMin && size < kLargePage) return shared.take(size);
  return part_of_buffer(std::make_shared<Buffer>(Buffer::of_large_pages(size)), 0);
}

/// Makes the pages of [begin, end) ready to be written; a system that cannot does so when they are touched.
void make_ready(std::byte* begin, std::byte* end) {
#ifdef MADV_POPULATE_WRITE
  constexpr std::uintptr_t kPage = 4096;  // where pages are larger the advice may be refused: the same as without
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(begin) / kPage * kPage;
  ::madvise(reinterpret_cast<void*>(first), reinterpret_cast<std::uintptr_t>(end) - first, MADV_POPULATE_WRITE);
#else
  static_cast<void>(begin);
  static_cast<void>(end);
#endif
}

}  // namespace

std::shared_ptr<std::byte> BytePool::take(std::size_t size) {
  if (kApart) return part_of_buffer(std::make_shared<Buffer>(size), 0);
  const std::size_t whole = (size + kLine - 1) / kLine * kLine;
  if (block_ == nullptr || left_ < whole) {
    const std::size_t wanted = std::max({whole, kBlockMin, std::min(expected_, kBlockMax)});
    left_ = (wanted + kLine - 1) / kLine * kLine;
    block_ = block_of(left_);
    used_ = 0;
    ready_ = left_ < kAhead || left_ >= kSharedMin ? left_ : 0;  // little is likely to be warm; of large pages there are few
  }
  if (ready_ < used_ + whole) {
    const std::size_t end = std::min(used_ + left_, std::max(used_ + whole, ready_ + kAhead));
    make_ready(block_.get() + ready_, block_.get() + end);
    ready_ = end;
  }
  std::shared_ptr<std::byte> part(block_, block_.get() + used_);
  used_ += whole;
  left_ -= whole;
  expected_ -= std::min(expected_, whole);
  return part;
}

}  // namespace gatefold
