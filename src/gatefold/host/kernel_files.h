// What the Linux kernel says about this machine in small text files (/proc, /sys), and waiting on a word of memory.
//
// Every path is given relative to a root, "/" but in tests, which lay out a machine of their own in a folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatefold {

/// The text of a small file without its last newline; nullopt where it is missing or unreadable.
[[nodiscard]] std::optional<std::string> read_kernel_text(const std::filesystem::path& path);
/// The first number in a file; nullopt where there is none.
[[nodiscard]] std::optional<std::int64_t> read_kernel_number(const std::filesystem::path& path);
/// The number that `text` begins with, after blanks; both move behind it. nullopt: no digit there.
[[nodiscard]] std::optional<std::int64_t> next_number(std::string_view& text);

/// A file kept open to be read again and again: no path look-up, no allocation.
class KernelFile {
 public:
  KernelFile() = default;
  explicit KernelFile(const std::filesystem::path& path);
  KernelFile(KernelFile&& other) noexcept;
  KernelFile& operator=(KernelFile&& other) noexcept;
  ~KernelFile();

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  /// Reads from the beginning into `buffer`; empty where that fails.
  [[nodiscard]] std::string_view read(std::span<char> buffer) const;

 private:
  int descriptor_ = -1;
};

/// Sleeps while `word` holds `expected`; may return early.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected);
/// Wakes all that sleep on `word`.
void futex_wake(const std::atomic<std::uint32_t>& word);

/// Tells the core that this is a waiting loop.
inline void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Nanoseconds of the steady clock since an unspecified instant.
[[nodiscard]] std::int64_t now_ns();

/// Binds the calling thread to one processor; false if the kernel refuses.
bool pin_this_thread(std::int32_t cpu);
/// The processor that the calling thread runs on just now.
[[nodiscard]] std::int32_t current_cpu();
/// The kernel's number of the calling thread.
[[nodiscard]] std::int32_t thread_number();

}  // namespace gatefold
