// Channels first <-> channels last in blocks that stay in registers: what surrounds an int8 convolution in the library's
// layout. Plain loops elsewhere than on x86-64, with the same results.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace gatefold {

/// to[c * to_stride + r] = from[r * from_stride + c] for r < rows, c < columns.
inline void transpose_plain(const std::uint8_t* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, std::uint8_t* to,
                            std::int64_t to_stride) {
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
  }
}

/// to[c * to_stride + r] += from[r * from_stride + c] - minus[c], modulo 2^32, for r < rows, c < columns.
inline void add_transposed_plain(const std::uint32_t* from, std::int64_t from_stride, const std::uint32_t* minus, std::int64_t rows,
                                 std::int64_t columns, std::uint32_t* to, std::int64_t to_stride) {
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) to[c * to_stride + r] += from[r * from_stride + c] - minus[c];
  }
}

#if defined(__x86_64__)
namespace detail {

/// Four rounds of interleaving row i with row i + 8 transpose a 16 x 16 block of bytes.
inline void transpose_16x16(const std::uint8_t* from, std::int64_t from_stride, std::uint8_t* to, std::int64_t to_stride) {
  __m128i rows[16], next[16];
  for (int i = 0; i < 16; ++i) rows[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_stride));
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 8; ++i) {
      next[2 * i] = _mm_unpacklo_epi8(rows[i], rows[i + 8]);
      next[2 * i + 1] = _mm_unpackhi_epi8(rows[i], rows[i + 8]);
    }
    for (int i = 0; i < 16; ++i) rows[i] = next[i];
  }
  for (int i = 0; i < 16; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * to_stride), rows[i]);
}

/// A 4 x 4 block of int32.
inline void add_transposed_4x4(const std::uint32_t* from, std::int64_t from_stride, const std::uint32_t* minus, std::uint32_t* to,
                               std::int64_t to_stride) {
  const __m128i offset = _mm_loadu_si128(reinterpret_cast<const __m128i*>(minus));
  __m128i rows[4];
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm_sub_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_stride)), offset);
  }
  const __m128i low01 = _mm_unpacklo_epi32(rows[0], rows[1]);
  const __m128i low23 = _mm_unpacklo_epi32(rows[2], rows[3]);
  const __m128i high01 = _mm_unpackhi_epi32(rows[0], rows[1]);
  const __m128i high23 = _mm_unpackhi_epi32(rows[2], rows[3]);
  const __m128i columns[4] = {_mm_unpacklo_epi64(low01, low23), _mm_unpackhi_epi64(low01, low23), _mm_unpacklo_epi64(high01, high23),
                              _mm_unpackhi_epi64(high01, high23)};
  for (int i = 0; i < 4; ++i) {
    auto* at = reinterpret_cast<__m128i*>(to + i * to_stride);
    _mm_storeu_si128(at, _mm_add_epi32(_mm_loadu_si128(at), columns[i]));
  }
}

}  // namespace detail
#endif

/// As transpose_plain, in blocks.
inline void transpose(const std::uint8_t* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, std::uint8_t* to,
                      std::int64_t to_stride) {
  std::int64_t whole_rows = 0;
#if defined(__x86_64__)
  constexpr std::int64_t kBlock = 16;
  whole_rows = rows / kBlock * kBlock;
  const std::int64_t whole_columns = columns / kBlock * kBlock;
  for (std::int64_t r = 0; r < whole_rows; r += kBlock) {
    for (std::int64_t c = 0; c < whole_columns; c += kBlock) {
      detail::transpose_16x16(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
    }
  }
  if (whole_rows > 0) {
    transpose_plain(from + whole_columns, from_stride, whole_rows, columns - whole_columns, to + whole_columns * to_stride, to_stride);
  }
#endif
  transpose_plain(from + whole_rows * from_stride, from_stride, rows - whole_rows, columns, to + whole_rows, to_stride);
}

/// As add_transposed_plain, in blocks.
inline void add_transposed(const std::uint32_t* from, std::int64_t from_stride, const std::uint32_t* minus, std::int64_t rows,
                           std::int64_t columns, std::uint32_t* to, std::int64_t to_stride) {
  std::int64_t whole_rows = 0;
#if defined(__x86_64__)
  whole_rows = rows / 4 * 4;
  const std::int64_t whole_columns = columns / 4 * 4;
  for (std::int64_t r = 0; r < whole_rows; r += 4) {
    for (std::int64_t c = 0; c < whole_columns; c += 4) {
      detail::add_transposed_4x4(from + r * from_stride + c, from_stride, minus + c, to + c * to_stride + r, to_stride);
    }
  }
  add_transposed_plain(from + whole_columns, from_stride, minus + whole_columns, whole_rows, columns - whole_columns,
                       to + whole_columns * to_stride, to_stride);
#endif
  add_transposed_plain(from + whole_rows * from_stride, from_stride, minus, rows - whole_rows, columns, to + whole_rows, to_stride);
}

}  // namespace gatefold
