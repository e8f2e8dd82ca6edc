#include "gatefold/device/spec_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "gatefold/base/text.h"

namespace gatefold {
namespace {

constexpr std::string_view kUncore = "power.uncore";
/// The one group that a file may leave out: the alternative of vector.per_cluster.
constexpr std::string_view kPool = "vector.pool";
constexpr std::size_t kUncoreMax = 16;
constexpr std::string_view kNumberWanted = "{value: .., source: \"..\", trust: ..}";

std::string join(std::string_view prefix, std::string_view key) {
  return prefix.empty() ? std::string(key) : fmt::format("{}.{}", prefix, key);
}

bool is_under(std::string_view key, std::string_view group) {
  return group.empty() || (key.size() > group.size() && key.substr(0, group.size()) == group && key[group.size()] == '.');
}

/// "power.uncore.hbm.on" -> "power.uncore.*.on" for the part `name`; other keys stay.
std::string with_part(std::string_view pattern, std::string_view name) {
  std::string key(pattern);
  if (const std::size_t star = key.find('*'); star != std::string::npos) key.replace(star, 1, name);
  return key;
}

std::vector<std::string> split_words(std::string_view words) {
  std::vector<std::string> all;
  for (std::size_t end = words.find('|'); end != std::string_view::npos; end = words.find('|')) {
    all.emplace_back(words.substr(0, end));
    words.remove_prefix(end + 1);
  }
  all.emplace_back(words);
  return all;
}

std::string listed(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

std::string wanted(const SchemaRow& row) {
  switch (row.form) {
    case Form::kNumber:
    case Form::kInteger: return describe_units(row.units);
    case Form::kName: return std::string(kNameWanted);
    case Form::kText: return fmt::format("one line of 1 to {} characters", kTextMax);
    case Form::kWord: return either_of(split_words(row.words));
  }
  return "";
}

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  DeviceReading read(const TreeNode& root) {
    walk(root, "", "");
    check_presence();
    return std::move(reading_);
  }

 private:
  /// A group that the file states; a broken one (not a map) has been complained about.
  struct Group {
    int line;
    bool broken;
  };

  /// `pattern` is the key in the schema, where the name of an uncore part is "*".
  void walk(const TreeNode& map, const std::string& prefix, const std::string& pattern) {
    const auto rows = device_schema();
    for (const TreeEntry& entry : map.entries) {
      const std::string key = join(prefix, entry.key);
      const bool is_part = pattern == kUncore;
      if (is_part && !add_part(entry, key)) continue;
      const std::string child = join(pattern, is_part ? "*" : entry.key);
      const bool is_plain = entry.key.find_first_of(".*") == std::string::npos;
      const auto row = std::find_if(rows.begin(), rows.end(), [&](const SchemaRow& r) { return r.key == child; });
      const bool is_group = std::any_of(rows.begin(), rows.end(), [&](const SchemaRow& r) { return is_under(r.key, child); });
      if (is_plain && row != rows.end()) {
        read_row(*row, key, entry);
      } else if (is_plain && is_group) {
        const bool broken = entry.node.kind != TreeNode::Kind::kMap;
        groups_.emplace(key, Group{entry.line, broken});
        if (broken) diagnostics_.add(entry.line, key, entry.node.found(), "a map of keys");
        walk(entry.node, key, child);
      } else {
        refuse_unknown_key(entry.line, key, entry.key, siblings(pattern), diagnostics_);
      }
    }
  }

  bool add_part(const TreeEntry& entry, const std::string& key) {
    if (!is_name(entry.key)) {
      diagnostics_.add(entry.line, kUncore, in_quotes(entry.key) + " as a part's name", "lower-case letters, digits, - and _");
      return false;
    }
    if (reading_.uncore.size() == kUncoreMax) {
      diagnostics_.add(entry.line, key, "one more part", fmt::format("at most {}", kUncoreMax));
      return false;
    }
    reading_.uncore.push_back(entry.key);
    return true;
  }

  /// The keys that the schema has directly under a group.
  [[nodiscard]] static std::vector<std::string> siblings(std::string_view group) {
    std::vector<std::string> all;
    for (const SchemaRow& row : device_schema()) {
      if (!is_under(row.key, group)) continue;
      const std::string_view rest = row.key.substr(group.empty() ? 0 : group.size() + 1);
      std::string name(rest.substr(0, rest.find('.')));
      if (all.empty() || all.back() != name) all.push_back(std::move(name));
    }
    return all;
  }

  void read_row(const SchemaRow& row, const std::string& key, const TreeEntry& entry) {
    StatedKey& stated = reading_.keys[key];
    stated.line = entry.line;
    if (row.form == Form::kNumber) {
      read_number(row, key, entry, stated);
      return;
    }
    if (entry.node.kind != TreeNode::Kind::kScalar) {
      diagnostics_.add(entry.line, key, entry.node.found(), wanted(row));
      return;
    }
    stated.text = entry.node.text;
    if (row.form == Form::kInteger) {
      read_value(row, key, entry.node, stated);
      return;
    }
    const auto words = split_words(row.words);
    stated.valid = row.form == Form::kWord   ? std::find(words.begin(), words.end(), stated.text) != words.end()
                   : row.form == Form::kName ? is_name(stated.text)
                                             : is_line_of_text(stated.text);
    if (!stated.valid) diagnostics_.add(entry.line, key, entry.node.found(), wanted(row));
  }

  void read_number(const SchemaRow& row, const std::string& key, const TreeEntry& entry, StatedKey& stated) {
    if (entry.node.kind != TreeNode::Kind::kMap) {
      diagnostics_.add(entry.line, key, entry.node.found(), kNumberWanted);
      return;
    }
    static const std::vector<std::string> kParts = {"value", "source", "trust"};
    for (const TreeEntry& part : entry.node.entries) {
      if (std::find(kParts.begin(), kParts.end(), part.key) == kParts.end()) {
        refuse_unknown_key(part.line, join(key, part.key), part.key, kParts, diagnostics_);
      }
    }
    const auto scalar = [&](std::string_view part, std::string_view wanted) -> const TreeNode* {
      const TreeNode* node = entry.node.find(part);
      if (node != nullptr && node->kind == TreeNode::Kind::kScalar) return node;
      const int line = node == nullptr ? entry.line : node->line;
      diagnostics_.add(line, join(key, part), node == nullptr ? "nothing" : node->found(), wanted);
      return nullptr;
    };

    constexpr std::string_view kSourceWanted = "where the number is from, in one line";
    constexpr std::string_view kTrustWanted = "P, A, T, D or \"?\"";
    SpecEntry shown{key, "", "", "", ""};
    if (const TreeNode* value = scalar("value", describe_units(row.units))) {
      shown.value = stated.text = value->text;
      read_value(row, key, *value, stated);
    }
    if (const TreeNode* source = scalar("source", kSourceWanted)) {
      shown.source = source->text;
      if (!is_line_of_text(source->text)) diagnostics_.add(source->line, join(key, "source"), source->found(), kSourceWanted);
    }
    if (const TreeNode* trust = scalar("trust", kTrustWanted)) {
      shown.trust = trust->text;
      const bool known = trust->text.size() == 1 && std::string_view("PATD?").find(trust->text) != std::string_view::npos;
      if (!known) diagnostics_.add(trust->line, join(key, "trust"), trust->found(), kTrustWanted);
    }
    stated.entry = reading_.entries.size();
    reading_.entries.push_back(std::move(shown));
  }

  void read_value(const SchemaRow& row, const std::string& key, const TreeNode& node, StatedKey& stated) {
    auto number = parse_base_number(node.text, row);
    stated.valid = number.has_value();
    if (number) stated.number = number.value();
    else diagnostics_.add(node.line, key, node.found(), number.error().message);
  }

  // ---- what must be there, and what must not ----

  [[nodiscard]] bool is_stated(const std::string& key) const { return reading_.keys.contains(key) || groups_.contains(key); }

  [[nodiscard]] int line_of(const std::string& key) const {
    const auto group = groups_.find(key);
    return group == groups_.end() ? reading_.line(key) : group->second.line;
  }

  /// The line of the innermost group around `key` that the file states; nullopt if that group is broken.
  [[nodiscard]] std::optional<int> line_around(std::string key) const {
    for (std::size_t dot = key.rfind('.'); dot != std::string::npos; dot = key.rfind('.')) {
      key.resize(dot);
      if (const auto group = groups_.find(key); group != groups_.end()) {
        if (group->second.broken) return std::nullopt;
        return group->second.line;
      }
    }
    return 1;
  }

  /// Complains that `key` is missing; or, once, that a group around it is.
  void complain_missing(const std::string& key, std::string_view what) {
    const auto line = line_around(key);
    if (!line) return;
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1)) {
      const std::string group = key.substr(0, dot);
      if (groups_.contains(group)) continue;
      groups_.emplace(group, Group{*line, true});
      diagnostics_.add(*line, group, "nothing", fmt::format("a map of its keys: {}", listed(siblings(group))));
      return;
    }
    diagnostics_.add(*line, key, "nothing", what);
  }

