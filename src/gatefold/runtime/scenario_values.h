// The values that keys of a scenario file take, and a map of keys to read them from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/device/yaml_tree.h"
#include "gatefold/runtime/scenario.h"

namespace gatefold {

/// How a kind of value is read, and what to say where it cannot be.
template <class T>
struct ValueForm {
  std::optional<T> (*parse)(std::string_view text);
  std::string_view wanted;
};

extern const ValueForm<std::int64_t> kPieceDuration;  ///< 1 ms or more: rates have pieces of such lengths
extern const ValueForm<std::int64_t> kDurationOrZero;
extern const ValueForm<Rate> kRate;
extern const ValueForm<RelativeTime> kRelativeTime;
extern const ValueForm<double> kShare;          ///< 0 to 1
extern const ValueForm<double> kPositiveShare;  ///< more than 0, at most 1
extern const ValueForm<double> kRatio;          ///< 1 to 1000
extern const ValueForm<double> kFactor;         ///< "3x": more than 0, at most 1000
extern const ValueForm<std::int64_t> kPriority;
extern const ValueForm<std::int64_t> kFewTimes;  ///< 1 to 1000
extern const ValueForm<std::int64_t> kCopies;    ///< 1 to 64
extern const ValueForm<std::uint64_t> kSeed;
extern const ValueForm<bool> kYesOrNo;
extern const ValueForm<Power> kWatts;  ///< more than 0

/// One map of a scenario file. Keys that it does not know are complained about when it is made.
class KeyMap {
 public:
  /// `prefix` is the map's own dotted key. A node that is no map reads as an empty one, after a complaint.
  KeyMap(const TreeNode& node, std::string prefix, std::vector<std::string> known, Diagnostics& diagnostics);

  /// nullptr if absent.
  [[nodiscard]] const TreeNode* find(std::string_view key) const { return map_->find(key); }
  [[nodiscard]] std::string dotted(std::string_view key) const;
  [[nodiscard]] int line() const { return map_->line; }

  /// nullopt if absent or wrong; wrong ones are complained about.
  template <class T>
  [[nodiscard]] std::optional<T> read(std::string_view key, const ValueForm<T>& form) const {
    const TreeNode* node = find(key);
    return node == nullptr ? std::nullopt : read_node(*node, dotted(key), form);
  }
  /// An absent one is complained about, too.
  template <class T>
  [[nodiscard]] std::optional<T> require(std::string_view key, const ValueForm<T>& form) const {
    if (find(key) == nullptr) diagnostics_->add(line(), dotted(key), "nothing", form.wanted);
    return read(key, form);
  }
  template <class T>
  [[nodiscard]] std::optional<T> read_node(const TreeNode& node, const std::string& key, const ValueForm<T>& form) const {
    std::optional<T> value;
    if (node.kind == TreeNode::Kind::kScalar) value = form.parse(node.text);
    if (!value) diagnostics_->add(node.line, key, node.found(), form.wanted);
    return value;
  }
  /// The index of the key's text in `words`; nullopt if absent or none of them.
  [[nodiscard]] std::optional<std::size_t> word(std::string_view key, const std::vector<std::string>& words) const;

 private:
  const TreeNode* map_;
  std::string prefix_;
  Diagnostics* diagnostics_;
};

/// Times in seconds, one a line in the first column, ascending; '#' begins a comment, and a first line may be a heading.
/// Errors: kInvalidInput naming the line; "found .., wanted ..".
[[nodiscard]] Result<std::vector<std::int64_t>> parse_trace(std::string_view text);

}  // namespace gatefold
