#!/usr/bin/env bash
# The main job, as `make run` shows it: our own digits network on a modelled chip, in steady state and when a cluster is
# taken away in the middle of a request.
set -euo pipefail
cd "$(dirname "$0")/.."

gatefold=${GATEFOLD:-build/release/gatefold}
network=models/digits/digits-int8.onnx
digits=models/digits/held_out_x_int8.npy

"$gatefold" --version
echo
echo "1. Steady state: 360 handwritten digits, one every 100 ms."
echo
"$gatefold" compare "$network" --input "$digits" --every 100ms
echo "greedy = static and nothing shifts: one fixed network on an idle chip holds nothing unknown at compile time, so the plan"
echo "is already the optimum and every shift would only cost."
echo
echo "2. The same network, one digit every 100 us: another tenant takes cluster 0 at 203 us, in the middle of the third"
echo "   request, and gives it back at 450 us. Deadline 50 us."
echo
"$gatefold" compare "$network" --image models/digits/images/digit-3.png --every 100us --requests 6 --deadline 50us \
  --at 203us "occupy cluster 0" --at 450us "release cluster 0"
echo "static waits for its cluster and misses deadlines; greedy shifts the layers still to run to another cluster, with their"
echo "weights, and meets them all. The outputs are the same bits everywhere."
echo
echo "Accuracy on those 360 digits, which training never saw:"
"$gatefold" run "$network" --input "$digits" --labels models/digits/held_out_y.npy --every 100ms --policy greedy | grep -E '^accuracy'
