# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: the test runner and the rules of the tree, themselves

for subject in runner rules; do
	check house "$subject" python3 "test/house/$subject.py"
done

# The stand-in must see what cmocka sees: the same program against both, the same counts.
# cmocka 1.1.7 names the group before some of them.
counts() {
	"$1" 2>&1 | sed -E 's/\] [a-z]+: /] /' |
		grep -oE '^\[  (PASSED |SKIPPED) \] [0-9]+|[0-9]+ FAILED TEST' | sort
}
stand_in() {
	mkdir -p build/house
	gcc -std=gnu11 -Wall -Wextra -Werror -Itest/cross -o build/house/stand-in \
		test/house/stand_in.c test/cross/cmocka.c &&
		gcc -std=gnu11 -o build/house/cmocka test/house/stand_in.c -lcmocka || return 1
	counts build/house/cmocka >build/house/wanted
	counts build/house/stand-in | diff build/house/wanted - &&
		grep -q '15 FAILED' build/house/wanted
}
check house "the stand-in for cmocka counts as cmocka does" stand_in

check house "each access has its line in doc/memory-model.md" python3 test/house/accesses.py

check house "each fault of test/mutate has its place in the core" python3 test/mutate/run.py --texts
