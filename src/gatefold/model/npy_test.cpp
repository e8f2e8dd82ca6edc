// .npy files: every element type, and every way a file can be broken.
#include "gatefold/model/npy.h"

#include <gtest/gtest.h>

#include <string>

namespace gatefold {
namespace {

std::string file(const std::string& header, const std::string& data, char major = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes += major;
  bytes += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 255U);
  return bytes + header + data;
}

std::string header(const std::string& descr, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }     \n";
}

Result<Tensor> parse(const std::string& bytes) { return parse_npy(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

template <class T>
std::string data(std::initializer_list<T> values) {
  return std::string(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T));
}

template <class T>
void expect_reads(const std::string& descr) {
  const auto tensor = parse(file(header(descr, "(2, 1)"), data<T>({T(1), T(0)})));
  ASSERT_TRUE(tensor) << descr << ": " << tensor.error().message;
  EXPECT_EQ(tensor.value().type(), element_type_of<T>());
  EXPECT_EQ(tensor.value().shape(), (Shape{2, 1}));
  EXPECT_EQ(tensor.value().template values<T>()[0], T(1));
  EXPECT_EQ(tensor.value().template values<T>()[1], T(0));
}

TEST(Npy, ReadsEveryElementType) {
  expect_reads<float>("<f4");
  expect_reads<double>("<f8");
  expect_reads<std::int8_t>("|i1");
  expect_reads<std::uint8_t>("|u1");
  expect_reads<std::int16_t>("<i2");
  expect_reads<std::uint16_t>("<u2");
  expect_reads<std::int32_t>("<i4");
  expect_reads<std::int64_t>("<i8");
  expect_reads<bool>("|b1");
}

TEST(Npy, ReadsScalarsEmptyArraysAndLaterVersions) {
  EXPECT_EQ(parse(file(header("<f4", "()"), data<float>({2.5F}))).value().number_at(0), 2.5);
  EXPECT_EQ(parse(file(header("<f4", "(0, 7)"), "")).value().shape(), (Shape{0, 7}));
  EXPECT_EQ(parse(file(header("|i1", "(3,)"), "abc", 2)).value().shape(), Shape{3});
  EXPECT_EQ(parse(file(header("|i1", "(3,)"), "abc", 3)).value().integer_at(2), 'c');
}

TEST(Npy, FortranOrderOfOneLongAxisIsTheSameBytes) { EXPECT_TRUE(parse(file(header("|i1", "(3, 1)", "True"), "abc"))); }

TEST(Npy, BrokenFilesAreRefusedWithAReason) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "not an .npy file: the magic bytes '\\x93NUMPY' are missing"},
      {"\x93NUMP", "not an .npy file: the magic bytes '\\x93NUMPY' are missing"},
      {"PK\3\4 an .npz", "not an .npy file: the magic bytes '\\x93NUMPY' are missing"},
      {"\x93NUMPY", "npy header: cut off after the magic bytes"},
      {file(header("|i1", "(1,)"), "a", 4), "npy format version 4, want 1, 2 or 3"},
      {std::string("\x93NUMPY\1\0\x10", 9), "npy header: cut off before its length"},
      {std::string("\x93NUMPY\2\0\xff\xff\xff\x7f", 12), "npy header: its length is 2147483647 bytes, want at most 65536"},
      {std::string("\x93NUMPY\1\0\x10\0{", 11), "npy header: its length is 16 bytes, found 1"},
      {file("", ""), "npy header: want a dictionary in braces"},
      {file("('descr',)", ""), "npy header: want a dictionary in braces"},
      {file("{descr: 1}", ""), "npy header: want 'key': value"},
      {file("{'descr' '<f4'}", ""), "npy header: want 'key': value"},
      {file("{'descr", ""), "npy header: want 'key': value"},
      {file("{'descr': 4}", ""), "npy header: the value of 'descr' is not one that this reader knows"},
      {file("{'fortran_order': false}", ""), "npy header: the value of 'fortran_order' is not one that this reader knows"},
      {file("{'shape': 3}", ""), "npy header: the value of 'shape' is not one that this reader knows"},
      {file("{'shape': (3 4)}", ""), "npy header: the value of 'shape' is not one that this reader knows"},
      {file(header("|i1", "(-1,)"), "a"), "npy header: the value of 'shape' is not one that this reader knows"},
      {file(header("|i1", "(99999999999999999999,)"), "a"), "npy header: the value of 'shape' is not one that this reader knows"},
      {file("{'colour': 'red'}", ""), "npy header: unknown key 'colour', want descr, fortran_order and shape"},
      {file("{'descr': '<f4' 'shape': ()}", ""), "npy header: want ',' or '}' after 'descr'"},
      {file("{'descr': '<f4', 'descr': '<f8'}", ""), "npy header: key 'descr' appears twice"},
      {file("{'shape': (), 'shape': ()}", ""), "npy header: key 'shape' appears twice"},
      {file("{}", ""), "npy header: key 'descr' is missing"},
      {file("{'descr': '<f4', 'shape': ()}", ""), "npy header: key 'fortran_order' is missing"},
      {file("{'descr': '<f4', 'fortran_order': False}", ""), "npy header: key 'shape' is missing"},
      {file("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "1234"), "npy header: found text after the dictionary"},
      {file(header(">f4", "(1,)"), "1234"), "npy array of type '>f4' is big endian, want little endian"},
      {file(header("<c8", "(1,)"), "12345678"),
       "npy array of type '<c8': want float32, float64, int8, uint8, int16, uint16, int32, int64 or bool"},
      {file(header("|O", "(1,)"), "x"), "npy array of type '|O': want float32, float64, int8, uint8, int16, uint16, int32, int64 or bool"},
      {file(header("|i1", "(2, 2)", "True"), "abcd"), "npy array in Fortran order, want C order (numpy.ascontiguousarray)"},
      {file(header("<f4", "(2,)"), "1234567"), "npy array [2] of float32 takes 8 bytes, found 7 after the header"},
      {file(header("<f4", "(2,)"), "123456789"), "npy array [2] of float32 takes 8 bytes, found 9 after the header"},
      {file(header("|i1", "(1,1,1,1,1,1,1,1,1)"), "a"), "npy array of rank 9, want at most 8"},
      {file(header("<f8", "(9223372036854775807, 9223372036854775807)"), ""), "npy header: the shape has more elements than any file"},
      {file(header("|b1", "(2,)"), std::string("\1\2")), "npy array of bool holds a byte other than 0 and 1"},
  };
  for (const auto& [bytes, message] : cases) {
    const auto tensor = parse(bytes);
    ASSERT_FALSE(tensor) << message;
    EXPECT_EQ(tensor.error().message, message);
  }
}

}  // namespace
}  // namespace gatefold
