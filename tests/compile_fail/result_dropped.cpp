// A failure cannot be ignored by accident.
// Refused: ignoring return(ed)? value
#include "gatefold/base/result.h"

static gatefold::Status store() { return gatefold::Done{}; }

int main() {
#ifdef GATEFOLD_VIOLATION
  store();
#else
  return store() ? 0 : 1;
#endif
}
