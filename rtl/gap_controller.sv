// The core controller's hand on one bank: it knows the access in progress and when the next begins, and gates the gap.
//
// In the last cycle of an access it compares the length of the gap with two thresholds (control words, in cycles) and
// sends the bank to sleep or leaves it ON. A known gap is woken ahead, so that the bank is ON when the access begins. A gap
// whose end nobody knows is judged by its expected length and woken when `arrival` says so.
module gap_controller (
    input  logic clk,
    input  logic reset,
    input  int   hold_end,          // first cycle after the access in progress
    input  int   next_from,      // first cycle of the next access; where it is unknown: the expected one
    input  logic unknown,        // the next access begins after `arrival`, once the bank is ON
    input  logic content,        // the bank holds data: OFF would lose them
    input  logic arrival,
    input  int   retention_min,  // shortest gap worth RETENTION
    input  int   off_min,        // shortest gap worth OFF
    input  int   wake_retention,
    input  int   wake_off,
    output int   now,
    output logic wake,
    output logic sleep,
    output logic deep
);
  int   gap;
  int   latency;
  logic asleep_deep;

  assign gap = next_from - hold_end;
  assign deep = !content && gap >= off_min && (unknown || gap >= wake_off);
  assign sleep = now + 1 == hold_end && (deep || (gap >= retention_min && (unknown || gap >= wake_retention)));
  assign latency = asleep_deep ? wake_off : wake_retention;
  assign wake = unknown ? arrival : now + latency == next_from;

  always_ff @(posedge clk) begin
    if (reset) begin
      now <= 0;
      asleep_deep <= 0;
    end else begin
      now <= now + 1;
      if (sleep) asleep_deep <= deep;
    end
  end
endmodule
