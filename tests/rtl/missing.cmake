# What the test `rtl` runs where CMake found no Verilator: a failure that says what to do.
message(FATAL_ERROR "Verilator is missing: run scripts/packages.sh test (or apt-get install verilator), then configure again")
