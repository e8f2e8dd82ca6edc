#!/usr/bin/env bash
# Configures a preset and builds it quietly: scripts/build.sh PRESET [-DNAME=VALUE].. [TARGET]..
#
# The compiler's output goes to build/log and is shown when something fails. On a terminal one line counts the steps;
# elsewhere each quarter is a line. A build folder that was configured for another checkout is made afresh.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null

preset=$1
shift
options=()
targets=()
for argument in "$@"; do
  case $argument in
    -D*) options+=("$argument") ;;
    *) targets+=("$argument") ;;
  esac
done
folder=build/$preset
log=build/log

mkdir -p build
: >"$log"

home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$folder/CMakeCache.txt" 2>/dev/null || true)
if [[ -d $folder && $home != "$PWD" ]]; then
  echo "Making $folder afresh: it was not configured here"
  rm -rf "$folder"
fi

if ! cmake --preset "$preset" "${options[@]}" >>"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "build: configuring failed; the whole output is in $log" >&2
  exit 1
fi

# Copies the build's output to the log and shows how far it is.
progress() {
  local line shown=0 counted=0 total=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    local step=${BASH_REMATCH[1]} steps=${BASH_REMATCH[2]}
    [[ $steps -eq $total ]] || shown=0  # a tool inside the build may count steps of its own
    total=$steps
    if [[ -t 1 ]]; then
      printf '\rBuilding %s/%s' "$step" "$steps"
      counted=1
    elif [[ $((4 * step / steps)) -gt $shown ]]; then
      shown=$((4 * step / steps))
      echo "Building $step/$steps"
    fi
  done
  [[ $counted -eq 0 ]] || printf '\n'
}

arguments=(--build "$folder" --parallel "$(nproc)")
[[ ${#targets[@]} -eq 0 ]] || arguments+=(--target "${targets[@]}")
if ! cmake "${arguments[@]}" 2>&1 | progress; then
  { grep -m1 -A80 '^FAILED:' "$log" || tail -n 80 "$log"; } >&2
  echo "build: failed; the whole output is in $log" >&2
  exit 1
fi
