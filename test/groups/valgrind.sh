# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: (only when named) unit, spec and regress under valgrind's memcheck; takes a quarter of an hour

configure valgrind
compile valgrind
# A leak is what nothing points to any more. Programs that a test starts are not followed: it is the
# library that is looked at.
speed='measures how long things take, which means nothing here'
long='takes minutes here'
itself='starts itself anew as /proc/self/exe, which is valgrind here'
programs valgrind valgrind unit spec regress --patience 2 --wrapper \
	"valgrind --quiet --error-exitcode=88 --leak-check=full --errors-for-leak-kinds=definite --suppressions=$PWD/test/groups/valgrind.txt --trace-children=no" \
	--leave-out 'unit/tool_sandbox: valgrind does not know seccomp()' \
	--leave-out 'unit/check_framework: valgrind does not know pidfd_open()' \
	--leave-out "unit/tool_figures: $speed" \
	--leave-out "unit/tool_latency: $speed" \
	--leave-out "unit/tool_contest: $speed" \
	--leave-out "unit/check_self_driver-half: $long" \
	--leave-out "unit/check_self_driver-net: $long" \
	--leave-out "unit/check_self_blk: $itself" \
	--leave-out "unit/check_self_net: $itself"
