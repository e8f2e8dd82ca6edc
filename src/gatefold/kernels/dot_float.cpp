// Float32 products of a slice through oneDNN: x is brought into the library's blocked layout, convolved, and added to
// the plain accumulators while its layout is undone.
#include "gatefold/kernels/dnnl_support.h"
#include "gatefold/kernels/quantise.h"

namespace gatefold {
namespace {

using Type = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

struct Reorder {
  dnnl::reorder primitive;
  dnnl::memory::desc scratchpad;
};

Reorder make_reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to, bool add) {
  dnnl::primitive_attr attributes = user_scratchpad();
  if (add) {
    dnnl::post_ops sum;
    sum.append_sum(1.0F);
    attributes.set_post_ops(sum);
  }
  const dnnl::reorder::primitive_desc descriptor(cpu_engine(), from, cpu_engine(), to, attributes);
  return {dnnl::reorder(descriptor), descriptor.scratchpad_desc()};
}

class FloatSlice final : public PackedSlice {
 public:
  FloatSlice(const SliceLoops& loops, std::span<const float> weights, std::optional<Quantisation> dequantise)
      : loops_(loops),
        dequantise_(std::move(dequantise)),
        dot_(make_dnnl_dot(loops, {Type::f32, Type::f32, Type::f32, Tag::any, loops.dot.ih, loops.dot.iw, true})),
        weights_(reordered_weights(loops, dot_, Type::f32, weights.data())),
        plain_src_(plain_src()),
        accumulators_(slice_of_accumulators()),
        add_(make_reorder(dot_.dst, accumulators_, true)) {
    if (dot_.src != plain_src_) prepare_ = make_reorder(plain_src_, dot_.src, false);
  }

  Status accumulate(const TensorView& x, std::byte* accumulators) const override {
    const std::byte* src = x.bytes;
    if (dequantise_) {
      auto* real = scratch_of<float>(ScratchUse::kInput, static_cast<std::int64_t>(loops_.x_elements()));
      const DotGeometry& d = loops_.dot;
      GATEFOLD_CHECK(dequantise(*dequantise_, {x.type, Shape{d.n, d.ic, d.ih, d.iw}, x.bytes}, real));
      src = reinterpret_cast<const std::byte*>(real);
    } else if (x.type != ElementType::kFloat32) {
      return Error{ErrorCode::kUnsupported, fmt::format("dot product: {} input, wanted float32", name(x.type))};
    }
    return through_dnnl([&]() -> Status {
      dnnl::memory ready = over(plain_src_, src);
      if (prepare_) {
        ready = over(dot_.src, scratch(ScratchUse::kPrepared, dot_.src.get_size()));
        execute(prepare_->primitive, prepare_->scratchpad, {{DNNL_ARG_FROM, over(plain_src_, src)}, {DNNL_ARG_TO, ready}});
      }
      const dnnl::memory product = over(dot_.dst, scratch(ScratchUse::kProduct, dot_.dst.get_size()));
      execute(dot_.primitive, dot_.scratchpad, {{DNNL_ARG_SRC, ready}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, product}});
      std::byte* first = accumulators + loops_.oc_begin * loops_.plane() * static_cast<std::int64_t>(sizeof(float));
      execute(add_.primitive, add_.scratchpad, {{DNNL_ARG_FROM, product}, {DNNL_ARG_TO, over(accumulators_, first)}});
      return Done{};
    });
  }

 private:
  [[nodiscard]] dnnl::memory::desc plain_src() const {
    const DotGeometry& d = loops_.dot;
    if (loops_.is_matrix()) return {{d.n, d.ic}, Type::f32, Tag::nc};
    return {{d.n, d.ic, d.ih, d.iw}, Type::f32, Tag::nchw};
  }
  /// The slice's channels of [n, oc_total, oh, ow].
  [[nodiscard]] dnnl::memory::desc slice_of_accumulators() const {
    const DotGeometry& d = loops_.dot;
    const std::int64_t image = loops_.oc_total * loops_.plane();
    if (loops_.is_matrix()) return {{d.n, d.oc}, Type::f32, {image, 1}};
    return {{d.n, d.oc, d.oh, d.ow}, Type::f32, {image, loops_.plane(), d.ow, 1}};
  }

  SliceLoops loops_;
  std::optional<Quantisation> dequantise_;
  DnnlDot dot_;
  dnnl::memory weights_;
  dnnl::memory::desc plain_src_, accumulators_;
  std::optional<Reorder> prepare_;
  Reorder add_;
};

}  // namespace

PackedResult pack_float(const SliceLoops& loops, std::span<const float> weights, std::optional<Quantisation> dequantise) {
  return through_dnnl(
      [&]() -> PackedResult { return std::shared_ptr<const PackedSlice>(new FloatSlice(loops, weights, std::move(dequantise))); });
}

}  // namespace gatefold
