// The configuration of the bus segment: eight control words, changed in two phases while the old ones are still in use.
//
// PREPARE writes the next words one by one into a shadow copy, each read back in the cycle after it was written. DRAIN
// waits until the segment carries nothing and the banks are awake; the commit is one edge on which the shadow becomes
// active. A change that was prepared in time therefore costs nothing; one asked for too late is waited for.
module route_switch (
    input  logic        clk,
    input  logic        reset,
    input  logic        change,         // one cycle: a new configuration is at hand
    input  logic [31:0] word,           // control word number `index`
    output logic [2:0]  index,
    input  logic        segment_free,   // nothing is in flight after this cycle
    input  logic        awake,          // every bank is ON after this cycle
    output logic        preparing,      // a change is under way
    output logic        commit,         // the words become active at the end of this cycle
    output logic        mismatch,       // a word read back differs from the word sent
    output logic [31:0] active[8]
);
  typedef enum logic [1:0] {STEADY, PREPARE, DRAIN} state_t;
  state_t state;
  logic [31:0] shadow[8];
  logic [2:0]  at;        // the word being written or read back
  logic        reading;   // false: write, true: read back
  logic        prepared;  // the last word is being read back

  assign index = at;
  assign preparing = state != STEADY || change;
  assign prepared = state == DRAIN || (state == PREPARE && at == 7 && reading);
  assign commit = prepared && segment_free && awake;
  assign mismatch = state == PREPARE && reading && shadow[at] != word;

  always_ff @(posedge clk) begin
    if (reset) begin
      state <= STEADY;
      at <= 0;
      reading <= 0;
    end else if (commit) begin
      state <= STEADY;
      at <= 0;
      reading <= 0;
      active <= shadow;
    end else if (state == PREPARE || change) begin
      if (!reading) shadow[at] <= word;
      reading <= !reading;
      if (reading) at <= at + 1;
      state <= prepared ? DRAIN : PREPARE;
    end
  end
endmodule
