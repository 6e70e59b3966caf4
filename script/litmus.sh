# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# ./dev litmus: the tests of test/litmus under four memory models, with herd7 of Debian's testing release.

. script/later.sh
later herd7 forky herdtools7 libc6 libzstd1
python3 test/litmus/run.py --folder build/litmus "$@" \
	--herd "$(later_command /usr/bin/herd7) -set-libdir $later_root/root/usr/share/herdtools7/herd"
