// Dense, type-safe indices: a LayerId cannot be used where a ClusterId is wanted.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace gatefold {

/// A 0-based index into the one table that `Tag` names.
template <class Tag>
class Id {
 public:
  constexpr explicit Id(std::int32_t index) : index_(index) {}
  constexpr explicit Id(std::size_t index) : index_(static_cast<std::int32_t>(index)) {}
  [[nodiscard]] constexpr std::int32_t index() const { return index_; }
  /// The index as a subscript.
  [[nodiscard]] constexpr std::size_t at() const { return static_cast<std::size_t>(index_); }
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  std::int32_t index_;
};

using ValueId = Id<struct ValueTag>;      ///< a value of a Model
using TensorId = Id<struct TensorTag>;    ///< an activation of a LayerGraph
using LayerId = Id<struct LayerTag>;      ///< a layer, in topological order
using ClusterId = Id<struct ClusterTag>;  ///< a cluster of a chip, left to right along the channel
using CoreId = Id<struct CoreTag>;        ///< a core of a chip, counted over all clusters
using BankId = Id<struct BankTag>;        ///< a memory bank of a chip, counted over all cores

}  // namespace gatefold

template <class Tag>
struct std::hash<gatefold::Id<Tag>> {
  std::size_t operator()(gatefold::Id<Tag> id) const noexcept { return std::hash<std::int32_t>{}(id.index()); }
};
