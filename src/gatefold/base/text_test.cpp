#include "gatefold/base/text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace gatefold {
namespace {

namespace fs = std::filesystem;

void expect_measure(std::string_view text, std::int64_t digits, int exponent, std::string_view unit) {
  const auto measure = parse_measure(text);
  ASSERT_TRUE(measure) << text << ": " << measure.error().message;
  EXPECT_EQ(measure.value().digits, digits) << text;
  EXPECT_EQ(measure.value().exponent, exponent) << text;
  EXPECT_EQ(measure.value().unit, unit) << text;
}

TEST(ParseMeasure, KeepsTheDecimalDigitsExactly) {
  expect_measure("0.2 mW/MiB", 2, -1, "mW/MiB");
  expect_measure("33ms", 33, 0, "ms");
  expect_measure("512KiB", 512, 0, "KiB");
  expect_measure("  1.50\ts ", 150, -2, "s");
  expect_measure("-40 %", -40, 0, "%");
  expect_measure("+7", 7, 0, "");
  expect_measure("1e3", 1, 3, "");
  expect_measure("2.5E-4 W", 25, -5, "W");
  expect_measure("007", 7, 0, "");
  expect_measure("9223372036854775807 B", INT64_MAX, 0, "B");
}

TEST(ParseMeasure, AnEWithoutDigitsStartsTheUnit) {
  expect_measure("3 element", 3, 0, "element");
  expect_measure("3e", 3, 0, "e");
  expect_measure("3e/s", 3, 0, "e/s");
}

TEST(ParseMeasure, RefusesWhatIsNoNumberAndUnit) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "found '' (no digit where the number starts), wanted a decimal number and a unit"},
      {"fast", "found 'fast' (no digit where the number starts), wanted a decimal number and a unit"},
      {"nan", "found 'nan' (no digit where the number starts), wanted a decimal number and a unit"},
      {"-inf W", "found '-inf W' (no digit where the number starts), wanted a decimal number and a unit"},
      {".5 W", "found '.5 W' (no digit where the number starts), wanted a decimal number and a unit"},
      {"--5", "found '--5' (no digit where the number starts), wanted a decimal number and a unit"},
      {"5. W", "found '5. W' (no digit after the decimal point), wanted a decimal number and a unit"},
      {"1,5 W", "found '1,5 W' (a unit is letters and / % * ^), wanted a decimal number and a unit"},
      {"1 W 2", "found '1 W 2' (a unit is letters and / % * ^), wanted a decimal number and a unit"},
      {"0x10", "found '0x10' (a unit is letters and / % * ^), wanted a decimal number and a unit"},
      {"3e+x", "found '3e+x' (a unit is letters and / % * ^), wanted a decimal number and a unit"},
      {"9223372036854775808", "found '9223372036854775808' (too many digits), wanted a decimal number and a unit"},
      {"1e101", "found '1e101' (exponent too large), wanted a decimal number and a unit"},
      {"1e99999999999999999999", "found '1e99999999999999999999' (exponent too large), wanted a decimal number and a unit"},
  };
  for (const auto& [text, message] : cases) {
    const auto measure = parse_measure(text);
    ASSERT_FALSE(measure) << text;
    EXPECT_EQ(measure.error().code, ErrorCode::kInvalidInput);
    EXPECT_EQ(measure.error().message, message);
  }
  EXPECT_FALSE(parse_measure("0." + std::string(200, '0') + "1"));
}

TEST(Measure, NumberIsTheNearestDouble) {
  EXPECT_EQ(parse_measure("0.1").value().number(), 0.1);
  EXPECT_EQ(parse_measure("123.456e-30 W").value().number(), 123.456e-30);
  EXPECT_EQ(parse_measure("-2e3").value().number(), -2000.0);
}

