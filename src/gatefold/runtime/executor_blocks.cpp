// A layer that executes in row blocks. Rows of spilled inputs go from external memory into the staging buffers and are read
// from there, rows of spilled outputs the other way, each through the check that the banks are ON; a block is computed by the
// same kernels as a whole layer, as the layer that it is (row_cut.h). Weights are read where they lie; what multiplies them is
// packed for the geometry of a block, of which a layer has a handful.
#include <algorithm>
#include <cstring>

#include "gatefold/kernels/evaluate.h"
#include "gatefold/runtime/executor.h"

namespace gatefold {
namespace {

using SharedBytes = std::shared_ptr<const Buffer>;

/// The rows of what one core holds of an operand: the same positions, its own channels.
CutView view_of_share(const LayerCut& cut, const Operand& operand, std::int64_t channels, std::int64_t all) {
  CutView view = cut.view(operand.shape, cut.operands[0]);
  std::int64_t& with_channels = cut.operands[0] == LayerCut::kRows ? view.inner : view.outer;
  with_channels = with_channels / all * channels;
  return view;
}

Shape output_part(const Layer& here, const Layer& part, const Activation& activation, const LayerCut& cut, Range out) {
  if (here.outputs.size() == 1) return part.output_shape;
  if (cut.extent <= 1) return activation.shape;
  std::vector<std::int64_t> dims(activation.shape.dims().begin(), activation.shape.dims().end());
  dims[static_cast<std::size_t>(cut.axis)] = out.count();
  return Shape(dims);
}

}  // namespace

/// One execution in row blocks.
class BlockRun {
 public:
  BlockRun(Executor& executor, LayerId layer, const Placement& placement, const RowBlocks& blocks, Chip& chip, const Residence& residence,
           Cycles from, Cycles until)
      : executor_(executor),
        layer_(layer),
        here_(executor.network_->graph().layer(layer)),
        cut_(executor.network_->table().cut(layer)),
        values_(staged_values(executor.network_->table(), residence.spilled(), layer)),
        placement_(placement),
        blocks_(blocks),
        chip_(chip),
        residence_(residence),
        from_(from),
        until_(until) {}

  Status run() {
    const LayerGraph& graph = executor_.network_->graph();
    for (const TensorId output : here_.outputs) {
      whole_outputs_.push_back(std::make_shared<Buffer>(static_cast<std::size_t>(stored_bytes(graph.activation(output)))));
    }
    for (const Operand& operand : here_.inputs) {
      resident_.emplace_back();
      if (!operand.tensor || residence_.spilled(*operand.tensor)) continue;
      GATEFOLD_TRY(resident_.back(), executor_.read(*operand.tensor, chip_.memory(), chip_.gating(), residence_, from_, until_));
    }
    if (here_.kind == LayerKind::kDot && placement_.streamed) {
      GATEFOLD_CHECK(executor_.receive_weights(layer_, placement_, chip_, residence_, from_, until_));
    }
    for (std::int64_t b = 0; b < blocks_.count; ++b) GATEFOLD_CHECK(block(b));
    for (std::size_t o = 0; o < here_.outputs.size(); ++o) {
      GATEFOLD_CHECK(executor_.write(here_.outputs[o], whole_outputs_[o], chip_, residence_, from_, until_));
    }
    return Done{};
  }

 private:
  [[nodiscard]] std::int64_t element(const StagedValue& value) const {
    return element_size(executor_.network_->graph().activation(value.tensor).type);
  }
  [[nodiscard]] std::span<const BlockId> buffer(std::size_t value, std::int64_t b) const {
    const bool alternates = blocks_.overlapped && values_[value].axis != LayerCut::kWhole;
    return residence_.staging(value, alternates ? b % 2 : 0);
  }
  /// The staged value that an operand's rows come from, if it is spilled.
  [[nodiscard]] std::optional<std::size_t> staged(std::size_t operand) const {
    for (std::size_t v = 0; v < values_.size(); ++v) {
      const StagedValue& value = values_[v];
      if (!value.output && here_.inputs[operand].tensor == value.tensor && cut_.operands[operand] == value.axis &&
          here_.inputs[operand].shape == value.shape) {
        return v;
      }
    }
    return std::nullopt;
  }

