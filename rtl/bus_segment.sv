// The dot-product bus of a cluster, its post-processor and the output bus.
//
// Registers, one cycle each: lane adder (lane i adds the partial sums that unit i of every core sends), accumulator over the
// chunks of a position, output buffer, and the cell of the output bank. The output bus moves up to `bus_values` results of 32 bits a
// cycle, in the order they were finished. A position is only begun where `buffer_limit` leaves room for its results (`stall`).
module bus_segment #(
    parameter int C = 4,
    parameter int P = 4,
    parameter int OUTPUT_WORDS = 4096 // of the output bank, and of the output buffer
) (
    input  logic clk,
    input  logic start,
    input  logic advance,             // the last chunk of a position is issued in this cycle
    input  logic valid,               // the cores' partial sums are those of a chunk ..
    input  logic last,                // .. and of the last chunk of a position
    input  logic [32*P*C-1:0] partials,
    input  int   filter_base,
    input  int   oc,
    input  int   oh,
    input  int   ow,
    input  int   bus_values,
    input  int   buffer_limit,        // values that the output buffer may hold
    output logic stall,
    output logic writes,
    output logic last_write,
    output int   written
);
  /*verilator no_inline_module*/  // as core.sv
  localparam int WORDS = OUTPUT_WORDS;

  int outputs[OUTPUT_WORDS]  /* verilator public_flat_rw */;  // [oc][oh][ow]

  // As in core.sv: arrays that nobody else reads, last stage first.
  int   lanes[P];
  logic lanes_valid, lanes_last;
  int   sums[P];
  logic sums_first, sums_done;
  int   buffer[WORDS];
  int   head, tail, held;      // the buffer's ends and how many values it holds
  int   reserved;              // values held, and those of positions under way
  int   pushed_filter, pushed_position;
  int   written_filter, written_lane, written_position;

  // Filters of a pass that begins at `base`.
  function automatic int width(input int base);
    return oc - base < P ? oc - base : P;
  endfunction

  int pops;
  assign pops = held < bus_values ? held : bus_values;
  assign writes = pops > 0;
  assign last_write = writes && written + pops == oc * oh * ow;
  assign stall = reserved + width(filter_base) > buffer_limit;

  always @(posedge clk) begin : pipeline
    // Output bus: results leave in the order pass, position, lane. The last of a layer may leave as the next one starts.
    for (int v = 0; v < pops; v++) begin
      outputs[(written_filter+written_lane)*oh*ow+written_position] = buffer[head];
      head = head + 1 == WORDS ? 0 : head + 1;
      written_lane = written_lane + 1;
      if (written_lane == width(written_filter)) begin
        written_lane = 0;
        written_position = written_position + 1;
      end
      if (written_position == oh * ow) begin
        written_position = 0;
        written_filter = written_filter + P;
      end
    end
    if (start) begin
      written_filter = 0;
      written_lane = 0;
      written_position = 0;
      pushed_filter = 0;
      pushed_position = 0;
      head = 0;
      tail = 0;
      lanes_valid = 0;
      sums_first = 1;
      sums_done = 0;
      held <= 0;
      reserved <= 0;
      written <= 0;
    end else begin
      held <= held - pops + (sums_done ? width(pushed_filter) : 0);
      reserved <= reserved - pops + (advance ? width(filter_base) : 0);
      written <= written + pops;
      // Output buffer.
      if (sums_done) begin
        for (int p = 0; p < P; p++)
          if (pushed_filter + p < oc) begin
            buffer[tail] = sums[p];
            tail = tail + 1 == WORDS ? 0 : tail + 1;
          end
        pushed_position = pushed_position + 1;
        if (pushed_position == oh * ow) begin
          pushed_position = 0;
          pushed_filter = pushed_filter + P;
        end
      end
      // Accumulator.
      sums_done = lanes_valid && lanes_last;
      if (lanes_valid) begin
        for (int p = 0; p < P; p++) sums[p] = (sums_first ? 0 : sums[p]) + lanes[p];
        sums_first = lanes_last;
      end
      // Lane adders.
      lanes_valid = valid;
      lanes_last = last;
      if (valid)
        for (int p = 0; p < P; p++) begin
          lanes[p] = 0;
          for (int k = 0; k < C; k++) lanes[p] = lanes[p] + partials[32*(k*P+p)+:32];
        end
    end
  end
endmodule
