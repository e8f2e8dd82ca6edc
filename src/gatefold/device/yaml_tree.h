// The part of YAML that device and scenario files use: nested maps and lists of scalars, with the line of every key. Anything
// that could make a file mean something other than what it shows (duplicate keys, anchors, aliases, tags, several documents)
// is refused.
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
  /// `line` counts from 1; `key` is dotted, or empty for the file as a whole. What was said before is not repeated.
  void add(int line, std::string_view key, std::string_view found, std::string_view wanted);
  /// The same with a sentence of its own instead of found and wanted.
  void say(int line, std::string_view key, std::string_view message);
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
/// "a, b or c".
[[nodiscard]] std::string either_of(const std::vector<std::string>& words);
/// Names end in file names, command lines and JSON keys: 1 to 64 lower-case letters, digits, - and _.
[[nodiscard]] bool is_name(std::string_view text);
inline constexpr std::string_view kNameWanted = "1 to 64 lower-case letters, digits, - and _";
/// 1 to 500 printable characters.
[[nodiscard]] bool is_line_of_text(std::string_view text);
inline constexpr std::size_t kTextMax = 500;
/// Complains that `word`, whose dotted form is `key`, is none of `known`, of which the nearest is suggested.
void refuse_unknown_key(int line, std::string_view key, std::string_view word, const std::vector<std::string>& known,
                        Diagnostics& diagnostics);

struct TreeEntry;

struct TreeNode {
  enum class Kind { kNothing, kScalar, kList, kMap };
  Kind kind = Kind::kNothing;
  int line = 1;
  std::string text;                ///< of a scalar
  std::vector<TreeEntry> entries;  ///< of a map, in the file's order, keys distinct
  std::vector<TreeNode> elements;  ///< of a list

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

/// What a kind of file is called, and where its keys are described.
struct FileKind {
  std::string_view name;
  std::string_view manual;
};
inline constexpr FileKind kDeviceFile = {"device", "docs/devices.md"};
inline constexpr FileKind kScenarioFile = {"scenario", "docs/scenarios.md"};

/// Reads one document, whose root is a map. What is refused goes to `diagnostics`; the tree holds what could be understood,
/// and is absent where nothing could.
[[nodiscard]] std::optional<TreeNode> parse_yaml_tree(std::string_view text, FileKind kind, Diagnostics& diagnostics);

/// Lays the keys of one map over those of another: maps key by key, everything else whole. So is a number of a device file,
/// {value, source, trust}.
void lay_over(TreeNode& base, const TreeNode& own);

}  // namespace gatefold
