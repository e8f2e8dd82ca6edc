// Builds the tree from the parser's events and not from its own nodes: those silently keep one of two duplicate keys
// and resolve aliases. The only file that sees yaml-cpp; its exceptions end here.
#include "gatefold/device/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "gatefold/base/text.h"

namespace gatefold {
namespace {

/// by_device > chip > streams > stream > arrivals > steps > step is 8 deep with the file itself; of a device file, power >
/// uncore > part > number is 5.
constexpr std::size_t kDepthMax = 8;

}  // namespace

void Diagnostics::add(int line, std::string_view key, std::string_view found, std::string_view wanted) {
  if (full()) ++count_;
  else say(line, key, fmt::format("found {}, wanted {}", found, wanted));
}

void Diagnostics::say(int line, std::string_view key, std::string_view message) {
  if (count_++ >= kShownMax) return;
  const std::string shown = key.empty() ? "" : in_quotes(key);  // a key may be as long and strange as a value
  const std::string text = fmt::format("{}{}", key.empty() ? "" : shown.substr(1, shown.size() - 2) + ": ", message);
  const bool is_said = std::any_of(lines_.begin(), lines_.end(), [&](const Line& said) { return said.line == line && said.text == text; });
  if (is_said) --count_;
  else lines_.push_back({line, text});
}

std::string Diagnostics::text(std::string_view file) const {
  std::vector<Line> sorted = lines_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Line& a, const Line& b) { return a.line < b.line; });
  std::string all;
  for (const Line& line : sorted) all += fmt::format("{}{}:{}: {}", all.empty() ? "" : "\n", file, line.line, line.text);
  if (count_ > lines_.size()) all += fmt::format("\n{}: and {} more", file, count_ - lines_.size());
  return all;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string shown(text.substr(0, kShown));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return fmt::format("'{}{}'", shown, text.size() > kShown ? ".." : "");
}

std::string either_of(const std::vector<std::string>& words) {
  std::string all;
  for (std::size_t i = 0; i < words.size(); ++i) {
    all += fmt::format("{}{}", i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
  }
  return all;
}

bool is_name(std::string_view text) {
  constexpr std::size_t kNameMax = 64;
  return !text.empty() && text.size() <= kNameMax && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_line_of_text(std::string_view text) {
  return !text.empty() && text.size() <= kTextMax &&
         std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void refuse_unknown_key(int line, std::string_view key, std::string_view word, const std::vector<std::string>& known,
                        Diagnostics& diagnostics) {
  const auto guess = diagnostics.full() ? std::nullopt : nearest(word, known);
  diagnostics.add(line, key, "an unknown key", guess ? fmt::format("a known one, perhaps '{}'", *guess) : either_of(known));
}

const TreeNode* TreeNode::find(std::string_view key) const {
  const auto entry = std::find_if(entries.begin(), entries.end(), [key](const TreeEntry& e) { return e.key == key; });
  return entry == entries.end() ? nullptr : &entry->node;
}

std::string TreeNode::found() const {
  switch (kind) {
    case Kind::kNothing: return "nothing";
    case Kind::kScalar: return in_quotes(text);
    case Kind::kList: return "a list";
    case Kind::kMap: return "a map";
  }
  return "nothing";
}

namespace {

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 1 : mark.line + 1; }

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(FileKind kind, Diagnostics& diagnostics) : kind_(kind), diagnostics_(diagnostics) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_plain(mark, "", anchor);
    finish({TreeNode::Kind::kNothing, line_of(mark), "", {}, {}});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    diagnostics_.add(line_of(mark), path(), "an alias", "the value written out");
    finish({TreeNode::Kind::kNothing, line_of(mark), "", {}, {}});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check_plain(mark, tag, anchor);
    finish({TreeNode::Kind::kScalar, line_of(mark), value, {}, {}});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, TreeNode::Kind::kList);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, TreeNode::Kind::kMap);
  }
  void OnMapEnd() override { end(); }

  [[nodiscard]] TreeNode take_root() { return std::move(root_); }

 private:
  /// A map or list whose end has not come yet.
  struct Open {
    TreeNode node;
    std::optional<TreeEntry> entry;          ///< the key that waits for its value
    std::map<std::string, int> first_lines;  ///< of every key so far
  };

  [[nodiscard]] std::string path() const {
    std::string keys;
    for (const Open& open : open_) {
      if (open.entry) keys += (keys.empty() ? "" : ".") + open.entry->key;
    }
    return keys;
  }

  void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) diagnostics_.add(line_of(mark), path(), "an anchor", "plain values");
    // "?" is a plain scalar or collection, "!" a quoted scalar.
    if (!tag.empty() && tag != "?" && tag != "!") diagnostics_.add(line_of(mark), path(), "a tag " + in_quotes(tag), "plain values");
  }

  void start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, TreeNode::Kind kind) {
    if (skipped_ == 0) check_plain(mark, tag, anchor);
    if (skipped_ > 0 || open_.size() >= kDepthMax) {
      if (skipped_++ == 0) {
        diagnostics_.add(line_of(mark), path(), "nesting deeper than 8", fmt::format("the keys of {}", kind_.manual));
      }
      return;
    }
    open_.push_back({{kind, line_of(mark), "", {}, {}}, std::nullopt, {}});
  }

  void end() {
    if (skipped_ > 0) {
      if (--skipped_ == 0) finish({TreeNode::Kind::kMap, open_.back().node.line, "", {}, {}});
      return;
    }
    TreeNode node = std::move(open_.back().node);
    open_.pop_back();
    finish(std::move(node));
  }

  /// Hands a complete node to what encloses it: as a key, as a key's value, or as the document.
  void finish(TreeNode node) {
    if (skipped_ > 0) return;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == TreeNode::Kind::kList) {
      parent.node.elements.push_back(std::move(node));
      return;
    }
    if (!parent.entry) {
      const bool is_word = node.kind == TreeNode::Kind::kScalar && !node.text.empty();
      if (!is_word) diagnostics_.add(node.line, path(), node.found() + " as a key", "a word");
      parent.entry = TreeEntry{node.text, node.line, {}};
      return;
    }
    TreeEntry entry = *std::exchange(parent.entry, std::nullopt);
    if (entry.key.empty()) return;  // refused above
    entry.node = std::move(node);
    const auto [first, is_new] = parent.first_lines.emplace(entry.key, entry.line);
    if (is_new) {
      parent.node.entries.push_back(std::move(entry));
    } else {
      const std::string enclosing = path();
      diagnostics_.add(entry.line, enclosing + (enclosing.empty() ? "" : ".") + entry.key, "the key a second time",
                       fmt::format("it once (first on line {})", first->second));
    }
  }

  FileKind kind_;
  Diagnostics& diagnostics_;
  TreeNode root_;
  std::vector<Open> open_;
  std::size_t skipped_ = 0;  ///< open collections below the depth limit, whose content is ignored
};

