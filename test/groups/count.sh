# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: instructions per buffer, under callgrind, against the limits of each form

configure main
compile main bench/bench-ring_loop

count_turns=1000
count_buffers=$((count_turns * 32))

# instructions FORM KIND FUNCTION...: tenths of instructions per buffer inside these functions.
instructions() {
	count_form=$1
	count_kind=$2
	shift 2
	toggles=
	for function; do
		toggles="$toggles --toggle-collect=$function"
	done
	# shellcheck disable=SC2086 # a list of words
	valgrind --tool=callgrind --callgrind-out-file=/dev/null $toggles \
		build/main/bench/bench-ring_loop "$count_form" "$count_kind" $count_turns 2>&1 |
		awk -v n=$count_buffers '/Collected/ { printf "%d\n", $4 * 10 / n + 0.5 }'
}

# within LIMIT FORM KIND FUNCTION...: at most so many instructions, and more than none.
within() {
	limit=$1
	shift
	counted=$(instructions "$@")
	if [ "${counted:-0}" -le 0 ]; then
		say "nothing was counted"
		return 1
	fi
	say "$((counted / 10)).$((counted % 10)) instructions per buffer, at most $limit"
	[ "$counted" -le $((limit * 10)) ]
}

driver='vr_driver_add vr_driver_publish vr_driver_get'
device='vr_device_pop vr_device_complete_oldest vr_device_publish'

# Queue 256, burst 32, one segment: what was reached; for readable buffers the targets are 60, and 30 in
# order. Other compilers and other processors count otherwise.
if [ "$(uname -m)" != x86_64 ] || [ "$(gcc -dumpversion)" != 12 ]; then
	result_skip count limits "they are for gcc 12 on x86-64"
else
	while read -r form kind driver_limit device_limit; do
		# shellcheck disable=SC2086 # lists of words
		check count "$form, $kind: driver half" within "$driver_limit" "$form" "$kind" $driver
		sed 's/^/            /' build/log/check
		# shellcheck disable=SC2086
		check count "$form, $kind: device half" within "$device_limit" "$form" "$kind" $device
		sed 's/^/            /' build/log/check
	done <<-'END'
		split readable 55 72
		split-in-order readable 27 38
		packed readable 58 80
		packed-in-order readable 30 42
		split writable 58 83
		split-in-order writable 41 85
		packed writable 58 91
		packed-in-order writable 47 96
	END
fi
