// Seeded choices that are the same on every platform: not the distributions of the standard library, whose results are
// their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "gatefold/base/random.h"

namespace gatefold::test {

class Random : public SplitMix64 {
 public:
  using SplitMix64::SplitMix64;
  /// In [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int one_in) { return between(1, one_in) == 1; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[between(0, static_cast<std::int64_t>(values.size()) - 1)];
  }
  template <class List>
  const auto& element(const List& list) {
    return list[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(list.size()) - 1))];
  }
};

}  // namespace gatefold::test
