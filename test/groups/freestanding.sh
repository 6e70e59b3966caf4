# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: the core without a C library: its headers, undefined symbols, state; also as C++

sources=$(find src/ring -name '*.c' | sort)
[ -n "$sources" ] || return 1
folder=build/freestanding
mkdir -p "$folder"

# Every source, with no header in reach but the compiler's own.
objects_of() {
	compiler=$1
	shift
	case $compiler in
	*clang*) own="-nostdlibinc" ;;
	*) own="-nostdinc -isystem $("$compiler" -print-file-name=include)" ;;
	esac
	rm -f "$folder"/*.o
	for source in $sources; do
		# shellcheck disable=SC2086 # a list of words
		"$compiler" -std=c11 -ffreestanding -Wall -Wextra -Wpedantic -Werror $own \
			-Iinclude -Isrc "$@" -c "$source" -o "$folder/$(basename "$source" .c).o" ||
			return 1
	done
}

undefined() {
	objects_of "$@" && script/freestanding.sh "$folder/core" "$folder"/*.o -- "$1"
}

for compiler in gcc "$(tool clang)"; do
	for level in -O0 -O2 -Os; do
		check freestanding "no undefined symbol, $compiler $level" undefined "$compiler" $level
	done
done

# A writable variable would be state that all queues share.
no_global_state() {
	# Position-independent code would keep even a constant table of strings in writable data.
	objects_of gcc -O2 -fno-pie || return 1
	! nm -A "$folder"/*.o | grep -E ' [BbDdCGgSs] '
}
check freestanding 'no global state' no_global_state

# Floating point is neither needed nor, in a kernel, at hand.
check freestanding 'no floating point' objects_of gcc -O2 -mgeneral-regs-only

# Tools that simulate weak memory compile the core as C++.
as_cxx() {
	for source in $sources; do
		g++ -x c++ -std=c++17 -fsyntax-only -Wall -Wextra -Werror -Iinclude -Isrc "$source" ||
			return 1
	done
}
check freestanding 'the sources are also C++' as_cxx
