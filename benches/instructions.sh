#!/bin/sh
# Instructions per delivery, counted by callgrind: they do not depend on what else the machine does.
# Valgrind does not know the processor's SHA instructions, so the hashes are computed in software:
# that makes the floor higher than it is. The last column does without any ratio: what the layer
# does on top of the floor.
set -eu
cd "$(dirname "$0")/.."

binary=$(cargo bench --bench instructions --no-run --message-format=json 2>/dev/null |
    grep '"name":"instructions"' | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
        --toggle-collect='instructions::measured*' "$binary" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

printf '| case | floor | by hand | layer | by hand ÷ floor | layer ÷ floor | layer − floor |\n'
printf '| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n'
"$binary" | grep "${1:-.}" | while read -r name; do
    floor=$(count "$name" floor)
    hand=$(count "$name" hand)
    layer=$(count "$name" layer)
    awk -v name="$name" -v floor="$floor" -v hand="$hand" -v layer="$layer" 'BEGIN {
        printf "| %s | %d | %d | %d | %.3f | %.3f | %d |\n",
            name, floor, hand, layer, hand / floor, layer / floor, layer - floor
    }'
done
