#!/bin/sh
# What the library costs to build: the crates of its default features, and a clean release build of
# the library alone, in a folder of its own that is deleted afterwards.
set -eu
cd "$(dirname "$0")/.."

# A crate that occurs again is listed with `(*)`, and is counted once.
crates=$(cargo tree -e normal --prefix none | sed 's/ (.*//' | sort -u | wc -l)
printf 'crates, this one included: %s (goal: under 40)\n' "$crates"

cargo fetch --quiet
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
start=$(date +%s)
CARGO_BUILD_BUILD_DIR="$target" CARGO_TARGET_DIR="$target" cargo build --quiet --release --lib
printf 'clean release build: %s s on %s cores (goal: under 25 s on two)\n' \
    "$(($(date +%s) - start))" "$(nproc)"
