#include "gatefold/report/option_inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "gatefold/base/text.h"
#include "gatefold/report/figures.h"

namespace gatefold {
namespace {

OptionInspection inspect_option(const OptionTable& table, const std::vector<Option>& options, const Option& option) {
  OptionInspection row;
  row.option = option;
  const std::int64_t clock_hz = table.spec().clock_hz;
  row.seconds = seconds(option.cycles, clock_hz);
  row.held_watts = static_cast<double>(option.held.count()) * 1e-18 * static_cast<double>(clock_hz);
  if (option.dominated_by >= 0) {
    const Option& by = options[static_cast<std::size_t>(option.dominated_by)];
    row.dominated = Domination{by.footprint, option.cycles - by.cycles, option.alone - by.alone};
  }
  return row;
}

}  // namespace

LayerOptionsInspection inspect_options(const OptionTable& table, LayerId layer, const Placement& chosen, const RowBlocks& blocks) {
  const LayerOptions& of = table.layer(layer);
  const Layer& subject = table.graph().layer(layer);
  LayerOptionsInspection inspection;
  inspection.model = table.graph().name;
  inspection.layer = layer;
  inspection.layer_name = subject.name;
  inspection.op = std::string(name(subject.op));
  inspection.device = table.spec().name;
  inspection.device_hash = table.spec().hash;
  const Option* taken = &table.option(layer, chosen);
  for (const Option& option : of.options) {
    OptionInspection& row = inspection.options.emplace_back(inspect_option(table, of.options, option));
    row.chosen = &option == taken;
    row.streamed = row.chosen && chosen.streamed;
    row.row_blocks = row.chosen ? blocks.count : 0;
  }
  for (const RejectedShape& shape : of.rejected) {
    auto group = std::find_if(inspection.rejected.begin(), inspection.rejected.end(),
                              [&](const RejectedShapes& shapes) { return shapes.reason == shape.reason; });
    if (group == inspection.rejected.end()) group = inspection.rejected.insert(group, {shape.reason, {}});
    group->shapes.push_back(shape.footprint);
  }
  return inspection;
}

Result<LayerId> find_layer(const LayerGraph& graph, const std::string& name_or_index) {
  std::vector<std::string> names;
  for (const Layer& layer : graph.layers) {
    if (layer.name == name_or_index) return LayerId(names.size());
    names.push_back(layer.name);
  }
  std::size_t index = 0;
  const char* end = name_or_index.data() + name_or_index.size();
  const auto parsed = std::from_chars(name_or_index.data(), end, index);
  if (parsed.ec == std::errc() && parsed.ptr == end && index < names.size()) return LayerId(index);
  std::string message = fmt::format("layer '{}': unknown", name_or_index);
  if (const auto near = nearest(name_or_index, names)) message += fmt::format(", did you mean '{}'?", *near);
  else message += fmt::format("; want a name that `gatefold inspect` lists, or a number below {}", names.size());
  return Error{ErrorCode::kInvalidInput, std::move(message)};
}

std::string_view name(CoreSplit split) {
  switch (split) {
    case CoreSplit::kChannels: return "channels";
    case CoreSplit::kColumns: return "columns";
    case CoreSplit::kRows: return "rows";
  }
  GATEFOLD_REQUIRE(false);
}

}  // namespace gatefold
