// A stranger's first program with the installed library: exits 0 if Gatefold finds a network that hands its input on
// well-formed and says what is wrong with one whose output does not exist.
#include <cstdio>

#include "gatefold/model/model.h"

int main() {
  gatefold::Model model;
  model.values.push_back({"x", {}});
  model.inputs.push_back({gatefold::ValueId(0), gatefold::ElementType::kFloat32, {{4, ""}}});
  model.outputs.push_back(gatefold::ValueId(0));
  if (const auto sound = gatefold::verify(model); !sound) {
    std::printf("consumer: a sound network is refused: %s\n", sound.error().message.c_str());
    return 1;
  }
  model.outputs.push_back(gatefold::ValueId(1));
  if (gatefold::verify(model)) {
    std::puts("consumer: a network without its second output is not refused");
    return 1;
  }
  return 0;
}
