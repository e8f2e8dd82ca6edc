#include "gatefold/kernels/dnnl_support.h"

namespace gatefold {
namespace {

using Dims = dnnl::memory::dims;
using Tag = dnnl::memory::format_tag;

Dims weight_dims(const SliceLoops& loops) {
  const DotGeometry& d = loops.dot;
  if (loops.is_matrix()) return {d.oc, d.ic};
  if (d.group == 1) return {d.oc, d.ic, d.kh, d.kw};
  return {d.group, d.oc / d.group, d.ic / d.group, d.kh, d.kw};
}

template <class Descriptor>
DnnlDot from(const Descriptor& descriptor) {
  return {dnnl::primitive(descriptor), descriptor.src_desc(), descriptor.weights_desc(), descriptor.dst_desc(),
          descriptor.scratchpad_desc()};
}

DnnlDot make_inner_product(const SliceLoops& loops, const DnnlFormats& formats) {
  const DotGeometry& d = loops.dot;
  const dnnl::memory::desc src({d.n, d.ic}, formats.src_type, Tag::nc);
  const dnnl::memory::desc weights(weight_dims(loops), formats.weights_type, Tag::any);
  const dnnl::memory::desc dst({d.n, d.oc}, formats.dst_type, Tag::nc);
  const dnnl::inner_product_forward::desc product(dnnl::prop_kind::forward_inference, src, weights, dst);
  const dnnl::inner_product_forward::primitive_desc descriptor(product, user_scratchpad(), cpu_engine());
  DnnlDot dot = from(descriptor);
  dot.primitive = dnnl::inner_product_forward(descriptor);
  return dot;
}

}  // namespace

DnnlDot make_dnnl_dot(const SliceLoops& loops, const DnnlFormats& formats) {
  if (loops.is_matrix()) return make_inner_product(loops, formats);
  const DotGeometry& d = loops.dot;
  const dnnl::memory::desc src({d.n, d.ic, formats.ih, formats.iw}, formats.src_type, formats.activations);
  const dnnl::memory::desc weights(weight_dims(loops), formats.weights_type, Tag::any);
  const dnnl::memory::desc dst({d.n, d.oc, d.oh, d.ow}, formats.dst_type, formats.activations);
  const Dims begin = formats.pad ? Dims{d.pad_top, d.pad_left} : Dims{0, 0};
  // What a stride leaves over at the end may be cropped: the library wants the end padding that fits exactly.
  const Dims end = {(d.oh - 1) * d.sh + (d.kh - 1) * d.dh + 1 - formats.ih - begin[0],
                    (d.ow - 1) * d.sw + (d.kw - 1) * d.dw + 1 - formats.iw - begin[1]};
  const dnnl::convolution_forward::desc convolution(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, src, weights,
                                                    dst, Dims{d.sh, d.sw}, Dims{d.dh - 1, d.dw - 1}, begin, end);
  const dnnl::convolution_forward::primitive_desc descriptor(convolution, user_scratchpad(), cpu_engine());
  DnnlDot dot = from(descriptor);
  dot.primitive = dnnl::convolution_forward(descriptor);
  return dot;
}

dnnl::memory::desc plain_weights(const SliceLoops& loops, dnnl::memory::data_type type) {
  const Dims dims = weight_dims(loops);
  return {dims, type, dims.size() == 2 ? Tag::nc : (dims.size() == 4 ? Tag::oihw : Tag::goihw)};
}

dnnl::memory reordered_weights(const SliceLoops& loops, const DnnlDot& dot, dnnl::memory::data_type type, const void* weights) {
  dnnl::memory plain = over(plain_weights(loops, type), static_cast<const std::byte*>(weights));
  dnnl::memory packed(dot.weights, cpu_engine());
  dnnl::reorder(plain, packed).execute(this_threads_stream(), plain, packed);
  this_threads_stream().wait();
  return packed;
}

}  // namespace gatefold
