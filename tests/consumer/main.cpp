// A stranger's first program with the installed library: exits 0 if Gatefold finds the empty network well-formed and
// reports one whose output does not exist.
#include "gatefold/model/model.h"

int main() {
  gatefold::Model model;
  const bool empty_is_well_formed = gatefold::verify(model).has_value();
  model.outputs.push_back(gatefold::ValueId(3));
  const bool missing_output_is_reported = !gatefold::verify(model).has_value();
  return empty_is_well_formed && missing_output_is_reported ? 0 : 1;
}
