// One cluster of the `reduction` chip: C cores, their bus segment, the cluster controller, the route switch and the banks'
// power states. A test plays the fabric controller: it fills banks, asks for a configuration and waits.
//
// A dot product's registers, from the bank's read register on: product 1, adder tree L, lane adder 1, accumulator 1, output
// buffer 1, cell of the output bank 1: L + 5. That is the pipeline's depth (`depth`).
//
// Control words: 0 kh, kw, cores, depthwise (8 bits each); 1 oh, ow; 2 ih, iw (16 bits each); 3 stride, pad (8 bits each);
// 4 oc; 5 channels per core; 6 cores that hold one channel more; 7 values of the output bus per cycle.
module cluster #(
    parameter int C = 4,
    parameter int P = 4,
    parameter int I = 6,
    parameter int CHUNKS = 8,
    parameter int ROWS = 4096,
    parameter int INPUT_BYTES = 4096,
    parameter int OUTPUT_WORDS = 4096,
    parameter int L = 2
) (
    input  logic clk,
    input  logic reset,
    input  logic change,
    input  logic [31:0] word,
    output logic [2:0]  word_index,
    input  int   buffer_limit,    // values that the output buffer may hold
    input  int   wake_latency,
    input  int   idle_limit,      // cycles; 0: banks sleep only when the segment is free and nothing is prepared
    output logic busy,
    output logic error,           // a bank that is not ON was touched, or a control word was misread; stays up
    output logic commit,          // the layer begins after this cycle
    output logic last_write,      // the layer ends with this cycle
    output int   stalls,
    output int   written,
    output int   depth
);
  localparam int D = L + 2;  // registers from issue to partial sum: input buffer, product, tree

  logic [31:0] words[8];
  int kh, kw, cores, oh, ow, ih, iw, stride, pad, oc, base, longer, bus_values;
  logic depthwise;
  assign kh = int'(words[0][7:0]);
  assign kw = int'(words[0][15:8]);
  assign cores = int'(words[0][23:16]);
  assign depthwise = words[0][24];
  assign oh = int'(words[1][15:0]);
  assign ow = int'(words[1][31:16]);
  assign ih = int'(words[2][15:0]);
  assign iw = int'(words[2][31:16]);
  assign stride = int'(words[3][7:0]);
  assign pad = int'(words[3][15:8]);
  assign oc = words[4];
  assign base = words[5];
  assign longer = words[6];
  assign bus_values = words[7];
  assign depth = L + 5;

  logic preparing, mismatch, load, issue, advance, stall, writes;
  int filter_base, oy, ox;
  logic [C-1:0] load_last, chunk_last, reads_row, reads_window;
  logic [32*P*C-1:0] partials;

  // One bank of weights and one of inputs in each core, one of outputs.
  logic [2*C:0] access, ready_next, bank_error;
  assign access = {writes, reads_window, reads_row};

  route_switch route (.clk, .reset, .change, .word, .index(word_index), .segment_free(!busy || last_write), .awake(&ready_next), .preparing,
                      .commit, .mismatch, .active(words));

  cluster_controller #(.P(P)) controller (.load_last(&load_last), .chunk_last(&chunk_last), .start(commit), .*);

  for (genvar k = 0; k < C; k++) begin : cores_of
    core #(.P(P), .I(I), .CHUNKS(CHUNKS), .ROWS(ROWS), .INPUT_BYTES(INPUT_BYTES), .L(L)) core (
        .start(commit), .channels(k >= cores ? 0 : base + int'(k < longer)), .first_channel(k * base + (k < longer ? k : longer)),
        .reads_row(reads_row[k]), .reads_window(reads_window[k]), .load_last(load_last[k]), .chunk_last(chunk_last[k]),
        .partial(partials[32*P*k+:32*P]), .*);
  end

  // Whether the partial sums that leave the cores are those of a chunk, and of a position's last.
  logic [D-1:0] valid_at, last_at;
  always_ff @(posedge clk) begin
    valid_at <= reset ? '0 : {valid_at[D-2:0], issue};
    last_at <= {last_at[D-2:0], advance};
  end
  bus_segment #(.C(C), .P(P), .OUTPUT_WORDS(OUTPUT_WORDS)) segment (.start(commit), .valid(valid_at[D-1]), .last(last_at[D-1]), .*);

  for (genvar b = 0; b <= 2 * C; b++) begin : banks
    // verilator lint_off PINCONNECTEMPTY
    bank_gate bank (.clk, .reset, .access(access[b]), .wake(preparing), .sleep(last_write && !preparing), .deep(1'b0), .idle_limit,
                    .wake_retention(wake_latency), .wake_off(wake_latency), .ready(), .ready_next(ready_next[b]), .error(bank_error[b]), .on_cycles(),
                    .retention_cycles(), .off_cycles(), .wakes());
    // verilator lint_on PINCONNECTEMPTY
  end
  always_ff @(posedge clk) error <= !reset && (error || |bank_error || mismatch);
endmodule
