// Which element types an operator supports: every list of types is one function here, so that an operator states it by
// the visitor it calls.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "gatefold/base/result.h"
#include "gatefold/model/visit_type.h"

namespace gatefold {

/// Errors: always kUnsupported: "Softmax: no code for int8 elements".
[[nodiscard]] inline Error no_code_for(std::string_view what, ElementType type) {
  return Error{ErrorCode::kUnsupported, fmt::format("{}: no code for {} elements", what, name(type))};
}

/// Everything that has arithmetic: all types but bool. Errors: kUnsupported for bool.
template <class Visit>
Status visit_number(std::string_view what, ElementType type, Visit visit) {
  if (type == ElementType::kBool) return no_code_for(what, type);
  return visit_type(type, [&](auto zero) -> Status {
    if constexpr (std::is_same_v<decltype(zero), bool>) return no_code_for(what, type);
    else return visit(zero);
  });
}

/// int8 and uint8. Errors: kUnsupported for any other type.
template <class Visit>
Status visit_quantised(std::string_view what, ElementType type, Visit visit) {
  if (type == ElementType::kInt8) return visit(std::int8_t{});
  if (type == ElementType::kUInt8) return visit(std::uint8_t{});
  return no_code_for(what, type);
}

/// An unsigned integer as wide as an element: what a move copies.
template <class Visit>
void visit_word(std::int64_t element_bytes, Visit visit) {
  switch (element_bytes) {
    case 1: return visit(std::uint8_t{});
    case 2: return visit(std::uint16_t{});
    case 4: return visit(std::uint32_t{});
    case 8: return visit(std::uint64_t{});
    default: GATEFOLD_REQUIRE(false);
  }
}

}  // namespace gatefold
