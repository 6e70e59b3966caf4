#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# initrd.sh OUTPUT INIT MODULES-FOLDER 'MODULE ...' 'PROGRAM ...'
#
# What a guest of the tests boots into: busybox, the programs of this machine that are named with the
# libraries they need, and the kernel modules that are named (MODULE? need not exist) with those they
# need. INIT is run as the first process; it reads /bin/setup first, which loads the modules. Prints what
# is missing and fails, or prints SHELL-OK.
set -eu

output=$1
init=$2
modules=$3
root=$output.root
trap 'rm -rf "$root"' EXIT

fail() {
	echo "initrd: $*"
	exit 1
}

mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/mnt" "$root/lib"
ln -s bin "$root/sbin"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$init" "$root/init"
chmod 755 "$root/init"
cat >"$root/bin/setup" <<-'END'
	/bin/busybox --install -s /bin
	mount -t proc p /proc
	mount -t sysfs s /sys
	mount -t devtmpfs d /dev
	while read -r module; do insmod "/lib/$module"; done </lib/modules.order
END

# add_module FILE: after those it needs; the list of modules.dep has the last needed first.
: >"$root/lib/modules.order"
add_module() {
	name=$(basename "${1%.xz}")
	! grep -qx "$name" "$root/lib/modules.order" || return 0
	case $1 in
	*.xz) xz -dc "$modules/$1" >"$root/lib/$name" ;;
	*) cp "$modules/$1" "$root/lib/$name" ;;
	esac
	echo "$name" >>"$root/lib/modules.order"
}

for word in $4; do
	module=${word%\?}
	! grep -q "/$module\.ko" "$modules/modules.builtin" || continue
	line=$(grep "/$module\.ko[.xz]*:" "$modules/modules.dep") || {
		[ "$word" = "$module" ] || continue
		fail "no module $module in $modules"
	}
	needed=
	for file in ${line#*:}; do
		needed="$file $needed"
	done
	for file in $needed "${line%%:*}"; do
		add_module "$file"
	done
done

for program in $5; do
	path=$(command -v "$program" || PATH=/usr/sbin:/sbin:$PATH command -v "$program") ||
		fail "$program is not installed"
	cp "$path" "$root/bin/"
	# Each line: NAME => PATH (ADDRESS), or PATH (ADDRESS).
	for library in $(ldd "$path" | grep -o '/[^ ]*'); do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
done
(cd "$root" && find . | busybox cpio -o -H newc) >"$output" 2>/dev/null
echo SHELL-OK
