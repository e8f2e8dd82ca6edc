// The part of YAML that device files use: nested maps of scalars, with the line of every key. Anything that could make
// a file mean something other than what it shows (duplicate keys, anchors, aliases, tags, several documents) is refused.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatefold {

/// Complaints about one file, collected so that all are reported at once.
class Diagnostics {
 public:
  /// `line` counts from 1; `key` is dotted, or empty for the file as a whole.
  void add(int line, std::string_view key, std::string_view found, std::string_view wanted);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// Further ones are only counted: what they say is no longer worth its making.
  [[nodiscard]] bool full() const { return count_ >= kShownMax; }
  /// One a line, by line number: "file:line: key: found X, wanted Y". Beyond 100 only their number.
  [[nodiscard]] std::string text(std::string_view file) const;

  static constexpr std::size_t kShownMax = 100;

 private:
  struct Line {
    int line;
    std::string text;
  };
  std::vector<Line> lines_;
  std::size_t count_ = 0;
};

/// "'100 MHz'": user text made safe and short enough for a message.
[[nodiscard]] std::string in_quotes(std::string_view text);

struct TreeEntry;

struct TreeNode {
  enum class Kind { kNothing, kScalar, kList, kMap };
  Kind kind = Kind::kNothing;
  int line = 1;
  std::string text;                ///< of a scalar
  std::vector<TreeEntry> entries;  ///< of a map, in the file's order, keys distinct; a list's elements are not kept

  /// nullptr if absent.
  [[nodiscard]] const TreeNode* find(std::string_view key) const;
  /// "'text'", "a list", "a map", "nothing".
  [[nodiscard]] std::string found() const;
};

struct TreeEntry {
  std::string key;
  int line = 1;
  TreeNode node;
};

/// Reads one document, whose root is a map. What is refused goes to `diagnostics`; the tree holds what could be understood,
/// and is absent where nothing could.
[[nodiscard]] std::optional<TreeNode> parse_yaml_tree(std::string_view text, Diagnostics& diagnostics);

}  // namespace gatefold
