// The power state of one memory bank: ON, RETENTION (data kept) or OFF (data lost).
//
// A command given in cycle t acts from the end of t: `sleep` in the last cycle of an access makes t + 1 the first gated
// cycle, `wake` in cycle t makes t + N the first cycle that is ON, N being the latency of the state it leaves. A bank that
// wakes still counts as gated: the energy of waking is counted by `wakes`. With idle_limit K > 0 a bank that nobody
// touches for K cycles goes to RETENTION by itself. An access to a bank that is not ON raises `error` in that cycle.
module bank_gate (
    input  logic clk,
    input  logic reset,
    input  logic access,
    input  logic wake,
    input  logic sleep,
    input  logic deep,             // with sleep: OFF instead of RETENTION
    input  int   idle_limit,       // cycles; 0: never by itself
    input  int   wake_retention,   // cycles, >= 1
    input  int   wake_off,         // cycles, >= 1
    output logic ready,            // ON in this cycle
    output logic ready_next,       // ON in the next, if nothing sends it to sleep
    output logic error,
    output int   on_cycles,
    output int   retention_cycles,
    output int   off_cycles,
    output int   wakes
);
  typedef enum logic [1:0] {ON, RETENTION, OFF} state_t;
  state_t state;
  int timer;  // cycles until ON; 0: nobody has asked
  int idle;   // cycles ON without an access
  int latency;

  assign latency = state == OFF ? wake_off : wake_retention;
  assign ready = state == ON;
  assign ready_next = ready || timer == 1 || (timer == 0 && wake && latency == 1);
  assign error = access && !ready;

  always_ff @(posedge clk) begin
    if (reset) begin
      state <= ON;
      timer <= 0;
      idle <= 0;
      on_cycles <= 0;
      retention_cycles <= 0;
      off_cycles <= 0;
      wakes <= 0;
    end else begin
      case (state)
        ON: on_cycles <= on_cycles + 1;
        RETENTION: retention_cycles <= retention_cycles + 1;
        default: off_cycles <= off_cycles + 1;
      endcase
      idle <= state == ON && !access ? idle + 1 : 0;
      if (state == ON) begin
        if (sleep) state <= deep ? OFF : RETENTION;
        else if (idle_limit > 0 && !access && idle + 1 >= idle_limit) state <= RETENTION;
      end else if (ready_next) begin
        state <= ON;
        timer <= 0;
        wakes <= wakes + 1;
      end else if (timer > 1) begin
        timer <= timer - 1;
      end else if (wake) begin
        timer <= latency - 1;
      end
    end
  end
endmodule
