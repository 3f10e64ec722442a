#!/bin/sh
# Instructions per delivery of each receiver, counted by callgrind. They do not depend on other load.
# Valgrind does not know the processor's SHA instructions: the hashes run in software here, for all receivers alike.
set -eu
cd "$(dirname "$0")"
cargo build --quiet --release
binary=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/release/peers
echo "| row | receiver | instructions |"
echo "| --- | --- | ---: |"
"$binary" list | grep "${1:-.}" | while IFS="$(printf '\t')" read -r row receiver; do
    count=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
        --toggle-collect='peers::measured*' "$binary" once "$row" "$receiver" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p')
    echo "| $row | $receiver | $count |"
done
