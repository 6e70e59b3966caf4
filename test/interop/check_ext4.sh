#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# check_ext4.sh IMAGE FOLDER: what a guest with guest_blk.sh left in an image, without any ring: each
# file system is checked, and its files against their checksums. Prints `sums` and the checksum of the
# list for each.
set -eu
PATH=$PATH:/usr/sbin:/sbin
image=$1
folder=$2

sfdisk -d "$image" | sed -n 's/.*start= *\([0-9]*\).*/\1/p' >"$folder/starts"
while read -r start; do
	part="$image?offset=$((start * 512))"
	e2fsck -fn "$part" >"$folder/fsck" 2>&1 || {
		cat "$folder/fsck"
		exit 1
	}
	mkdir "$folder/files"
	debugfs -R "rdump / $folder/files" "$part" >"$folder/rdump" 2>&1
	(cd "$folder/files" && md5sum -c SUMS) >"$folder/check" 2>&1 || {
		grep -v ': OK' "$folder/check"
		exit 1
	}
	echo "sums $(md5sum <"$folder/files/SUMS")"
	rm -r "$folder/files"
done <"$folder/starts"
rm -f "$folder/starts" "$folder/fsck" "$folder/rdump" "$folder/check"
echo SHELL-OK
