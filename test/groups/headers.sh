# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: public headers as C99, C11 and C++; exported symbols; licences; rooms

configure main
compile main

# The header alone, twice, with nothing defined: it must bring all that it uses. In C++ a function
# and a struct of one name shadow each other, as stat() and struct stat do; that is not warned of.
compiles() {
	compiler=$1
	language=$2
	standard=$3
	header=$4
	case $language in
	c) shadow=-Wshadow ;;
	*) shadow=-Wno-shadow ;;
	esac
	printf '#include <virtring/%s>\n#include <virtring/%s>\n' "$header" "$header" |
		"$compiler" -x "$language" -std="$standard" -pedantic -Wall -Wextra $shadow \
			-Wconversion -Werror -fsyntax-only -Iinclude -
}

for path in include/virtring/*.h; do
	header=${path##*/}
	for compiler in gcc "$(tool clang)"; do
		for standard in c99 c11; do
			check headers "$header $compiler $standard" compiles "$compiler" c "$standard" "$header"
		done
	done
	for compiler in g++ "$(tool clang)"; do
		for standard in c++11 c++20; do
			check headers "$header $compiler $standard" compiles "$compiler" c++ "$standard" \
				"$header"
		done
	done
done

# All headers in one file, in both orders.
together() {
	for path in include/virtring/*.h; do
		echo "#include <virtring/${path##*/}>"
	done | sort "$@" | gcc -x c -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -Iinclude -
}
check headers 'all together' together
check headers 'all together, in reverse' together -r

# What the headers declare (and do not define), as the compiler reads them, is what the library
# exports: neither a function that nobody can call nor one that nobody should.
declared_symbols() {
	for path in include/virtring/*.h; do
		echo "#include <virtring/${path##*/}>"
	done | gcc -x c -std=c11 -Iinclude -aux-info build/log/declared -fsyntax-only - &&
		sed -n 's|^/\* include/virtring/[^*]*\*/ extern [^(]*[ *]\(vr_[a-z0-9_]*\) (.*|\1|p' \
			build/log/declared | sort -u
}
exported_symbols() {
	nm -D --defined-only --without-symbol-versions build/main/src/libvirtring.so |
		awk '$2 != "A" { print $3 }' | sort -u
}
symbols_match() {
	declared_symbols >build/log/symbols.declared
	exported_symbols >build/log/symbols.exported
	[ -s build/log/symbols.declared ] || return 1
	# "<": declared and not exported: src/virtring.map lacks it, or nobody wrote it.
	# ">": exported and not declared: src/virtring.map should not have it.
	diff build/log/symbols.declared build/log/symbols.exported
}
check headers 'exported symbols are those declared' symbols_match

check headers 'an SPDX line on every file' python3 script/rules.py spdx
check headers 'each room includes only what lies below it' python3 script/rules.py rooms
