// A folder that looks like the kernel's files of another machine.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace gatefold::test {

class MachineFolder {
 public:
  explicit MachineFolder(const std::string& name)
      : root_(std::filesystem::temp_directory_path() / ("gatefold-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(root_);
  }
  MachineFolder(const MachineFolder&) = delete;
  MachineFolder& operator=(const MachineFolder&) = delete;
  ~MachineFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  /// Writes in place, so that a file kept open sees the new text.
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::trunc) << text;
  }

 private:
  std::filesystem::path root_;
};

}  // namespace gatefold::test
