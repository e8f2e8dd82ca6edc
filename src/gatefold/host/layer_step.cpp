#include "gatefold/host/layer_step.h"

namespace gatefold {

std::optional<View> view_of_operand(const StepSource& source, const Operand& operand) {
  const auto strides = source.storage.strides_of(operand);
  if (!strides) return std::nullopt;
  return View{source.storage.offset(*operand.tensor), operand.shape, *strides, operand.type};
}

View view_of_output(const StepSource& source, const Layer& layer, std::size_t index) {
  const TensorId id = layer.outputs[index];
  const Activation& activation = source.graph.activation(id);
  const Place& place = source.storage.place(id);
  const std::size_t offset = source.storage.offset(id);
  if (index == 0) {
    if (const auto strides = reshaped_strides(activation.shape, place.strides, layer.output_shape)) {
      return {offset, layer.output_shape, *strides, activation.type};
    }
  }
  return {offset, activation.shape, place.strides, activation.type};
}

Gathered::Gathered(const StepSource& source, const Operand& operand, const Strides& order_of_shape, bool flip) {
  // Where the operand's shape has no strides, the copy goes along the activation's own: into row-major order, which every
  // shape reads alike.
  const Activation& activation = source.graph.activation(*operand.tensor);
  const std::int64_t element = element_size(operand.type);
  const bool inverted = flip && operand.type == ElementType::kInt8;
  offset_ = source.storage.offset(*operand.tensor);
  bytes_ = static_cast<std::size_t>(operand.shape.elements() * element);
  if (const auto strides = source.storage.strides_of(operand)) {
    copy_ = StridedCopy(operand.shape, *strides, order_of_shape, element, inverted);
    return;
  }
  GATEFOLD_REQUIRE(same_order(operand.shape, order_of_shape, row_major(operand.shape)));
  copy_ = StridedCopy(activation.shape, source.storage.place(*operand.tensor).strides, row_major(activation.shape), element, inverted);
}

}  // namespace gatefold