  Status block(std::int64_t b) {
    const Range out = part_of(cut_.extent, blocks_.count, b);
    const Layer part = part_of_layer(here_, cut_, out);
    for (std::size_t v = 0; v < values_.size(); ++v) {
      if (!values_[v].output) GATEFOLD_CHECK(load(v, b, out));
    }
    std::vector<std::shared_ptr<Buffer>> rows;
    std::vector<MutableTensorView> outputs;
    for (const TensorId output : here_.outputs) {
      const Activation& activation = executor_.network_->graph().activation(output);
      const Shape shape = output_part(here_, part, activation, cut_, out);
      rows.push_back(std::make_shared<Buffer>(static_cast<std::size_t>(shape.elements() * element_size(activation.type))));
      outputs.push_back({activation.type, shape, rows.back()->data()});
    }
    if (here_.kind == LayerKind::kDot) GATEFOLD_CHECK(compute_dot(part, b, out, outputs[0]));
    else GATEFOLD_CHECK(compute(part, b, out, outputs));
    for (std::size_t o = 0; o < here_.outputs.size(); ++o) GATEFOLD_CHECK(keep(o, b, out, rows[o]));
    return Done{};
  }

  /// Rows of a spilled input: external memory to staging buffer.
  Status load(std::size_t v, std::int64_t b, Range out) {
    const StagedValue& value = values_[v];
    if (value.axis == LayerCut::kWhole && b > 0) return Done{};  // still there
    const CutView view = cut_.view(value.shape, value.axis);
    const Range read = value.axis == LayerCut::kWhole ? Range{0, 1} : cut_.read(out, view.extent);
    auto rows = std::make_shared<Buffer>(static_cast<std::size_t>(view.outer * read.count() * view.inner * element(value)));
    take_rows(view, read, element(value), executor_.external_[value.tensor.at()]->data(), rows->data());
    return executor_.write_shares(buffer(v, b), staged_layout(executor_.network_->table(), layer_, value, read.count()), element(value),
                                  std::move(rows), chip_, from_, until_);
  }

  /// Output rows: through the staging buffer to external memory, or beside the rows that are there already.
  Status keep(std::size_t o, std::int64_t b, Range out, SharedBytes rows) {
    const TensorId output = here_.outputs[o];
    const Activation& activation = executor_.network_->graph().activation(output);
    for (std::size_t v = 0; v < values_.size(); ++v) {
      if (!values_[v].output || values_[v].tensor != output) continue;
      const Layout layout = staged_layout(executor_.network_->table(), layer_, values_[v], out.count());
      GATEFOLD_CHECK(executor_.write_shares(buffer(v, b), layout, element(values_[v]), rows, chip_, from_, until_));
      GATEFOLD_TRY(rows, executor_.read_shares(buffer(v, b), layout, element(values_[v]), chip_.memory(), chip_.gating(), from_, until_));
    }
    const Shape& shape = here_.outputs.size() == 1 ? here_.output_shape : activation.shape;
    const CutView view = cut_.view(shape, cut_.extent > 1 ? cut_.axis : LayerCut::kWhole);
    const Range range = cut_.extent > 1 ? out : Range{0, 1};
    put_rows(view, range, element_size(activation.type), rows->data(), whole_outputs_[o]->data());
    return Done{};
  }

  /// The rows of an operand that a block reads, all channels.
  Result<SharedBytes> rows_of(std::size_t i, std::int64_t b, Range out) {
    const Operand& operand = here_.inputs[i];
    const CutView view = cut_.view(operand.shape, cut_.operands[i]);
    const Range read = cut_.operands[i] == LayerCut::kWhole ? Range{0, 1} : cut_.read(out, view.extent);
    if (const auto v = staged(i)) {
      const Layout layout = staged_layout(executor_.network_->table(), layer_, values_[*v], read.count());
      return executor_.read_shares(buffer(*v, b), layout, element(values_[*v]), chip_.memory(), chip_.gating(), from_, until_);
    }
    if (read.count() == view.extent) return resident_[i];
    const std::int64_t size = element_size(operand.type);
    auto rows = std::make_shared<Buffer>(static_cast<std::size_t>(view.outer * read.count() * view.inner * size));
    take_rows(view, read, size, resident_[i]->data(), rows->data());
    return SharedBytes(std::move(rows));
  }

