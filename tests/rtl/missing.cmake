message(FATAL_ERROR "Verilator is missing: run scripts/packages.sh test (or apt-get install verilator), then configure again")
