// Per-thread buffers that grow and are kept: what a kernel needs while it runs, without an allocation per run.
#pragma once

#include <array>
#include <cstddef>

#include "gatefold/model/tensor.h"

namespace gatefold {

/// One buffer per purpose: purposes that are alive at the same time must differ.
enum class ScratchUse : std::uint8_t { kInput, kPrepared, kPacked, kProduct, kLibrary, kOperand, kResult, kCount };

/// At least `size` bytes, aligned to 64, uninitialised. Valid on this thread until the next call with the same use.
[[nodiscard]] inline std::byte* scratch(ScratchUse use, std::size_t size) {
  thread_local std::array<Buffer, static_cast<std::size_t>(ScratchUse::kCount)> buffers;
  Buffer& buffer = buffers.at(static_cast<std::size_t>(use));
  if (buffer.data() == nullptr || buffer.size() < size) buffer = Buffer(size);
  return buffer.data();
}

template <class T>
[[nodiscard]] T* scratch_of(ScratchUse use, std::int64_t count) {
  return reinterpret_cast<T*>(scratch(use, static_cast<std::size_t>(count) * sizeof(T)));
}

}  // namespace gatefold
