# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: (only when named) unit, spec and regress under valgrind's memcheck

configure valgrind -Doptimization=1
compile valgrind
# Programs that start others (the command, sanitizer-like handlers) are followed by no one: it is the
# library that is looked at. A leak is what nothing points to any more.
programs valgrind valgrind unit spec regress --patience 20 --wrapper \
	'valgrind --quiet --error-exitcode=88 --leak-check=full --errors-for-leak-kinds=definite --trace-children=no'
