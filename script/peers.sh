# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Other projects' programs that the tests of test/interop talk to and that Debian 12 does not install:
# kernels for guests, newer versions, programs of later releases. Each is unpacked into a folder of its
# own, $LATER_CACHE/peers/NAME, which holds
#
#   root/     its packages, unpacked
#   run       a script that runs a program with root/usr in the place of /usr: with its own libraries,
#             data and modules, and with everything else of this machine
#   packages  the names of the packages, with their versions
#
# test/interop/peer.h has the other end of this.

. script/later.sh

# shellcheck disable=SC2034 # others read it
PEERS='linux-6.1 linux-7 qemu-10 qemu-11 qsd-10 dpdk-25 uml-6.12 uml-7 passt libblkio'
# Those that the group interop has, small or needed by what must run everywhere.
# shellcheck disable=SC2034
PEERS_ALWAYS='linux-6.1 uml-7 passt libblkio'

# SUITE WORD... (see later_names) of a peer.
peer_packages() {
	case $1 in
	linux-6.1) echo 'bookworm linux-image-amd64,linux-image-*' ;;
	linux-7) echo 'forky linux-image-amd64,linux-[bim]*' ;;
	qemu-10) echo 'trixie qemu-system-x86,*' ;;
	qemu-11) echo 'forky qemu-system-x86,* qemu-utils,* qemu-block-extra,*' ;;
	qsd-10) echo 'trixie qemu-utils,*' ;;
	dpdk-25) echo 'forky dpdk-dev,*' ;;
	uml-6.12) echo 'trixie user-mode-linux libc6 libgcc-s1' ;;
	uml-7) echo 'forky user-mode-linux libc6 libgcc-s1' ;;
	passt) echo 'trixie passt,*' ;;
	libblkio) echo 'trixie libblkio1,* libblkio-dev' ;;
	*) return 1 ;;
	esac
}

peer_about() {
	case $1 in
	linux-6.1) echo "Debian 12's kernel, for guests of QEMU" ;;
	linux-7) echo 'a kernel whose driver knows IN_ORDER, for guests of QEMU' ;;
	qemu-10 | qemu-11) echo 'QEMU that passes IN_ORDER on' ;;
	qsd-10) echo "QEMU 10's storage daemon" ;;
	dpdk-25) echo 'DPDK 25.11, both its back end and its front end' ;;
	uml-6.12) echo 'User Mode Linux with NOTIFICATION_DATA' ;;
	uml-7) echo 'User Mode Linux whose driver knows IN_ORDER' ;;
	passt) echo 'network in user space, as a vhost-user-net back end' ;;
	libblkio) echo 'vhost-user-blk front end as a library, to compile against' ;;
	esac
}

# The program runs where its packages' /usr covers this machine's: in a mount namespace of its own, as
# the same process, so that it can be killed by its number.
peer_run_script() {
	cat <<-'END'
		#!/bin/sh
		# PROGRAM [ARGUMENT...]: runs a program of the packages unpacked here.
		here=$(dirname -- "$(readlink -f -- "$0")")
		unset LD_PRELOAD
		user=
		[ "$(id -u)" -eq 0 ] || user='--user --map-root-user'
		# shellcheck disable=SC2086,SC2016 # a list of words; for the inner shell
		exec unshare $user --mount sh -c \
			'mount --bind "$1/root/usr" /usr && shift && exec "$@"' sh "$here" "$@"
	END
}

# A kernel's package leaves this to its installation.
peer_depmod() {
	for peer_modules in "$1"/root/lib/modules/* "$1"/root/usr/lib/modules/*; do
		[ ! -e "$peer_modules/kernel" ] || [ -e "$peer_modules/modules.dep" ] ||
			depmod -b "${peer_modules%/lib/modules/*}" "${peer_modules##*/}"
	done
}

# peer_fetch NAME: has it, or says why not and leaves the reason where a test finds it.
peer_fetch() {
	peer_folder=$LATER_CACHE/peers/$1
	mkdir -p "$LATER_CACHE/peers"
	set -f # the words hold patterns
	# shellcheck disable=SC2046 # a list of words
	set -- $(peer_packages "$1")
	set +f
	later_unpack "$peer_folder" "$@" || {
		say "peer $(basename "$peer_folder") cannot be had: $later_why"
		echo "$later_why" >"$peer_folder.why"
		return 1
	}
	rm -f "$peer_folder.why"
	peer_depmod "$peer_folder"
	peer_run_script >"$peer_folder/run.$$"
	chmod +x "$peer_folder/run.$$"
	mv "$peer_folder/run.$$" "$peer_folder/run"
}

# peers_have NAME...: fetches what is missing; those that cannot be had are skipped by their tests.
peers_have() {
	for peer in "$@"; do
		peer_fetch "$peer" || :
	done
}
