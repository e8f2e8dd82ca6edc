// Memory for many tensors that live together, such as the weights of a network: taken from a few blocks of large pages
// instead of one by one from the heap. A page costs a fault when it is first touched and an entry of the processor's address
// cache while it is in use; on a virtual machine either may cost as much as copying the page ten times over, and a network
// has hundreds of pages of 4 KiB where it has one of 2 MiB.
#pragma once

#include <cstddef>
#include <memory>

#include "gatefold/model/tensor.h"

namespace gatefold {

class BytePool {
 public:
  /// `expected`: bytes that will be taken in all, roughly. What is never taken costs addresses, not memory.
  explicit BytePool(std::size_t expected) : expected_(expected) {}

  /// Uninitialised bytes, aligned to a cache line (64 bytes). They outlive the pool; a block, or the page that it shares
  /// with others, lives as long as any of its bytes is held.
  [[nodiscard]] std::shared_ptr<std::byte> take(std::size_t size);

 private:
  std::size_t expected_;  ///< still to come
  std::shared_ptr<std::byte> block_;
  std::size_t used_ = 0, left_ = 0;  ///< bytes of `block_`
  std::size_t ready_ = 0;            ///< bytes of `block_` that can be written without a fault, as far as that is known
};

}  // namespace gatefold
