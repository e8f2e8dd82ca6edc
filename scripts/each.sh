#!/usr/bin/env bash
# Runs every program of a build folder in turn: scripts/each.sh FOLDER [ARGUMENT]..
# Goes on after a failure, names what failed, and fails if there was nothing to run.
set -euo pipefail

folder=$1
shift
ran=0
failed=()
for program in "$folder"/*; do
  [[ -f $program && -x $program && $program != *.so* ]] || continue
  ran=$((ran + 1))
  echo "== $(basename "$program")"
  "$program" "$@" || failed+=("$(basename "$program")")
done

if [[ $ran -eq 0 ]]; then
  echo "each: no program in $folder" >&2
  exit 1
fi
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "each: FAILED: ${failed[*]}" >&2
  exit 1
fi
echo "each: $ran of $ran ran well"
