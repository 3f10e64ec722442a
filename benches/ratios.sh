#!/bin/sh
# Time per delivery: the bench run several times, and of each figure the median over the runs.
# Figures in nanoseconds; ratios are made within a run, so that a noisy neighbour disturbs both sides.
set -eu
cd "$(dirname "$0")/.."

runs=${RUNS:-5}
filter=${1:-}
for run in $(seq "$runs"); do
    cargo bench --quiet --bench time -- --sample-size 50 --sample-count 200 --max-time 1 $filter
done | awk -v OFS='\t' '
    function nanoseconds(number, unit) {
        return number * (unit == "ns" ? 1 : unit == "µs" ? 1e3 : unit == "ms" ? 1e6 : 1e9)
    }
    function median(list, count, values, i, j, value) {
        count = split(list, values, " ")
        for (i = 2; i <= count; i++) {
            value = values[i] + 0
            for (j = i - 1; j > 0 && values[j] + 0 > value; j--) values[j + 1] = values[j]
            values[j + 1] = value
        }
        return values[int((count + 1) / 2)]
    }
    /^(├|╰)─ / { name = $2; if (!(name in seen)) { seen[name] = 1; names[++total] = name } }
    / (floor|hand|layer) / {
        way = $0; sub(/.*─ /, "", way); sub(/ .*/, "", way)
        split($0, columns, "│")
        # Behind the last tree line: fastest, slowest, median, mean.
        column = columns[1] ~ /─/ ? 3 : 4
        split(columns[column], figure, " ")
        took[way] = nanoseconds(figure[1], figure[2])
        times[name, way] = times[name, way] " " took[way]
        if (way == "layer") {
            hands[name] = hands[name] " " took["hand"] / took["floor"]
            layers[name] = layers[name] " " took["layer"] / took["floor"]
        }
    }
    END {
        print "| case | floor | by hand | layer | by hand ÷ floor | layer ÷ floor |"
        print "| --- | ---: | ---: | ---: | ---: | ---: |"
        for (i = 1; i <= total; i++) {
            name = names[i]
            printf "| %s | %.0f | %.0f | %.0f | %.3f | %.3f |\n", name,
                median(times[name, "floor"]), median(times[name, "hand"]), median(times[name, "layer"]),
                median(hands[name]), median(layers[name])
        }
    }'
