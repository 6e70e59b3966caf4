#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The first process of a guest that has a network card: it pings the host, takes a file from it over TCP
# and sends it back, and waits until the host has pinged it.
# shellcheck shell=dash
# shellcheck source=/dev/null # initrd.sh makes it
. /bin/setup

HOST=10.77.0.1

stop() {
	echo "GUEST stopped: $*"
	poweroff -f
}

# Hundredths of seconds since the guest was started.
now() {
	tr -d . </proc/uptime | cut -d ' ' -f 1
}

echo "GUEST kernel $(uname -r) card $(cat /sys/class/net/eth0/address)"
ip link set lo up
ip addr add 10.77.0.2/24 dev eth0 || stop address
ip link set eth0 up || stop link
echo "GUEST queues $(find /sys/class/net/eth0/queues -name 'tx-*' | wc -l)"
ping -c 3 -W 60 $HOST >/tmp/ping || stop "ping $(cat /tmp/ping)"
# In fragments.
ping -c 2 -W 60 -s 9000 $HOST >>/tmp/ping || stop "long ping $(cat /tmp/ping)"
echo "GUEST pinged $(grep -c 'bytes from' /tmp/ping)"

# Its own end of what it reads from stays open, or nc would stop early.
mkfifo /tmp/open
begin=$(now)
nc $HOST 5001 0<>/tmp/open >/tmp/data || stop receive
middle=$(now)
echo "GUEST received $(wc -c </tmp/data) bytes $(md5sum </tmp/data)"
nc $HOST 5002 </tmp/data || stop send
echo "GUEST hundredths $((middle - begin)) $(($(now) - middle))"
# Until the host has pinged.
nc $HOST 5003 0<>/tmp/open
echo "GUEST end"
poweroff -f
