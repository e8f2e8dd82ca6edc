#include "gatefold/device/exact.h"

namespace gatefold {
namespace {

UInt128 greatest_common_divisor(UInt128 a, UInt128 b) {
  while (b != 0) {
    const UInt128 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

bool multiply(UInt128 a, UInt128 b, UInt128& product) { return !__builtin_mul_overflow(a, b, &product); }

/// Above the largest energy of an event that a device file may state (1 J), with room for one addition in 64 bits.
constexpr std::int64_t kResultMax = 1'000'000'000'000'000'000;

std::optional<std::int64_t> in_range(UInt128 value) {
  if (value > static_cast<UInt128>(kResultMax)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace

Exact::Exact(std::int64_t digits, int exponent) : numerator_(static_cast<UInt128>(digits)) {
  GATEFOLD_REQUIRE(digits >= 0);
  if (digits == 0) return;
  for (; exponent > 0 && fits_; --exponent) fits_ = multiply(numerator_, 10, numerator_);
  for (; exponent < 0 && fits_; ++exponent) {
    if (numerator_ % 10 == 0) numerator_ /= 10;
    else fits_ = multiply(denominator_, 10, denominator_);
  }
  if (!fits_) return;
  const UInt128 common = greatest_common_divisor(numerator_, denominator_);
  numerator_ /= common;
  denominator_ /= common;
}

Exact Exact::operator*(const Exact& other) const {
  Exact product(0);
  product.fits_ = fits_ && other.fits_;
  if (!product.fits_) return product;
  const UInt128 across = greatest_common_divisor(numerator_, other.denominator_);
  const UInt128 back = greatest_common_divisor(other.numerator_, denominator_);
  product.fits_ = multiply(numerator_ / across, other.numerator_ / back, product.numerator_) &&
                  multiply(denominator_ / back, other.denominator_ / across, product.denominator_);
  return product;
}

Exact Exact::operator/(const Exact& other) const {
  GATEFOLD_REQUIRE(!other.fits_ || other.numerator_ > 0);
  Exact inverse(0);
  inverse.numerator_ = other.denominator_;
  inverse.denominator_ = other.numerator_;
  inverse.fits_ = other.fits_;
  return *this * inverse;
}

std::optional<std::int64_t> Exact::rounded() const {
  if (!fits_) return std::nullopt;
  const UInt128 whole = numerator_ / denominator_;
  const UInt128 rest = numerator_ % denominator_;
  const UInt128 missing = denominator_ - rest;
  const bool up = rest > missing || (rest == missing && whole % 2 != 0);
  return in_range(whole + (up ? 1 : 0));
}

std::optional<std::int64_t> Exact::ceiling() const {
  if (!fits_) return std::nullopt;
  return in_range(numerator_ / denominator_ + (numerator_ % denominator_ != 0 ? 1 : 0));
}

}  // namespace gatefold
