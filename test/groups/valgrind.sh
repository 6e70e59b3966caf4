# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: (only when named) unit, spec and regress under valgrind's memcheck; takes half an hour

configure valgrind
compile valgrind
# A leak is what nothing points to any more. Programs that a test starts are not followed: it is the
# library that is looked at.
programs valgrind valgrind unit spec regress --patience 20 --wrapper \
	"valgrind --quiet --error-exitcode=88 --leak-check=full --errors-for-leak-kinds=definite --suppressions=$PWD/test/groups/valgrind.txt --trace-children=no"
