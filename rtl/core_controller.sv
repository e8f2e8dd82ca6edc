// What one core does in LOAD and STREAM: rows of weights into buffers, chunks of at most I products of a window.
//
// The slice of a filter in this core is cut into chunks of I. LOAD reads one row (one unit, one chunk) a cycle: P units,
// then the next chunk. STREAM issues one chunk a cycle. A core with fewer chunks than its neighbours waits for them.
module core_controller #(
    parameter int P = 4,
    parameter int I = 6
) (
    input  logic clk,
    input  logic start,
    input  logic load,
    input  logic issue,
    input  logic advance,
    input  int   slice,        // weights of one filter in this core; 0: the core takes no part
    output logic reads_row,    // a row of weights is read in this cycle
    output logic reads_window, // a chunk of the window is read in this cycle
    output logic load_last,    // nothing is left to load after this cycle
    output logic chunk_last,   // nothing of this position is left after this cycle
    output int   row,          // row of the weight bank
    output int   unit,
    output int   load_chunk,
    output int   chunk,
    output int   element       // first element of the chunk
);
  int loaded;  // elements of the slice whose rows all units have

  assign reads_row = load && loaded < slice;
  assign load_last = loaded >= slice || (unit + 1 == P && loaded + I >= slice);
  assign reads_window = issue && element < slice;
  assign chunk_last = element + I >= slice;

  always_ff @(posedge clk) begin
    if (start) begin
      row <= 0;
      unit <= 0;
      load_chunk <= 0;
      loaded <= 0;
      chunk <= 0;
      element <= 0;
    end else begin
      if (reads_row) begin
        row <= row + 1;
        unit <= unit + 1 == P ? 0 : unit + 1;
        if (unit + 1 == P) begin
          load_chunk <= load_chunk + 1;
          loaded <= loaded + I;
        end
      end
      if (issue) begin  // the next pass is loaded afresh
        load_chunk <= 0;
        loaded <= 0;
      end
      if (advance) begin
        chunk <= 0;
        element <= 0;
      end else if (reads_window) begin
        chunk <= chunk + 1;
        element <= element + I;
      end
    end
  end
endmodule
