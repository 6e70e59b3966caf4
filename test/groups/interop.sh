# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: real peers: DPDK testpmd in both roles, qemu-storage-daemon, User Mode Linux

programs_of_main interop