  void want(const SchemaRow& row, const std::string& key) {
    if (!is_stated(key)) complain_missing(key, wanted(row));
  }

  void want_one_of(const SchemaRow& row, std::string_view part) {
    const std::string key = with_part(row.key, part);
    const std::string other = with_part(row.other, part);
    if (is_stated(key) && is_stated(other)) {
      const int line = std::max(line_of(key), line_of(other));
      diagnostics_.add(line, line_of(key) >= line_of(other) ? key : other, fmt::format("both {} and {}", key, other), "one of the two");
    } else if (!is_stated(key) && !is_stated(other)) {
      complain_missing(key, fmt::format("it or {}", other));
    }
  }

  void check_row(const SchemaRow& row, std::string_view part) {
    const std::string key = with_part(row.key, part);
    if (is_under(key, kPool) && !groups_.contains(kPool)) return;
    if (row.presence == Presence::kAlways) want(row, key);
    if (row.presence == Presence::kOneOf) want_one_of(row, part);
    const StatedKey* kind = reading_.valid("compute.kind");
    const bool of_reduction = row.presence == Presence::kReduction || row.presence == Presence::kReductionOption;
    if (kind == nullptr || (!of_reduction && row.presence != Presence::kSystolic)) return;
    const std::string_view needed_by = of_reduction ? "reduction" : "systolic";
    if (kind->text == needed_by) {
      if (row.presence != Presence::kReductionOption) want(row, key);
    } else if (is_stated(key))
      diagnostics_.add(line_of(key), key, fmt::format("a key of {} cores", needed_by), fmt::format("none: compute.kind is {}", kind->text));
  }

  void check_presence() {
    for (const SchemaRow& row : device_schema()) {
      if (row.key.find('*') == std::string_view::npos) check_row(row, "");
      else
        for (const std::string& part : reading_.uncore) check_row(row, part);
    }
  }

  Diagnostics& diagnostics_;
  DeviceReading reading_;
  std::map<std::string, Group, std::less<>> groups_;
};

}  // namespace

const StatedKey* DeviceReading::valid(std::string_view key) const {
  const auto stated = keys.find(key);
  return stated == keys.end() || !stated->second.valid ? nullptr : &stated->second;
}

int DeviceReading::line(std::string_view key) const {
  const auto stated = keys.find(key);
  return stated == keys.end() ? 1 : stated->second.line;
}

DeviceReading read_keys(const TreeNode& root, Diagnostics& diagnostics) { return Reader(diagnostics).read(root); }

}  // namespace gatefold
