#!/usr/bin/env bash
# What `make run` shows once the tool is built.
set -euo pipefail
cd "$(dirname "$0")/.."

build/release/gatefold --version
