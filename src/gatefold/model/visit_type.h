// From an element type at run time to a C++ type: visit_type(type, [&](auto zero) { using T = decltype(zero); .. }).
#pragma once

#include <cstdint>

#include "gatefold/model/tensor.h"

namespace gatefold {

template <class Visit>
auto visit_type(ElementType type, Visit visit) {
  switch (type) {
    case ElementType::kFloat32: return visit(float{});
    case ElementType::kFloat64: return visit(double{});
    case ElementType::kInt8: return visit(std::int8_t{});
    case ElementType::kUInt8: return visit(std::uint8_t{});
    case ElementType::kInt16: return visit(std::int16_t{});
    case ElementType::kUInt16: return visit(std::uint16_t{});
    case ElementType::kInt32: return visit(std::int32_t{});
    case ElementType::kInt64: return visit(std::int64_t{});
    case ElementType::kBool: return visit(bool{});
  }
  GATEFOLD_REQUIRE(false);
}

}  // namespace gatefold
