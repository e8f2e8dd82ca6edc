// The state machine of one dot layer on the cluster's cores.
//
// LOAD   every core fills its weight buffers; the cluster goes on when the slowest has its last row.
// STREAM every core issues the chunks of one window position; the position advances when the core with the most
//        chunks issues its last (lockstep). After the last position of a pass: LOAD the next P filters, or DRAIN.
// DRAIN  until the last result lies in its bank.
// No state lasts a precomputed number of cycles: each is left when the cores or the output writer say so.
module cluster_controller #(
    parameter int P = 4
) (
    input  logic clk,
    input  logic reset,
    input  logic start,          // at the end of this cycle the layer begins
    input  int   oc,
    input  int   oh,
    input  int   ow,
    input  logic load_last,      // the slowest core reads its last row in this cycle
    input  logic chunk_last,     // the core with the most chunks would issue its last in this cycle
    input  logic stall,          // no room for another position's results
    input  logic last_write,     // the last result is written in this cycle
    output logic load,
    output logic issue,
    output logic advance,        // the last chunk of a position is issued
    output logic busy,
    output int   filter_base,    // first filter of the pass
    output int   oy,
    output int   ox,
    output int   stalls
);
  typedef enum logic [1:0] {IDLE, LOAD, STREAM, DRAIN} state_t;
  state_t state;

  assign busy = state != IDLE;
  assign load = state == LOAD;
  assign issue = state == STREAM && !stall;
  assign advance = issue && chunk_last;

  always_ff @(posedge clk) begin
    if (reset) begin
      state <= IDLE;
      stalls <= 0;
    end else if (start) begin
      state <= LOAD;
      filter_base <= 0;
      oy <= 0;
      ox <= 0;
      stalls <= 0;
    end else begin
      if (state == STREAM && stall) stalls <= stalls + 1;
      if (load && load_last) state <= STREAM;
      if (advance) begin
        ox <= ox + 1 == ow ? 0 : ox + 1;
        if (ox + 1 == ow) oy <= oy + 1 == oh ? 0 : oy + 1;
        if (ox + 1 == ow && oy + 1 == oh) begin
          filter_base <= filter_base + P;
          state <= filter_base + P < oc ? LOAD : DRAIN;
        end
      end
      if (state == DRAIN && last_write) state <= IDLE;
    end
  end
endmodule
