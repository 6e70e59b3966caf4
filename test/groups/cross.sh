# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: the core and its tests on other machines' byte order and word size (qemu-user)

# Big endian; two with 64 bits and weak ordering; one with 32 bits.
for machine in s390x aarch64 riscv64 armhf; do
	case $machine in
	armhf) qemu=qemu-arm root=/usr/arm-linux-gnueabihf ;;
	*) qemu=qemu-$machine root=/usr/$machine-linux-gnu ;;
	esac
	if ! configure "cross-$machine" --cross-file "test/cross/$machine.ini" -Dcore_only=true ||
		! compile "cross-$machine"; then
		result_fail cross "build for $machine"
		continue
	fi
	result_ok cross "build for $machine, freestanding link"
	programs "cross-$machine" "$machine" unit property spec regress \
		--wrapper "$qemu -L $root" --patience 8
done
