#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# script/freestanding.sh OUTPUT OBJECT... -- COMPILER...
#
# Links the objects of the core into one, without any library, and fails if that one still wants a
# symbol: the proof that the core needs no C library and no helper of the compiler's. The build runs
# it for each machine; `./dev test freestanding` for each compiler and level of optimisation.
set -eu

# What a compiler may call of its own accord, and every environment has.
allowed='memcpy memmove memset memcmp'

output=$1
shift
objects=
while [ "$1" != -- ]; do
	objects="$objects $1"
	shift
done
shift

# shellcheck disable=SC2086 # a list of words
"$@" -nostdlib -r -o "$output" $objects

status=0
for symbol in $(nm -u "$output" | awk '{ print $NF }'); do
	case " $allowed " in
	*" $symbol "*) continue ;;
	esac
	echo "$output: undefined symbol $symbol, wanted by:" >&2
	# shellcheck disable=SC2086 # a list of words
	nm -A -u $objects | grep " $symbol\$" >&2
	status=1
done
if [ $status -ne 0 ]; then
	rm -f "$output"
fi
exit $status
