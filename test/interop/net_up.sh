#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# net_up.sh INTERFACE ADDRESS/BITS: an address for an interface of this network namespace.
set -eu
busybox ip addr add "$2" dev "$1"
busybox ip link set "$1" up
echo SHELL-OK
