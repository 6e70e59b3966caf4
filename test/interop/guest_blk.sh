#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The first process of a guest that has a disk: it partitions it, makes two file systems, writes large
# and small files with their checksums, and reads all of it again from the disk.
# shellcheck shell=dash
# shellcheck source=/dev/null # initrd.sh makes it
. /bin/setup

stop() {
	echo "GUEST stopped: $*"
	poweroff -f
}

# MiB files of one mebibyte each that are not the same twice.
large() {
	dd if=/dev/urandom of="$1/seed" bs=64k count=16 2>/dev/null
	for n in $(seq 1 "$2"); do
		{
			echo "$n"
			cat "$1/seed"
		} >"$1/large$n"
	done
}

small() {
	mkdir "$1/small"
	for n in $(seq 1 200); do
		head -c $((n * 97)) "$1/seed" >"$1/small/$n"
	done
}

# What a file system does in its life, discarding what was deleted included.
fill() {
	mkfs.ext4 -q -F "$1" || stop "mkfs $1"
	mount -t ext4 "$1" /mnt || stop "mount $1"
	large /mnt 16
	small /mnt
	rm /mnt/large3 /mnt/small/7
	(cd /mnt && md5sum seed large* small/* >SUMS) || stop "checksums $1"
	fstrim /mnt || stop "fstrim $1"
	echo "GUEST sums $1 $(md5sum </mnt/SUMS)"
	umount /mnt || stop "umount $1"
}

check() {
	e2fsck -fn "$1" >/tmp/fsck 2>&1 || stop "fsck $1: $(cat /tmp/fsck)"
	mount -t ext4 "$1" /mnt || stop "mount $1 again"
	(cd /mnt && md5sum -c SUMS >/tmp/check 2>&1) || stop "$1: $(grep -v OK /tmp/check)"
	echo "GUEST checked $1 $(wc -l </mnt/SUMS) files"
	umount /mnt || stop "umount $1 again"
}

echo "GUEST kernel $(uname -r) disk $(cat /sys/block/vda/size) sectors"
echo "GUEST identity $(cat /sys/block/vda/serial)"
printf 'label: gpt\nsize=128MiB\nsize=64MiB\n' | sfdisk -q -w always -W always /dev/vda || stop sfdisk
fill /dev/vda1
fill /dev/vda2
sync
echo 3 >/proc/sys/vm/drop_caches
check /dev/vda1
check /dev/vda2
# Of what the kernel counts for the disk, the third and the seventh number.
awk '{ print "GUEST sectors read", $3; print "GUEST sectors written", $7 }' /sys/block/vda/stat
echo "GUEST end"
poweroff -f
