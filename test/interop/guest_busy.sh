#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The first process of a guest that keeps its disk, or its network card, busy: several requests or
# packets are outstanding at a time, of all kinds that come without a file system. It ends after
# $busy_seconds, which comes from the kernel's command line, or never.
# shellcheck shell=dash
# shellcheck source=/dev/null # initrd.sh makes it
. /bin/setup

# reader FIRST: 4 MiB from there on, over and over, past the page cache.
reader() {
	while :; do
		dd if=/dev/vda of=/dev/null bs=16k skip=$(($1 * 64)) count=64 iflag=direct 2>/dev/null
	done
}

# Sequential reads through the page cache make chains of many pages; then the same is written back.
writer() {
	while :; do
		echo 3 >/proc/sys/vm/drop_caches
		dd if=/dev/vda of=/tmp/part bs=64k skip=64 count=32 2>/dev/null
		dd if=/tmp/part of=/dev/vda bs=64k seek=64 count=32 conv=notrunc,fsync 2>/dev/null
		blkdiscard -o 8388608 -l 65536 /dev/vda 2>/dev/null
		cat /sys/block/vda/serial >/dev/null 2>&1
	done
}

pinger() {
	ping -q -c 1000000 -i 0.01 -W 1 -s "$1" 10.77.0.1 >/dev/null 2>&1
}

if [ -e /sys/block/vda ]; then
	echo "GUEST kernel $(uname -r) disk"
	for first in 0 1 2 3 4 5 6 7; do
		reader $first &
	done
	writer &
else
	echo "GUEST kernel $(uname -r) card"
	ip addr add 10.77.0.2/24 dev eth0
	ip link set eth0 up
	# Nobody there answers: whatever is sent comes back.
	ip neigh add 10.77.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
	for size in 0 10 100 500 1400 1400 4000 9000 9000; do
		pinger $size &
	done
fi
sleep "${busy_seconds:-100000}"
poweroff -f
