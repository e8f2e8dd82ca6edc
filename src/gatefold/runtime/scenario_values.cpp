#include "gatefold/runtime/scenario_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "gatefold/base/text.h"

namespace gatefold {
namespace {

constexpr std::int64_t kPicosecondsPerMillisecond = 1'000'000'000;
constexpr double kRateMin = 1e-6;
constexpr double kRateMax = 1e6;
constexpr double kWattsMax = 1e6;
constexpr std::size_t kTraceMax = 1'000'000;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// The text before `word`, if it ends in it.
std::optional<std::string_view> before(std::string_view text, std::string_view word) {
  text = trimmed(text);
  if (!text.ends_with(word)) return std::nullopt;
  return trimmed(text.substr(0, text.size() - word.size()));
}

/// A number with one of the units "" and "%".
std::optional<double> number_or_percent(std::string_view text) {
  const auto measure = parse_measure(text);
  if (!measure || (!measure.value().unit.empty() && measure.value().unit != "%")) return std::nullopt;
  const double number = measure.value().number() / (measure.value().unit.empty() ? 1 : 100);
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::optional<double> plain_number(std::string_view text) {
  const auto measure = parse_measure(text);
  if (!measure || !measure.value().unit.empty() || !std::isfinite(measure.value().number())) return std::nullopt;
  return measure.value().number();
}

template <class T>
std::optional<T> whole_number(std::string_view text, T least, T most) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < least || number > most) return std::nullopt;
  return number;
}

std::optional<std::int64_t> duration_of_at_least(std::string_view text, std::int64_t least) {
  const auto ps = parse_duration_ps(text);
  return ps && ps.value() >= least ? std::optional(ps.value()) : std::nullopt;
}

std::optional<Rate> rate(std::string_view text) {
  if (const auto share = before(text, "utilisation")) {
    const auto value = number_or_percent(*share);
    if (!value || *value <= 0 || *value > 10) return std::nullopt;
    return Rate{0, value};
  }
  const auto measure = parse_measure(text);
  if (!measure || (measure.value().unit != "Hz" && measure.value().unit != "/s")) return std::nullopt;
  const double hz = measure.value().number();
  if (!(hz >= kRateMin && hz <= kRateMax)) return std::nullopt;
  return Rate{hz, {}};
}

std::optional<RelativeTime> relative_time(std::string_view text) {
  if (const auto multiple = before(text, "T_ref")) {
    const auto value = plain_number(*multiple);
    if (!value || *value <= 0 || *value > 1e6) return std::nullopt;
    return RelativeTime{0, value};
  }
  const auto ps = duration_of_at_least(text, 1);
  return ps ? std::optional(RelativeTime{*ps, {}}) : std::nullopt;
}

std::optional<double> share(std::string_view text) {
  const auto value = number_or_percent(text);
  return value && *value >= 0 && *value <= 1 ? value : std::nullopt;
}

std::optional<Power> watts(std::string_view text) {
  const auto measure = parse_measure(text);
  if (!measure) return std::nullopt;
  const std::string& unit = measure.value().unit;
  const double scale = unit == "W" ? 1 : unit == "mW" ? 1e-3 : unit == "uW" ? 1e-6 : unit == "kW" ? 1e3 : 0;
  const double picowatts = std::round(measure.value().number() * scale * 1e12);
  if (!(picowatts >= 1 && picowatts <= kWattsMax * 1e12)) return std::nullopt;
  return Power(static_cast<std::int64_t>(picowatts));
}

std::optional<std::int64_t> piece_duration(std::string_view text) { return duration_of_at_least(text, kPicosecondsPerMillisecond); }
std::optional<std::int64_t> duration_or_zero(std::string_view text) { return duration_of_at_least(text, 0); }

std::optional<double> positive_share(std::string_view text) {
  const auto value = share(text);
  return value && *value > 0 ? value : std::nullopt;
}

std::optional<double> ratio(std::string_view text) {
  const auto value = plain_number(text);
  return value && *value >= 1 && *value <= 1000 ? value : std::nullopt;
}

std::optional<double> factor(std::string_view text) {
  const auto number = before(text, "x");
  const auto value = number ? plain_number(*number) : std::nullopt;
  return value && *value > 0 && *value <= 1000 ? value : std::nullopt;
}

std::optional<std::int64_t> priority(std::string_view text) { return whole_number<std::int64_t>(text, -100, 100); }
std::optional<std::int64_t> few_times(std::string_view text) { return whole_number<std::int64_t>(text, 1, 1000); }
std::optional<std::int64_t> copies(std::string_view text) { return whole_number<std::int64_t>(text, 1, 64); }
std::optional<std::uint64_t> seed(std::string_view text) { return whole_number<std::uint64_t>(text, 0, UINT64_MAX); }

std::optional<bool> yes_or_no(std::string_view text) {
  return text == "true" ? std::optional(true) : text == "false" ? std::optional(false) : std::nullopt;
}

}  // namespace

