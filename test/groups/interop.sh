# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: real peers: DPDK testpmd, qemu-storage-daemon, QEMU and User Mode Linux with guests

. script/peers.sh
# shellcheck disable=SC2086 # a list of words
peers_have $PEERS_ALWAYS
configure main
. script/blkio.sh
blkio_client || :
programs_of_main interop
# That it works; its figures need more rounds.
check interop bench_blk python3 script/bench_blk.py --rounds 1 --image-mib 16
