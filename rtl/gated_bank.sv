// A bank under its gap controller, twice: `access` touches the one, `access_early` the other, so that a test can touch a
// twin one cycle before the right one and see that it was too early. A third bank sleeps by its idle limit alone.
module gated_bank (
    input  logic clk,
    input  logic reset,
    input  int   hold_end,
    input  int   next_from,
    input  logic unknown,
    input  logic content,
    input  logic arrival,
    input  int   retention_min,
    input  int   off_min,
    input  int   wake_retention,
    input  int   wake_off,
    input  logic access,
    input  logic access_early,
    input  logic access_idle,
    input  logic wake_idle,
    input  int   idle_limit,
    output int   now,
    output logic ready,
    output logic error,
    output logic error_early,
    output logic ready_idle,
    output logic error_idle,
    output int   on_cycles,
    output int   retention_cycles,
    output int   off_cycles,
    output int   wakes
);
  logic wake, sleep, deep;

  gap_controller controller (.*);
  // verilator lint_off PINCONNECTEMPTY
  bank_gate bank (.clk, .reset, .access, .wake, .sleep, .deep, .idle_limit(0), .wake_retention, .wake_off, .ready, .ready_next(), .error, .on_cycles,
                  .retention_cycles, .off_cycles, .wakes);
  bank_gate twin (.clk, .reset, .access(access_early), .wake, .sleep, .deep, .idle_limit(0), .wake_retention, .wake_off, .ready(), .ready_next(),
                  .error(error_early), .on_cycles(), .retention_cycles(), .off_cycles(), .wakes());
  bank_gate timed (.clk, .reset, .access(access_idle), .wake(wake_idle), .sleep(1'b0), .deep(1'b0), .idle_limit, .wake_retention, .wake_off,
                   .ready(ready_idle), .ready_next(), .error(error_idle), .on_cycles(), .retention_cycles(), .off_cycles(), .wakes());
  // verilator lint_on PINCONNECTEMPTY
endmodule
