#!/bin/sh
# Fuzzes the control protocol of the cell with libFuzzer (Debian package clang), and merges what is new into the corpus.
#
#   tools/fuzz-control.sh [SECONDS]        600 unless told
set -eu
seconds=${1:-600}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I"$root/native" \
  "$root/test/fuzz/control-fuzz.c" "$root/native/cell/control.c" -o "$work/control-fuzz"
mkdir "$work/found" "$work/merged"
cd "$work"
./control-fuzz -max_total_time="$seconds" -max_len=8192 -print_final_stats=1 found "$root/test/fuzz/corpus"
./control-fuzz -merge=1 merged "$root/test/fuzz/corpus" found
cp merged/* "$root/test/fuzz/corpus/"
