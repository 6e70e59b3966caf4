# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: instructions per buffer and per packet, under callgrind: limits; plain forms pay nothing for in-order ones

configure main
compile main bench/bench-ring_loop bench/bench-net_loop
configure plain -Dc_args=-DVR_WITHOUT_IN_ORDER
compile plain bench/bench-ring_loop

count_turns=1000
count_buffers=$((count_turns * 32))

# instructions BUILD LOOP FORM KIND FUNCTION...: instructions inside these functions.
instructions() {
	count_build=$1
	count_loop=$2
	count_form=$3
	count_kind=$4
	shift 4
	toggles=
	for function; do
		toggles="$toggles --toggle-collect=$function"
	done
	# shellcheck disable=SC2086 # a list of words
	valgrind --tool=callgrind --callgrind-out-file=/dev/null $toggles \
		"build/$count_build/bench/bench-$count_loop" "$count_form" "$count_kind" $count_turns 2>&1 |
		awk '/Collected/ { print $4 }'
}

# within LIMIT LOOP FORM KIND FUNCTION...: at most so many instructions, and more than none.
within() {
	limit=$1
	shift
	counted=$(instructions main "$@")
	if [ "${counted:-0}" -le 0 ]; then
		say "nothing was counted"
		return 1
	fi
	counted=$(((counted * 10 + count_buffers / 2) / count_buffers))
	say "$((counted / 10)).$((counted % 10)) instructions each, at most $limit"
	[ "$counted" -le $((limit * 10)) ]
}

# pays_nothing FORM KIND FUNCTION...: as many as in a core that has no in-order forms.
pays_nothing() {
	counted=$(instructions main ring_loop "$@")
	without=$(instructions plain ring_loop "$@")
	say "${counted:-none} instructions, ${without:-none} without the in-order forms"
	[ "${counted:-0}" -gt 0 ] && [ "$counted" = "$without" ]
}

driver='vr_driver_add vr_driver_publish vr_driver_get'
device='vr_device_pop vr_device_complete_oldest vr_device_publish'

# network_calls HALF DIRECTION: a burst's calls.
network_calls() {
	case $1-$2 in
	driver-tx) echo vr_net_driver_tx_reserve vr_net_driver_tx_send ;;
	driver-rx) echo vr_net_driver_rx_burst vr_net_driver_rx_release ;;
	device-tx) echo vr_net_device_tx_burst vr_net_device_tx_release ;;
	device-rx) echo vr_net_device_rx_deliver ;;
	esac
}

# Queue 256, burst 32, one segment: what was reached; for readable buffers the targets are 60, and 30 in
# order. Other compilers and other processors count otherwise.
if [ "$(uname -m)" != x86_64 ] || [ "$(gcc -dumpversion)" != 12 ]; then
	result_skip count limits "they are for gcc 12 on x86-64"
else
	while read -r form kind driver_limit device_limit; do
		# shellcheck disable=SC2086 # lists of words
		check count "$form, $kind: driver half" within "$driver_limit" ring_loop "$form" "$kind" $driver
		sed 's/^/            /' build/log/check
		# shellcheck disable=SC2086
		check count "$form, $kind: device half" within "$device_limit" ring_loop "$form" "$kind" $device
		sed 's/^/            /' build/log/check
	done <<-'END'
		split readable 55 60
		split-in-order readable 27 35
		packed readable 58 60
		packed-in-order readable 30 39
		split writable 58 71
		split-in-order writable 41 51
		packed writable 58 65
		packed-in-order writable 47 52
	END
	# The ring's included; packets of 64 bytes, which the receiving card copies in.
	while read -r form direction driver_limit device_limit; do
		# shellcheck disable=SC2046 # lists of words
		check count "network card, $form, $direction: driver's half" within "$driver_limit" \
			net_loop "$form" "$direction" $(network_calls driver "$direction")
		sed 's/^/            /' build/log/check
		# shellcheck disable=SC2046
		check count "network card, $form, $direction: device's half" within "$device_limit" \
			net_loop "$form" "$direction" $(network_calls device "$direction")
		sed 's/^/            /' build/log/check
	done <<-'END'
		split tx 96 100
		split-in-order tx 75 76
		packed tx 100 101
		packed-in-order tx 74 79
		split rx 116 147
		split-in-order rx 99 128
		packed rx 116 142
		packed-in-order rx 106 130
	END
	for form in split packed; do
		for kind in readable writable; do
			# shellcheck disable=SC2086
			check count "$form, $kind: driver half, in-order forms cost it nothing" \
				pays_nothing "$form" "$kind" $driver
			sed 's/^/            /' build/log/check
		done
	done
fi