TEST(ParseDuration, CountsPicosecondsExactly) {
  EXPECT_EQ(parse_duration_ps("33ms").value(), 33'000'000'000);
  EXPECT_EQ(parse_duration_ps("1.5 s").value(), 1'500'000'000'000);
  EXPECT_EQ(parse_duration_ps("20us").value(), 20'000'000);
  EXPECT_EQ(parse_duration_ps("100ns").value(), 100'000);
  EXPECT_EQ(parse_duration_ps("0.001 ns").value(), 1);
  EXPECT_EQ(parse_duration_ps("7 ps").value(), 7);
  EXPECT_EQ(parse_duration_ps("0 s").value(), 0);
  EXPECT_EQ(parse_duration_ps("1.500e3 ms").value(), 1'500'000'000'000);
  EXPECT_EQ(parse_duration_ps("1e6 s").value(), 1'000'000'000'000'000'000);
  EXPECT_EQ(parse_duration_ps("1000000.000000 s").value(), 1'000'000'000'000'000'000);
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  const std::pair<const char*, const char*> cases[] = {
      {"33", "no unit"},
      {"33 mV", "unknown unit"},
      {"-1 ms", "negative"},
      {"soon", "not a number and a unit"},
      {"0.0001 ns", "finer than 1 ps"},
      {"1000001 s", "longer than 10^6 s"},
      {"1e90 s", "longer than 10^6 s"},
      {"1.5e-12 s", "finer than 1 ps"},
      {"9223372036854775807 ps", "longer than 10^6 s"},
  };
  for (const auto& [text, why] : cases) {
    const auto duration = parse_duration_ps(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().message,
              std::string("found '") + text + "' (" + why + "), wanted a duration such as 33ms, 1.5 s, 20us, 100ns");
  }
}

TEST(Nearest, FindsMisspellingsAndNothingElse) {
  const std::vector<std::string> names = {"edge-nnic", "edge-16", "mobile-npu", "server-v5p"};
  EXPECT_EQ(nearest("edge-nic", names), "edge-nnic");
  EXPECT_EQ(nearest("edge-nnci", names), "edge-nnic");
  EXPECT_EQ(nearest("server", names), std::nullopt);  // 4 letters away, 2 allowed
  EXPECT_EQ(nearest("serverv5p", names), "server-v5p");
  EXPECT_EQ(nearest("gpu", names), std::nullopt);
  EXPECT_EQ(nearest("", names), std::nullopt);
  EXPECT_EQ(nearest("on", std::vector<std::string>{"off", "om"}), "om");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), names), std::nullopt);
}

TEST(Nearest, TakesTheFirstOfEquallyNearOnes) { EXPECT_EQ(nearest("bat", std::vector<std::string>{"cat", "bar"}), "cat"); }

// The example values that NIST publishes with FIPS 180-4, and the lengths around the padding's edges.
TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PadsAtEveryBlockEdge) {
  EXPECT_EQ(sha256(std::string(55, 'a')), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  EXPECT_EQ(sha256(std::string(56, 'a')), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  EXPECT_EQ(sha256(std::string(63, 'a')), "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34");
  EXPECT_EQ(sha256(std::string(64, 'a')), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

class Files : public testing::Test {
 protected:
  Files() { fs::create_directories(folder_); }
  ~Files() override { fs::remove_all(folder_); }

  [[nodiscard]] std::ptrdiff_t file_count() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }

  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("gatefold-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
};

TEST_F(Files, WhatIsWrittenIsReadBackWithNothingLeftBeside) {
  const std::string bytes("a\0b\r\n\xff", 6);
  ASSERT_TRUE(write_file(folder_ / "f", "old and longer"));
  ASSERT_TRUE(write_file(folder_ / "f", bytes));
  EXPECT_EQ(read_file(folder_ / "f", 6).value(), bytes);
  ASSERT_TRUE(write_file(folder_ / "empty", ""));
  EXPECT_EQ(read_file(folder_ / "empty", 0).value(), "");
  EXPECT_EQ(file_count(), 2);
}

TEST_F(Files, WritingThroughALinkKeepsTheLinkAndThePermissions) {
  ASSERT_TRUE(write_file(folder_ / "f", "old"));
  fs::permissions(folder_ / "f", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("f", folder_ / "link");
  ASSERT_TRUE(write_file(folder_ / "link", "new"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "f", 10).value(), "new");
  EXPECT_EQ(fs::status(folder_ / "f").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Files, ConcurrentWritersLeaveOneWholeFile) {
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'e'; ++c) {
    writers.emplace_back([this, c] { ASSERT_TRUE(write_file(folder_ / "f", std::string(10'000, c))); });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string bytes = read_file(folder_ / "f", 10'000).value();
  EXPECT_EQ(bytes, std::string(10'000, bytes[0]));
  EXPECT_EQ(file_count(), 1);
}

TEST_F(Files, RefusalsNameThePathAndTheReason) {
  const auto missing = read_file(folder_ / "missing", 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  EXPECT_EQ(missing.error().message, (folder_ / "missing").string() + ": cannot read: No such file or directory");

  const auto folder = read_file(folder_, 10);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kIo);
  EXPECT_EQ(folder.error().message, folder_.string() + ": found a folder or a special file, wanted a regular file");

  ASSERT_TRUE(write_file(folder_ / "f", "12345"));
  const auto large = read_file(folder_ / "f", 4);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(large.error().message, (folder_ / "f").string() + ": found 5 bytes, wanted at most 4");

  const auto nowhere = write_file(folder_ / "no" / "f", "x");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::kIo);
  EXPECT_EQ(nowhere.error().message, (folder_ / "no" / "f").string() + ": cannot write: No such file or directory");
  EXPECT_FALSE(write_file("/dev/null", "x"));
  EXPECT_FALSE(write_file(folder_, "x"));
  EXPECT_EQ(file_count(), 1);
}

}  // namespace
}  // namespace gatefold
