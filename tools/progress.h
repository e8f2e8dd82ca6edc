// Progress of long work on a terminal.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace gatefold::tool {

/// A bar on stderr, drawn at whole percents and wiped at the end; nothing where stderr is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(bool quiet) : shown_(!quiet && isatty(STDERR_FILENO) != 0) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() {
    if (percent_ >= 0) fmt::print(stderr, "\r\x1b[K");
  }

  void draw(std::int64_t done, std::int64_t total) {
    constexpr int kWidth = 40;
    const int percent = total > 0 ? static_cast<int>(static_cast<double>(done) / static_cast<double>(total) * 100) : 0;
    if (!shown_ || percent == percent_) return;
    percent_ = percent;
    const int filled = percent * kWidth / 100;
    fmt::print(stderr, "\r[{:#<{}}{:.<{}}] {:3} %", "", filled, "", kWidth - filled, percent);
    std::fflush(stderr);
  }

 private:
  bool shown_;
  int percent_ = -1;
};

}  // namespace gatefold::tool
