// Dot layers through the tile kernels.
#include "gatefold/host/layer_step.h"
#include "gatefold/kernels/tile_layer.h"

namespace gatefold {
namespace {

/// Distances of pixels in bytes; axes of extent 1 take the distance that makes them part of the next.
std::optional<ImageLayout> image_layout(const View& view) {
  const Shape& s = view.shape;
  const std::int64_t size = element_size(view.type);
  if (s[1] > 1 && view.strides[1] != 1) return std::nullopt;
  ImageLayout out;
  std::int64_t pixel = s[1];
  for (const int axis : {0, 2, 3}) {
    if (s[axis] > 1) pixel = view.strides[static_cast<std::size_t>(axis)];
  }
  out.pixel = pixel * size;
  out.row = s[2] > 1 ? view.strides[2] * size : s[3] * out.pixel;
  out.image = s[0] > 1 ? view.strides[0] * size : s[2] * out.row;
  return out;
}

/// As the loops see an operand: [n, c, h, w] whether it is an image or the rows of a matrix.
std::optional<View> as_image(const View& view, const Shape& image) {
  const auto strides = reshaped_strides(view.shape, view.strides, image);
  if (!strides) return std::nullopt;
  return View{view.offset, image, *strides, view.type};
}

/// A tensor that a dot layer reads: in the arena, or copied from there first.
struct Source {
  std::size_t offset = 0;
  std::optional<Gathered> copy;
  [[nodiscard]] std::size_t scratch_bytes() const { return copy ? aligned(copy->bytes() + kTileSlack) : 0; }
  /// `scratch`: where the copy goes.
  [[nodiscard]] const std::byte* in(const std::byte* arena, std::byte* scratch) const {
    if (!copy) return arena + offset;
    copy->run(arena, scratch);
    return scratch;
  }
};

class DotStep final : public LayerStep {
 public:
  DotStep(std::unique_ptr<const TileLayer> layer, Source x, std::size_t y, std::optional<Source> addend)
      : layer_(std::move(layer)), x_(std::move(x)), y_(y), addend_(std::move(addend)) {}

  [[nodiscard]] std::int64_t parts_max() const override { return copies() ? 1 : layer_->parts_max(); }
  [[nodiscard]] std::size_t scratch_bytes() const override {
    return x_.scratch_bytes() + (addend_ ? addend_->scratch_bytes() : 0) + layer_->scratch_bytes();
  }

  void run(int part, int parts, std::byte* arena, std::byte* scratch) const override {
    const std::byte* x = x_.in(arena, scratch);
    scratch += x_.scratch_bytes();
    const std::byte* addend = nullptr;
    if (addend_) {
      addend = addend_->in(arena, scratch);
      scratch += addend_->scratch_bytes();
    }
    layer_->run(part, parts, x, arena + y_, addend, scratch);
  }

 private:
  [[nodiscard]] bool copies() const { return x_.copy || (addend_ && addend_->copy); }

  std::unique_ptr<const TileLayer> layer_;
  Source x_;
  std::size_t y_;
  std::optional<Source> addend_;
};

/// The other operand of the sum that `layer` takes over; `pixel`: the distance of its positions in bytes.
Source addend_of(const StepSource& source, const Layer& layer, const Layer& sum, std::int64_t& pixel) {
  const Operand& operand = sum.inputs[sum.inputs[0].tensor == layer.outputs[0] ? 1 : 0];
  const Shape& s = operand.shape;
  const auto view = view_of_operand(source, operand);
  if (const auto layout = view ? image_layout(*view) : std::nullopt) {
    if (layout->row == s[3] * layout->pixel && layout->image == s[2] * layout->row) {
      pixel = layout->pixel;
      return {view->offset, std::nullopt};
    }
  }
  pixel = s[1] * element_size(operand.type);
  return {0, Gathered(source, operand, channels_last(s), false)};
}

}  // namespace

LayerStepPtr dot_step(const StepSource& source, std::size_t index) {
  const Layer& layer = source.graph.layers[index];
  if (layer.kind != LayerKind::kDot || !layer.inputs[1].constant) return nullptr;
  const DotGeometry& d = layer.dot;
  const Shape x_image{d.n, d.ic, d.ih, d.iw};
  const auto y = as_image(view_of_output(source, layer), Shape{d.n, d.oc, d.oh, d.ow});
  if (!y) return nullptr;
  const auto y_layout = image_layout(*y);
  if (!y_layout) return nullptr;

  TileLayerOptions options;
  options.y = *y_layout;
  std::optional<Source> addend;
  if (const auto sum_id = source.storage.sum_taken_over(index)) {
    const Layer& sum = source.graph.layer(*sum_id);
    addend = addend_of(source, layer, sum, options.addend_pixel);
    options.added_to = true;
    options.low = limits_of(sum.epilogue.activation)->low;
    options.high = limits_of(sum.epilogue.activation)->high;
  }

  const auto operand = view_of_operand(source, layer.inputs[0]);
  const auto x = operand ? as_image(*operand, x_image) : std::nullopt;
  const auto x_layout = x ? image_layout(*x) : std::nullopt;
  Source from;
  if (x_layout) {
    options.x = *x_layout;
    from.offset = x->offset;
  } else {
    // In the order that the image wants, if the operand has strides at all; a matrix's rows are row-major anyway.
    const Shape& shape = layer.inputs[0].shape;
    const bool image = shape.rank() == 4 && operand && shape == x_image;
    if (!image && (d.ih > 1 || d.iw > 1)) return nullptr;
    from.copy = Gathered(source, layer.inputs[0], image ? channels_last(shape) : row_major(shape), false);
    const std::int64_t pixel = d.ic * element_size(layer.inputs[0].type);
    options.x = {d.ih * d.iw * pixel, d.iw * pixel, pixel};
  }
  auto tile = make_tile_layer(layer, source.numerics, options, source.isa, source.weights);
  if (!tile) return nullptr;
  return std::make_unique<DotStep>(std::move(tile), std::move(from), y->offset, std::move(addend));
}

}  // namespace gatefold
