// The edge of oneDNN: engine, per-thread stream, one thread only, exceptions turned into errors.
#pragma once

#include <fmt/format.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "gatefold/base/result.h"
#include "gatefold/kernels/packed_slice.h"
#include "gatefold/kernels/scratch.h"

// The library is built on GNU OpenMP; its header is not on clang's path, and two functions are all that is needed.
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int count);
}

namespace gatefold {

/// Keeps oneDNN to the calling thread while it lives: parallelism is the executor's, across slices.
class SingleThreaded {
 public:
  SingleThreaded() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;
  ~SingleThreaded() { omp_set_num_threads(before_); }

 private:
  int before_;
};

[[nodiscard]] inline const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}
[[nodiscard]] inline dnnl::stream& this_threads_stream() {
  thread_local dnnl::stream stream(cpu_engine());
  return stream;
}

/// Runs `action` single-threaded. Errors: kUnsupported with the library's message.
template <class Action>
auto through_dnnl(Action action) -> decltype(action()) {
  const SingleThreaded single;
  try {
    return action();
  } catch (const dnnl::error& error) {
    return Error{ErrorCode::kUnsupported, fmt::format("oneDNN: {}", error.what())};
  }
}

/// Scratchpads come from this room's per-thread buffers: the library's own are not safe to share between threads.
[[nodiscard]] inline dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

/// Memory over bytes that outlive the execution.
[[nodiscard]] inline dnnl::memory over(const dnnl::memory::desc& desc, const std::byte* bytes) {
  return {desc, cpu_engine(), const_cast<std::byte*>(bytes)};  // NOLINT(cppcoreguidelines-pro-type-const-cast): inputs are not written
}

/// Executes one primitive with its scratchpad.
inline void execute(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
                    std::unordered_map<int, dnnl::memory> arguments) {
  if (scratchpad.get_size() > 0) {
    arguments.insert({DNNL_ARG_SCRATCHPAD, over(scratchpad, scratch(ScratchUse::kLibrary, scratchpad.get_size()))});
  }
  primitive.execute(this_threads_stream(), arguments);
  this_threads_stream().wait();
}

/// A convolution (or matrix product) of a slice as the library wants it.
struct DnnlDot {
  dnnl::primitive primitive;
  dnnl::memory::desc src, weights, dst, scratchpad;
};

/// Layouts of what surrounds the primitive.
struct DnnlFormats {
  dnnl::memory::data_type src_type, weights_type, dst_type;
  dnnl::memory::format_tag activations;  ///< of 4-D src and dst; `any` lets the library choose
  std::int64_t ih, iw;                   ///< of src, which may have been padded already
  bool pad;                              ///< the library pads with zeros
};
[[nodiscard]] DnnlDot make_dnnl_dot(const SliceLoops& loops, const DnnlFormats& formats);

/// The descriptor of plain weights [oc, ic / group, kh, kw], grouped as the library wants it.
[[nodiscard]] dnnl::memory::desc plain_weights(const SliceLoops& loops, dnnl::memory::data_type type);

/// Reorders plain weights into the primitive's layout; the result owns its bytes.
[[nodiscard]] dnnl::memory reordered_weights(const SliceLoops& loops, const DnnlDot& dot, dnnl::memory::data_type type,
                                             const void* weights);

}  // namespace gatefold
