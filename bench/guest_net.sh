#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The first process of the guest of bench/guest.py: it has one card to send on and one to receive on for
# each ring form, known by their addresses, and measures them in turns. The kernel hands over rounds=
# and seconds= of its command line.
# shellcheck shell=dash
# shellcheck source=/dev/null # test/interop/initrd.sh makes it
. /bin/setup

: "${rounds:?}" "${seconds:?}"
PKTGEN=/proc/net/pktgen

card() {
	for path in /sys/class/net/*; do
		[ "$(cat "$path/address")" != "02:00:00:00:$1:0$2" ] || basename "$path"
	done
}

# Sends as fast as the kernel's own generator can; its answer has the packets per second.
send() {
	ip link set "$1" up
	echo rem_device_all >$PKTGEN/kpktgend_0
	echo "add_device $1" >$PKTGEN/kpktgend_0
	for setting in 'count 0' 'delay 0' 'pkt_size 60' 'dst_mac 02:00:00:00:ff:ff' 'dst 192.0.2.1'; do
		echo "$setting" >"$PKTGEN/$1"
	done
	echo start >$PKTGEN/pgctrl &
	sleep "$seconds"
	echo stop >$PKTGEN/pgctrl
	wait
	echo "RESULT TX $2 $(sed -n 's/^ *\([0-9]*\)pps.*/\1/p' "$PKTGEN/$1")"
	echo rem_device_all >$PKTGEN/kpktgend_0
	ip link set "$1" down
}

# Drops all that arrives in the driver (native XDP).
receive() {
	ip link set "$1" up
	echo "RESULT RX $2 $(bench-xdp_drop "$1" "$seconds")"
	ip link set "$1" down
}

echo "GUEST kernel $(uname -r)"
for round in $(seq 1 "$rounds"); do
	echo "GUEST round $round"
	for form in 0 1 2 3; do
		send "$(card 01 $form)" $form
		receive "$(card 02 $form)" $form
	done
done
echo "GUEST end"
poweroff -f
