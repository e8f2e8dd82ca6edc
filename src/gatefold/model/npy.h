// Arrays in numpy's .npy format: a magic string, a version, a small header and the bytes of the array.
//
//     "\x93NUMPY" major minor  header length (u16 in version 1, u32 in 2 and 3, little endian)
//     {'descr': '<f4', 'fortran_order': False, 'shape': (1, 49, 10, 1), }  blanks and a newline
//     the elements, row-major
//
// Read are little-endian arrays in C order of the element types that networks use; anything else is refused by name.
// Sizes are checked against the bytes that are there before anything is allocated.
// Based on: the format's description in numpy.lib.format.
#pragma once

#include <span>

#include "gatefold/base/result.h"
#include "gatefold/model/tensor.h"

namespace gatefold {

/// The array in a whole .npy file. Errors: kInvalidInput (broken, cut off, trailing bytes), kUnsupported (another byte
/// order, Fortran order, an element type or rank outside the model room).
[[nodiscard]] Result<Tensor> parse_npy(std::span<const std::byte> bytes);

}  // namespace gatefold