  Status compute(const Layer& part, std::int64_t b, Range out, std::span<const MutableTensorView> outputs) {
    std::vector<SharedBytes> kept;
    std::vector<Tensor> constants;
    constants.reserve(part.inputs.size());
    std::vector<TensorView> inputs;
    for (std::size_t i = 0; i < part.inputs.size(); ++i) {
      const Operand& operand = part.inputs[i];
      if (!operand.constant && !operand.tensor) {
        inputs.emplace_back();  // an optional operand that is absent
        continue;
      }
      if (operand.constant) {
        constants.push_back(operand.constant->dense());
        inputs.push_back(constants.back().view());
        continue;
      }
      GATEFOLD_TRY(SharedBytes bytes, rows_of(i, b, out));
      inputs.push_back({operand.type, operand.shape, bytes->data()});
      kept.push_back(std::move(bytes));
    }
    return run_layer(part, executor_.numerics_, inputs, outputs);
  }

  /// What core `c` reads of a dot layer's input in a block: its channels.
  Result<SharedBytes> share_of(std::size_t c, std::int64_t channels, std::int64_t b, Range out) {
    if (const auto v = staged(0)) {
      GATEFOLD_TRY(Payload payload, chip_.memory().read(buffer(*v, b)[c], chip_.gating(), from_, until_));
      return std::static_pointer_cast<const Buffer>(payload);
    }
    const Operand& x = here_.inputs[0];
    GATEFOLD_TRY(Payload payload, chip_.memory().read(residence_.blocks(*x.tensor)[c], chip_.gating(), from_, until_));
    auto share = std::static_pointer_cast<const Buffer>(payload);
    if (cut_.operands[0] == LayerCut::kWhole) return share;
    const CutView view = view_of_share(cut_, x, channels, here_.dot.ic);
    const Range read = cut_.read(out, view.extent);
    const std::int64_t size = element_size(x.type);
    auto rows = std::make_shared<Buffer>(static_cast<std::size_t>(view.outer * read.count() * view.inner * size));
    take_rows(view, read, size, share->data(), rows->data());
    return SharedBytes(std::move(rows));
  }

  Status compute_dot(const Layer& part, std::int64_t b, Range out, MutableTensorView y) {
    GATEFOLD_TRY(const DotKernel kernel, DotKernel::create(part, executor_.numerics_));
    const DotGeometry& dot = part.dot;
    std::byte* sums = executor_.accumulators_.data();
    std::memset(sums, 0, static_cast<std::size_t>(kernel.accumulator_elements() * element_size(kernel.accumulator_type())));
    const bool sliced = executor_.sliced(layer_) && placement_.core_count() > 1;
    const auto weights = residence_.weights(layer_);
    for (std::size_t c = 0; c < (sliced ? weights.size() : 1U); ++c) {
      DotSlice slice = kernel.whole();
      SharedBytes x;
      if (sliced) {
        slice.ic = part_of(dot.ic, placement_.core_count(), static_cast<std::int64_t>(c));
        if (dot.depthwise()) slice.oc = slice.ic;
        GATEFOLD_TRY(x, share_of(c, slice.ic.count(), b, out));
      } else {
        GATEFOLD_TRY(x, rows_of(0, b, out));
      }
      GATEFOLD_TRY(const Payload there, chip_.memory().read(weights[c], chip_.gating(), from_, until_));
      GATEFOLD_ENSURE(there != nullptr);
      GATEFOLD_TRY(const auto packed, executor_.network_->weights().slice(layer_.at(), kernel, dot, slice));
      GATEFOLD_CHECK(kernel.accumulate(*packed, {part.inputs[0].type, Shape{dot.n, slice.ic.count(), dot.ih, dot.iw}, x->data()}, sums));
    }
    kernel.finish(sums, Range{0, dot.oc}, y);
    return Done{};
  }

  Executor& executor_;
  LayerId layer_;
  const Layer& here_;
  const LayerCut& cut_;
  std::vector<StagedValue> values_;
  const Placement& placement_;
  RowBlocks blocks_;
  Chip& chip_;
  const Residence& residence_;
  Cycles from_;
  Cycles until_;
  std::vector<SharedBytes> resident_;  ///< per operand: whole, unless spilled or constant
  std::vector<std::shared_ptr<Buffer>> whole_outputs_;
};

Status Executor::execute_blocks(LayerId layer, const Placement& placement, const RowBlocks& blocks, Chip& chip, const Residence& residence,
                                Cycles from, Cycles until) {
  return BlockRun(*this, layer, placement, blocks, chip, residence, from, until).run();
}

}  // namespace gatefold