/// Sees only whether a second document has content.
class SecondDocument : public TreeBuilder {
 public:
  using TreeBuilder::TreeBuilder;
  void OnDocumentStart(const YAML::Mark& mark) override { line = line_of(mark); }
  int line = 1;
};

}  // namespace

std::optional<TreeNode> parse_yaml_tree(std::string_view text, FileKind kind, Diagnostics& diagnostics) {
  TreeBuilder builder(kind, diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      diagnostics.add(1, "", "an empty file", fmt::format("a {}", kind.name));
      return std::nullopt;
    }
    Diagnostics ignored;
    SecondDocument second(kind, ignored);
    if (parser.HandleNextDocument(second)) {
      diagnostics.add(second.line, "", "a second document", fmt::format("one {} per file", kind.name));
      return std::nullopt;
    }
  } catch (const YAML::Exception& error) {
    diagnostics.add(line_of(error.mark), "", "a syntax error " + in_quotes(error.msg), "YAML");
    return std::nullopt;
  } catch (const std::exception& error) {
    diagnostics.add(1, "", "text that the YAML parser refuses, " + in_quotes(error.what()), "YAML");
    return std::nullopt;
  }
  TreeNode root = builder.take_root();
  if (root.kind != TreeNode::Kind::kMap) {
    diagnostics.add(root.line, "", root.found(), fmt::format("a map of the keys of {}", kind.manual));
    return std::nullopt;
  }
  return root;
}

void lay_over(TreeNode& base, const TreeNode& own) {
  for (const TreeEntry& entry : own.entries) {
    const auto same = std::find_if(base.entries.begin(), base.entries.end(), [&](const TreeEntry& b) { return b.key == entry.key; });
    const bool groups = same != base.entries.end() && same->node.kind == TreeNode::Kind::kMap && entry.node.kind == TreeNode::Kind::kMap &&
                        entry.node.find("value") == nullptr;
    if (same == base.entries.end()) base.entries.push_back(entry);
    else if (groups) lay_over(same->node, entry.node);
    else *same = entry;
  }
}

}  // namespace gatefold
