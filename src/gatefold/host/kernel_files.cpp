#include "gatefold/host/kernel_files.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace gatefold {

std::optional<std::string> read_kernel_text(const std::filesystem::path& path) {
  const KernelFile file(path);
  if (!file.is_open()) return std::nullopt;
  std::array<char, 65536> buffer;
  std::string_view text = file.read(buffer);
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return std::string(text);
}

std::optional<std::int64_t> read_kernel_number(const std::filesystem::path& path) {
  const std::optional<std::string> text = read_kernel_text(path);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  return next_number(rest);
}

std::optional<std::int64_t> next_number(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return std::nullopt;
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data() + begin, text.data() + text.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  return number;
}

KernelFile::KernelFile(const std::filesystem::path& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
KernelFile::KernelFile(KernelFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
KernelFile& KernelFile::operator=(KernelFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}
KernelFile::~KernelFile() {
  if (is_open()) ::close(descriptor_);
}

std::string_view KernelFile::read(std::span<char> buffer) const {
  const ssize_t count = is_open() ? ::pread(descriptor_, buffer.data(), buffer.size(), 0) : 0;
  return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(const std::atomic<std::uint32_t>& word) { ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0); }

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool pin_this_thread(std::int32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return ::sched_setaffinity(0, sizeof(set), &set) == 0;
}

std::int32_t current_cpu() { return ::sched_getcpu(); }
std::int32_t thread_number() { return static_cast<std::int32_t>(::syscall(SYS_gettid)); }

}  // namespace gatefold
