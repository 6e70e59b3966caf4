#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The first process of a guest whose disk is in use all the time: in rounds it writes a file and reads
# all files twice, from its memory and from the disk, until a line comes in on the console.
# shellcheck shell=dash
# shellcheck source=/dev/null # initrd.sh makes it
. /bin/setup

FILES=8

stop() {
	echo "GUEST stopped: $*"
	poweroff -f
}

check() {
	(cd /mnt && md5sum -c /tmp/sums >/tmp/check 2>&1) || stop "$1: $(grep -v OK /tmp/check)"
}

echo "GUEST kernel $(uname -r)"
(read -r _ && touch /tmp/stop) </dev/console &
printf 'label: gpt\nsize=128MiB\n' | sfdisk -q -w always -W always /dev/vda || stop sfdisk
mkfs.ext4 -q -F /dev/vda1 || stop mkfs
mount -t ext4 /dev/vda1 /mnt || stop mount
dd if=/dev/urandom of=/tmp/seed bs=64k count=16 2>/dev/null
round=0
while [ ! -e /tmp/stop ]; do
	round=$((round + 1))
	{
		echo $round
		cat /tmp/seed
	} >/mnt/file$((round % FILES))
	(cd /mnt && md5sum file*) >/tmp/sums
	sync
	check "round $round, in memory"
	echo 3 >/proc/sys/vm/drop_caches
	check "round $round, on disk"
	echo "GUEST round $round"
done
cp /tmp/sums /mnt/SUMS
echo "GUEST sums /dev/vda1 $(md5sum </mnt/SUMS)"
umount /mnt || stop umount
e2fsck -fn /dev/vda1 >/tmp/fsck 2>&1 || stop "fsck: $(cat /tmp/fsck)"
awk '{ print "GUEST sectors read", $3; print "GUEST sectors written", $7 }' /sys/block/vda/stat
echo "GUEST end"
poweroff -f
