#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# net_ping.sh ADDRESS: five packets, all of which must come back.
set -eu
busybox ping -c 5 -W 60 "$1"
echo SHELL-OK