const ValueForm<std::int64_t> kPieceDuration = {piece_duration, "a duration of at least 1 ms, such as 2 s"};
const ValueForm<std::int64_t> kDurationOrZero = {duration_or_zero, "a duration such as 20 s"};
const ValueForm<Rate> kRate = {rate, "requests per second from 1e-6 to 1e6, such as 10 Hz, or a share of time, such as 40 % utilisation"};
const ValueForm<RelativeTime> kRelativeTime = {relative_time, "a duration such as 100 ms, or a multiple such as 1.2 T_ref"};
const ValueForm<double> kShare = {share, "a share from 0 to 1, such as 0.05 or 5 %"};
const ValueForm<double> kPositiveShare = {positive_share, "a share of more than 0 and at most 1, such as 0.5 or 50 %"};
const ValueForm<double> kRatio = {ratio, "a number from 1 to 1000"};
const ValueForm<double> kFactor = {factor, "a factor of more than 0 and at most 1000, such as 3x"};
const ValueForm<std::int64_t> kPriority = {priority, "a whole number from -100 to 100"};
const ValueForm<std::int64_t> kFewTimes = {few_times, "a whole number from 1 to 1000"};
const ValueForm<std::int64_t> kCopies = {copies, "a whole number from 1 to 64"};
const ValueForm<std::uint64_t> kSeed = {seed, "a whole number from 0 to 2^64 - 1"};
const ValueForm<bool> kYesOrNo = {yes_or_no, "true or false"};
const ValueForm<Power> kWatts = {watts, "a power such as 1.5 W"};

KeyMap::KeyMap(const TreeNode& node, std::string prefix, std::vector<std::string> known, Diagnostics& diagnostics)
    : map_(&node), prefix_(std::move(prefix)), diagnostics_(&diagnostics) {
  if (node.kind != TreeNode::Kind::kMap) {
    diagnostics.add(node.line, prefix_, node.found(), "a map of " + either_of(known));
    return;
  }
  for (const TreeEntry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    refuse_unknown_key(entry.line, dotted(entry.key), entry.key, known, diagnostics);
  }
}

std::string KeyMap::dotted(std::string_view key) const { return prefix_.empty() ? std::string(key) : fmt::format("{}.{}", prefix_, key); }

std::optional<std::size_t> KeyMap::word(std::string_view key, const std::vector<std::string>& words) const {
  const TreeNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto word = node->kind == TreeNode::Kind::kScalar ? std::find(words.begin(), words.end(), node->text) : words.end();
  if (word == words.end()) {
    diagnostics_->add(node->line, dotted(key), node->found(), either_of(words));
    return std::nullopt;
  }
  return static_cast<std::size_t>(word - words.begin());
}

Result<std::vector<std::int64_t>> parse_trace(std::string_view text) {
  std::vector<std::int64_t> times;
  for (int line = 1; !text.empty(); ++line) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string_view content = trimmed(whole.substr(0, whole.find('#')));
    if (content.empty()) continue;
    const std::string_view cell = trimmed(content.substr(0, content.find(',')));
    const auto seconds = plain_number(cell);
    if (!seconds && times.empty() && line == 1) continue;  // a heading
    const bool in_range = seconds && *seconds >= 0 && *seconds <= 1e6;
    const std::int64_t ps = in_range ? std::llround(*seconds * 1e12) : 0;
    if (!in_range || (!times.empty() && ps < times.back())) {
      return Error{ErrorCode::kInvalidInput,
                   fmt::format("found {} in line {}, wanted seconds from 0 to 1e6, ascending", in_quotes(cell), line)};
    }
    if (times.size() == kTraceMax) {
      return Error{ErrorCode::kInvalidInput, fmt::format("found more than {} times, wanted at most so many", kTraceMax)};
    }
    times.push_back(ps);
  }
  if (times.empty()) return Error{ErrorCode::kInvalidInput, "found no time, wanted seconds in the first column"};
  return times;
}

}  // namespace gatefold
