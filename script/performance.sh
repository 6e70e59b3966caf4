# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The measurements of doc/performance.md, one after the other, each into FOLDER as a table, as JSON and,
# where there is one, as a picture; tables.md has the tables as the page shows them.

# The kernel keeps back from who runs under SCHED_RR a twentieth of each second: rounds are shorter.
performance_bench() {
	name=$1
	shift
	say "performance: $name"
	build/main/tool/virtring bench "$@" --json "$folder/$name.json" >"$folder/$name.txt" ||
		say "performance: $name: status $?, see $folder/$name.txt"
}

# FOLDER ROUNDS REALTIME
performance_all() {
	folder=$1
	rounds=$2
	realtime=$3
	mkdir -p "$folder"
	# shellcheck disable=SC2086 # $realtime is one option or none
	{
		performance_bench versus --versus dpdk $realtime --rounds "$rounds" --seconds 0.2 \
			--plot "$folder/versus.svg"
		performance_bench budget --budget $realtime --rounds "$rounds" --near 120
		performance_bench latency --latency $realtime --rounds "$rounds" --near 120
		performance_bench scale --scale $realtime --rounds "$rounds" --near 120
		performance_bench ring --ring --rounds "$rounds"
		performance_bench floor --floor --rounds "$rounds" --near 120
	}
	script/performance_tables.py "$folder"/versus.json "$folder"/budget.json "$folder"/latency.json \
		"$folder"/scale.json "$folder"/ring.json >"$folder/tables.md" ||
		say "performance: no tables.md: status $?"
	say "performance: tables, JSON and a picture are in $folder"
}
