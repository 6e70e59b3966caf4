# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# ./dev lint: each tool in turn, all of them even if one complains.

failures=0
lint() {
	name=$1
	shift
	if "$@" >build/log/lint 2>&1; then
		say "  ok      $name"
	else
		cat build/log/lint
		say "  FAILED  $name"
		failures=$((failures + 1))
	fi
}

format() {
	tree_files '*.c' '*.h' '*.cpp' | xargs "$(tool clang-format)" --dry-run -Werror 2>build/log/format &&
		return 0
	# The first place in each file is enough: ./dev fmt repairs them all.
	sed -n 's|^\([^ :]*:[0-9]*\):.*format-violations.*|\1: not as ./dev fmt has it|p' \
		build/log/format | sort -t : -k 1,1 -u
	return 1
}

# The flags of each file are those that it is built with; headers are seen through them. A client of
# libblkio needs headers that are not here.
tidy() {
	configure lint || return 1
	# Nothing is compiled there, so nothing else would renew the list of commands.
	logged lint-setup ninja -C build/lint build.ninja || return 1
	tree_files '*.c' | grep -v -e '^test/groups/' -e '^bench/blkio_client.c' -e '^test/cross/' -e '^test/proof/' | xargs -P "$JOBS" -n 4 "$(tool clang-tidy)" \
		-p build/lint --quiet >build/log/tidy 2>&1 && return 0
	# One line each; the notes and the excerpts of the source are in the log.
	grep -E '(error|fatal): ' build/log/tidy | sed "s|^$PWD/||; s|^.*/\.\./\.\./||" | sort -u
	say "build/log/tidy tells more"
	return 1
}

# Warnings, portability and performance; "style" repeats clang-tidy with less knowledge. The macros
# that are undefined name headers that replace some of the core's: there are none in this tree.
cppcheck_all() {
	tree_files 'src/*.c' 'tool/*.c' 'bench/*.c' | xargs cppcheck --quiet --std=c11 \
		--enable=warning,portability,performance --error-exitcode=1 --inline-suppr \
		--suppressions-list=script/cppcheck.txt -Iinclude -Isrc -j "$JOBS" \
		-UVR_PORT_HEADER -UVR_ACCESS_HEADER -UVU_SHARED_HEADER
}

shell() {
	tree_files '*.sh' dev .ci/run | xargs shellcheck -x
}


python() {
	tree_files '*.py' | PYTHONPYCACHEPREFIX=build/pycache xargs python3 -m py_compile
}

mkdir -p build/log
lint 'clang-format' format
lint 'rules of the tree' python3 script/rules.py
lint 'shellcheck' shell
lint 'python' python
lint 'cppcheck' cppcheck_all
lint 'clang-tidy' tidy
if [ $failures -ne 0 ]; then
	say "lint: $failures failed"
	exit 1
fi
