#include "gatefold/cost/row_blocks.h"

#include <algorithm>
#include <map>

#include "gatefold/device/chip.h"

namespace gatefold {
namespace {

bool in(const std::vector<char>& spilled, TensorId id) { return !spilled.empty() && spilled[id.at()] != 0; }

Shape with_rows(const StagedValue& value, const CutView& view, std::int64_t rows) {
  if (value.axis == LayerCut::kWhole) return value.shape;
  if (value.axis == LayerCut::kRows) return Shape{rows, view.inner};
  std::vector<std::int64_t> dims(value.shape.dims().begin(), value.shape.dims().end());
  dims[static_cast<std::size_t>(value.axis)] = rows;
  return Shape(dims);
}

/// Positions of a value that the largest of `count` blocks needs.
std::int64_t largest_rows(const LayerCut& cut, const StagedValue& value, std::int64_t count) {
  const std::int64_t out = ceil_div(cut.extent, count);
  return value.output ? out : cut.read_at_most(out, cut.view(value.shape, value.axis).extent);
}

std::int64_t banks_of(const OptionTable& table, LayerId layer, const std::vector<StagedValue>& values, std::int64_t cores,
                      const RowBlocks& blocks) {
  std::int64_t banks = 0;
  for (const StagedValue& value : values) {
    const std::int64_t sides = blocks.overlapped && value.axis != LayerCut::kWhole ? 2 : 1;
    banks += sides * buffer_banks(table, layer, value, cores, blocks.count);
  }
  return banks;
}

/// The fewest blocks within `empty` banks: needs fall as blocks become smaller.
std::optional<RowBlocks> fewest(const OptionTable& table, LayerId layer, const std::vector<StagedValue>& values, std::int64_t cores,
                                std::int64_t empty, bool overlapped) {
  std::int64_t low = overlapped ? 2 : 1;  // nothing overlaps with a single block
  std::int64_t high = table.cut(layer).extent;
  if (low > high || banks_of(table, layer, values, cores, {high, overlapped}) > empty) return std::nullopt;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (banks_of(table, layer, values, cores, {middle, overlapped}) <= empty) high = middle;
    else low = middle + 1;
  }
  return RowBlocks{low, overlapped};
}

/// What a block of so many output rows asks of the chip.
struct BlockWork {
  Cycles cycles;
  DynamicEnergy dynamic;
};

}  // namespace

std::vector<StagedValue> staged_values(const OptionTable& table, const std::vector<char>& spilled, LayerId layer) {
  std::vector<StagedValue> values;
  if (spilled.empty()) return values;
  const LayerGraph& graph = table.graph();
  const Layer& here = graph.layer(layer);
  const LayerCut& cut = table.cut(layer);
  for (std::size_t i = 0; i < here.inputs.size(); ++i) {
    const Operand& operand = here.inputs[i];
    if (!operand.tensor || !in(spilled, *operand.tensor)) continue;
    const bool again = std::any_of(values.begin(), values.end(), [&](const StagedValue& earlier) {
      return earlier.tensor == *operand.tensor && earlier.axis == cut.operands[i] && earlier.shape == operand.shape;
    });
    if (again) continue;
    values.push_back({*operand.tensor, false, i, cut.operands[i], operand.shape, modelled_element(table.spec(), operand.type)});
  }
  for (std::size_t o = 0; o < here.outputs.size(); ++o) {
    if (!in(spilled, here.outputs[o])) continue;
    const Activation& activation = graph.activation(here.outputs[o]);
    const Shape& shape = here.outputs.size() == 1 ? here.output_shape : activation.shape;
    const int axis = cut.extent > 1 ? cut.axis : LayerCut::kWhole;
    values.push_back({here.outputs[o], true, o, axis, shape, modelled_element(table.spec(), activation.type)});
  }
  return values;
}

Layout staged_layout(const OptionTable& table, LayerId layer, const StagedValue& value, std::int64_t rows) {
  const Shape shape = with_rows(value, table.cut(layer).view(value.shape, value.axis), rows);
  return value.output ? plain_layout(shape) : operand_layout(table.graph().layer(layer), shape);
}

std::int64_t buffer_banks(const OptionTable& table, LayerId layer, const StagedValue& value, std::int64_t cores, std::int64_t count) {
  const Layout layout = staged_layout(table, layer, value, largest_rows(table.cut(layer), value, count));
  const Bytes share = value.element * (layout.outer * ceil_div(layout.units, cores) * layout.inner);
  return ceil_div(share, table.spec().bank.size);
}

std::int64_t staging_banks(const OptionTable& table, const std::vector<char>& spilled, LayerId layer, std::int64_t cores,
                           const RowBlocks& blocks) {
  return banks_of(table, layer, staged_values(table, spilled, layer), cores, blocks);
}

