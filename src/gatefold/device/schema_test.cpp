#include "gatefold/device/schema.h"

#include <gtest/gtest.h>

#include <string>

#include "gatefold/base/text.h"
#include "gatefold/device/exact.h"

namespace gatefold {
namespace {

TEST(Schema, EveryKeyIsInTheManualAndEveryKeyOfTheManualInTheSchema) {
  const std::string manual = read_file(GATEFOLD_SOURCE_DIR "/docs/devices.md", 1 << 20).value();
  std::size_t row_count = 0;
  for (const SchemaRow& row : device_schema()) {
    EXPECT_NE(manual.find("\n| `" + std::string(row.key) + "` |"), std::string::npos) << row.key;
    ++row_count;
  }
  const std::size_t first = manual.find("\n## Keys");
  const std::size_t end = manual.find("\n## The shipped devices");
  ASSERT_LT(first, end);
  std::size_t described = 0;
  for (std::size_t at = manual.find("\n| `", first); at < end; at = manual.find("\n| `", at + 1)) ++described;
  EXPECT_EQ(described, row_count);
}

TEST(Schema, EveryRangeAndAlternativeOfTheTableIsSound) {
  for (const SchemaRow& row : device_schema()) {
    for (const std::string_view bound : {row.least, row.most}) {
      EXPECT_TRUE(bound.empty() || parse_base_number(bound, row)) << row.key << " " << bound;
    }
    EXPECT_EQ(row.form == Form::kWord, !row.words.empty()) << row.key;
    EXPECT_EQ(row.form == Form::kNumber || row.form == Form::kInteger, row.units != 0) << row.key;
    EXPECT_EQ(row.presence == Presence::kOneOf, !row.other.empty()) << row.key;
  }
}

TEST(BaseNumber, UnitsScaleExactly) {
  const SchemaRow leakage{.key = "k", .units = kPowerPerMib | kShare};
  const BaseNumber watts = parse_base_number("0.2 mW/MiB", leakage).value();
  EXPECT_EQ(watts.kind, kPowerPerMib);
  EXPECT_EQ(watts.digits, 2);
  EXPECT_EQ(watts.exponent, 14);  // 2e14 aJ/s
  const BaseNumber share = parse_base_number("25 %", leakage).value();
  EXPECT_EQ(share.kind, kShare);
  EXPECT_EQ(share.digits, 25);
  EXPECT_EQ(share.exponent, -2);
  EXPECT_EQ(parse_base_number("0 %", leakage).value().digits, 0);
  EXPECT_EQ(parse_base_number("16 KiB", {.key = "k", .units = kSize}).value().digits, 16384);
}

TEST(Exact, RoundsHalfToEven) {
  EXPECT_EQ((Exact(5) / Exact(2)).rounded(), 2);
  EXPECT_EQ((Exact(7) / Exact(2)).rounded(), 4);
  EXPECT_EQ((Exact(8) / Exact(3)).rounded(), 3);
  EXPECT_EQ((Exact(7) / Exact(3)).rounded(), 2);
  EXPECT_EQ(Exact(0).rounded(), 0);
}

TEST(Exact, CeilingIsTheLeastIntegerNotBelow) {
  EXPECT_EQ((Exact(7) / Exact(3)).ceiling(), 3);
  EXPECT_EQ((Exact(6) / Exact(3)).ceiling(), 2);
  EXPECT_EQ(Exact(0).ceiling(), 0);
}

TEST(Exact, RoundsTheWholeProductOnceAndNotItsFactors) {
  // A third of 0.03 of 50: rounding in between would give 0 or 1 * 50.
  EXPECT_EQ((Exact(50) * Exact(3, -2) / Exact(3) * Exact(1, 6)).rounded(), 500'000);
  EXPECT_EQ((Exact(1, 18) / Exact(1'700'000'000) * Exact(1'700'000'000)).rounded(), 1'000'000'000'000'000'000);
}

TEST(Exact, SaysWhenItDoesNotFit) {
  EXPECT_EQ(Exact(1, 18).rounded(), 1'000'000'000'000'000'000);
  EXPECT_EQ(Exact(11, 17).rounded(), std::nullopt);
  EXPECT_EQ(Exact(1, -60).rounded(), std::nullopt);
  EXPECT_EQ((Exact(1, -60) * Exact(1, 30)).rounded(), std::nullopt);
  EXPECT_EQ((Exact(1, 30) * Exact(1, 30) * Exact(1, -30)).rounded(), std::nullopt);
  EXPECT_EQ((Exact(1, 30) * Exact(1, -30)).rounded(), 1);
  // 2^-186: the truncated denominator would be zero.
  const Exact tiny = Exact(1) / Exact(std::int64_t{1} << 62);
  EXPECT_EQ((tiny * tiny * tiny).rounded(), std::nullopt);
  EXPECT_EQ((tiny * tiny * tiny).ceiling(), std::nullopt);
}

}  // namespace
}  // namespace gatefold
