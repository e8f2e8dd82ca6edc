#!/usr/bin/env bash
# Installs the Debian packages of cmake/packages.txt that are missing: scripts/packages.sh build [test] [bench] ..
#
# Says in one line what it installs and is silent when nothing is missing. Uses apt-get only, through sudo when not
# root, and fetches package lists only when there is something to install. Elsewhere than on Debian it does nothing:
# CMake then names the first library it cannot find.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null

command -v dpkg-query >/dev/null || exit 0

missing=()
while read -r when package _; do
  [[ " $* " == *" $when "* ]] || continue
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done < <(grep -vE '^(#|$)' cmake/packages.txt)
[[ ${#missing[@]} -gt 0 ]] || exit 0

echo "Installing with apt-get: ${missing[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "packages: not root and no sudo; run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

mkdir -p build
log=build/packages.log
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1; }
: >"$log"
if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
  tail -n 30 "$log" >&2
  echo "packages: apt-get failed; the whole output is in $log" >&2
  exit 1
fi
