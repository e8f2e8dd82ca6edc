// One core: weight and input bank, input buffer, weight buffers, P adder trees; core_controller.sv says what is read when.
//
// Registers on the way of a dot product, one cycle each: input buffer (the bank's read register), product, L levels of a
// tree whose nodes add four, the last level being the partial sum that leaves the core. A window is gathered from the bank at every
// position: a walk over channel, kernel row and kernel column, padding as zero. In a dense layer the P units share one
// window; in a depthwise layer unit i reads the window of channel filter_base + i, if this core holds it.
//
// The pipeline's registers are arrays that only this file reads; they are written in the order last stage first, by blocking
// assignments, which is what registers do.
module core #(
    parameter int P = 4,
    parameter int I = 6,
    parameter int CHUNKS = 8,        // chunks that a unit's weight buffer holds
    parameter int ROWS = 4096,       // rows of I bytes of the weight bank
    parameter int INPUT_BYTES = 4096,
    parameter int L = 2              // levels of the adder tree, >= 2; 4^(L-1) < I <= 4^L
) (
    input  logic clk,
    input  logic reset,
    input  logic start,
    input  logic load,
    input  logic issue,
    input  logic advance,
    input  logic depthwise,
    input  int   channels,       // input channels held here; 0: no part in the layer
    input  int   first_channel,
    input  int   kh,
    input  int   kw,
    input  int   ih,
    input  int   iw,
    input  int   stride,
    input  int   pad,
    input  int   filter_base,
    input  int   oy,
    input  int   ox,
    output logic reads_row,
    output logic reads_window,
    output logic load_last,
    output logic chunk_last,
    output logic [32*P-1:0] partial
);
  /*verilator no_inline_module*/  // the test finds the banks by one name, whatever the size
  localparam int W = (I + 3) / 4;  // nodes of the first tree level

  byte weights[ROWS * I]  /* verilator public_flat_rw */;
  byte inputs[INPUT_BYTES]  /* verilator public_flat_rw */;

  int slice, row, unit, load_chunk, chunk, element;
  assign slice = channels == 0 ? 0 : depthwise ? kh * kw : channels * kh * kw;

  core_controller #(.P(P), .I(I)) controller (.*);

  // Weight path.
  byte  row_register[I];
  logic row_valid;
  int   row_unit, row_chunk;
  byte  buffers[CHUNKS * P * I];
  // Activation path. In a dense layer only the first I bytes of the input buffer are used.
  byte  window[P * I];
  logic window_valid;
  int   window_chunk;
  shortint products[P * I];
  logic    product_valid;
  int      nodes[(L - 1) * P * W];
  logic    node_valid[L-1];
  // Where the next chunk of the window begins.
  int c, r, s;

  function automatic byte tap(input int channel, input int kr, input int ks);
    int y, x;
    y = oy * stride + kr - pad;
    x = ox * stride + ks - pad;
    return y < 0 || y >= ih || x < 0 || x >= iw ? 0 : inputs[(channel*ih+y)*iw+x];
  endfunction

  // Reads I elements of the window from (c, r, s) on into the input buffer at `to`; what lies beyond the slice is zero.
  task automatic gather(input int to, input int channel, output int next_c, output int next_r, output int next_s);
    next_c = c;
    next_r = r;
    next_s = s;
    for (int i = 0; i < I; i++) begin
      if (element + i >= slice) begin
        window[to+i] = 0;
      end else begin
        window[to+i] = tap(channel + next_c, next_r, next_s);
        next_s = next_s + 1;
        if (next_s == kw) begin
          next_s = 0;
          next_r = next_r + 1;
        end
        if (next_r == kh) begin
          next_r = 0;
          next_c = next_c + 1;
        end
      end
    end
  endtask

  function automatic int width(input int level);
    int nodes_there;
    nodes_there = W;
    for (int i = 0; i < level; i++) nodes_there = (nodes_there + 3) / 4;
    return nodes_there;
  endfunction

  // The sum of nodes 4k .. 4k + 3 of a level, as far as they exist.
  function automatic int four(input int level, input int p, input int k);
    int sum;
    sum = 0;
    for (int i = 4 * k; i < 4 * k + 4 && i < width(level); i++) sum = sum + nodes[(level*P+p)*W+i];
    return sum;
  endfunction

  task automatic trees();
    for (int l = L - 2; l > 0; l--) begin
      if (node_valid[l-1]) for (int p = 0; p < P; p++) for (int k = 0; k < width(l); k++) nodes[(l*P+p)*W+k] = four(l - 1, p, k);
      node_valid[l] = node_valid[l-1];
    end
    if (product_valid)
      for (int p = 0; p < P; p++)
        for (int k = 0; k < W; k++) begin
          nodes[p*W+k] = 0;
          for (int i = 4 * k; i < 4 * k + 4 && i < I; i++) nodes[p*W+k] = nodes[p*W+k] + int'(products[p*I+i]);
        end
    node_valid[0] = product_valid;
  endtask

  always @(posedge clk) begin : pipeline
    int next_c, next_r, next_s, channel;
    // The last level is what the bus reads; a core without a partial sum adds zero.
    for (int p = 0; p < P; p++) partial[32*p+:32] <= node_valid[L-2] ? four(L - 2, p, 0) : 0;
    trees();
    if (window_valid)
      for (int p = 0; p < P; p++)
        for (int i = 0; i < I; i++)
          products[p*I+i] = shortint'(window[depthwise?p*I+i : i]) * shortint'(buffers[(window_chunk*P+p)*I+i]);
    product_valid = window_valid;
    if (row_valid) for (int i = 0; i < I; i++) buffers[(row_chunk*P+row_unit)*I+i] = row_register[i];
    row_valid = reads_row;
    row_unit = unit;
    row_chunk = load_chunk;
    if (reads_row) for (int i = 0; i < I; i++) row_register[i] = weights[row*I+i];
    window_valid = reads_window;
    window_chunk = chunk;
    if (reads_window && !depthwise) gather(0, 0, next_c, next_r, next_s);
    if (reads_window && depthwise)
      for (int p = 0; p < P; p++) begin
        channel = filter_base + p - first_channel;
        if (channel >= 0 && channel < channels) gather(p * I, channel, next_c, next_r, next_s);
        else for (int i = 0; i < I; i++) window[p*I+i] = 0;
      end
    if (start || advance) begin
      c = 0;
      r = 0;
      s = 0;
    end else if (reads_window) begin
      c = next_c;
      r = next_r;
      s = next_s;
    end
    if (reset) begin
      row_valid = 0;
      window_valid = 0;
      product_valid = 0;
      for (int l = 0; l < L - 1; l++) node_valid[l] = 0;
    end
  end
endmodule