std::int64_t least_staging_banks(const OptionTable& table, const std::vector<char>& spilled, LayerId layer, std::int64_t cores) {
  return staging_banks(table, spilled, layer, cores, {table.cut(layer).extent, false});
}

BlockedCost blocked_cost(const OptionTable& table, const std::vector<char>& spilled, LayerId layer, const Placement& placement,
                         const RowBlocks& blocks, std::int32_t percent) {
  GATEFOLD_REQUIRE(blocks.count > 0);
  const DeviceSpec& spec = table.spec();
  const Layer& here = table.graph().layer(layer);
  const LayerCut& cut = table.cut(layer);
  const Work& whole = table.work(layer);
  const Footprint footprint = footprint_of(placement);
  const std::vector<StagedValue> values = staged_values(table, spilled, layer);
  const StreamBuffer buffer = stream_buffer(spec, whole.weights, placement.core_count());
  const bool kept = buffer.prefetched == whole.weights;  // the weights fit the stream buffer and stay in it

  std::map<std::int64_t, BlockWork> works;  // blocks differ by one row at most
  BlockedCost cost;
  std::vector<BlockStep> steps;
  for (std::int64_t b = 0; b < blocks.count; ++b) {
    const Range out = part_of(cut.extent, blocks.count, b);
    auto [found, added] = works.try_emplace(out.count());
    if (added) {
      const Work part = work_of(spec, part_of_layer(here, cut, out), Bytes(whole.output.count() / cut.extent * out.count()));
      found->second = {layer_cycles(spec, part, footprint), dynamic_energy(spec, part, footprint)};
    }
    const BlockWork& work = found->second;
    cost.dynamic.compute += work.dynamic.compute;
    cost.dynamic.memory += work.dynamic.memory;
    cost.dynamic.crossbar += work.dynamic.crossbar - (b == 0 ? Energy(0) : route_energy(spec, footprint.clusters));
    BlockStep step;
    step.compute = throttled(work.cycles, percent);
    for (const StagedValue& value : values) {
      const CutView view = cut.view(value.shape, value.axis);
      const Bytes row = value.element * (view.outer * view.inner);
      if (value.output) step.stored += value.axis == LayerCut::kWhole ? row : row * out.count();
      else if (value.axis != LayerCut::kWhole) step.loaded += row * cut.read(out, view.extent).count();
      else if (b == 0) step.loaded += row;
    }
    if (placement.streamed && (b == 0 || !kept)) {
      step.streamed = whole.weights;
      step.ahead = buffer.first;
    }
    cost.spilled += step.loaded + step.stored;
    cost.streamed += step.streamed;
    steps.push_back(step);
  }
  cost.external = external_energy(spec, cost.spilled, cost.streamed);
  cost.cycles = row_block_cycles(spec, steps, blocks.overlapped);
  Work held = whole;
  held.input = resident_input(table, spilled, layer);
  held.output = resident_output(table, spilled, layer);
  cost.held =
      held_leakage(spec, held, footprint) + spec.bank.on * (footprint.total() * banks_of(table, layer, values, footprint.total(), blocks));
  return cost;
}

std::optional<RowBlocks> choose_blocks(const OptionTable& table, const std::vector<char>& spilled, LayerId layer,
                                       const Placement& placement, std::int64_t empty) {
  const std::vector<StagedValue> values = staged_values(table, spilled, layer);
  if (values.empty()) return RowBlocks{};
  const std::int64_t cores = placement.core_count();
  const std::optional<RowBlocks> plain = fewest(table, layer, values, cores, empty, false);
  const std::optional<RowBlocks> overlapped = fewest(table, layer, values, cores, empty, true);
  if (!plain || !overlapped) return plain;
  const auto price = [&](const RowBlocks& blocks) {
    const BlockedCost cost = blocked_cost(table, spilled, layer, placement, blocks);
    return EnergyTotal(cost.dynamic.total()) + cost.external + EnergyTotal::over(table.always() + cost.held, cost.cycles);
  };
  return price(*overlapped) < price(*plain) ? overlapped : plain;
}

Bytes resident_input(const OptionTable& table, const std::vector<char>& spilled, LayerId layer) {
  Bytes bytes;
  for (const Operand& operand : table.graph().layer(layer).inputs) {
    if (operand.tensor && !in(spilled, *operand.tensor)) bytes += table.tensor_bytes(*operand.tensor);
  }
  return bytes;
}

Bytes resident_output(const OptionTable& table, const std::vector<char>& spilled, LayerId layer) {
  Bytes bytes;
  for (const TensorId output : table.graph().layer(layer).outputs) {
    if (!in(spilled, output)) bytes += table.tensor_bytes(output);
  }
  return bytes;
}

}  // namespace gatefold
