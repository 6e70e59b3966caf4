# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# ./dev fuzz: the targets of test/fuzz under libFuzzer or AFL++, with ASan and UBSan.

# build_targets NAME: builds those of build/NAME.
build_targets() {
	# The list of targets has to be as new as the files that name them.
	logged "$1-setup" ninja -C "build/$1" build.ninja || return 1
	# shellcheck disable=SC2046 # a list of words
	compile "$1" $(ninja -C "build/$1" -t targets all | sed -n 's/^\(test\/fuzz\/fuzz-[a-z_]*\): .*/\1/p')
}

if [ "${1-}" = --engine ] && [ "${2-}" = afl ]; then
	shift 2
	need fuzz-afl
	# Its compiler is clang with these turned on by the environment.
	export CC=afl-clang-fast AFL_QUIET=1 AFL_USE_ASAN=1 AFL_USE_UBSAN=1
	configure fuzz-afl -Dfuzz=true -Db_lundef=false -Doptimization=2
	build_targets fuzz-afl
	mkdir -p build/fuzz-afl-found
	python3 test/fuzz/afl.py --build build/fuzz-afl --work build/fuzz-afl-found --jobs "$JOBS" "$@"
	exit
fi
[ "${1-}" != --engine ] || [ "${2-}" = libfuzzer ] || die "fuzz: the engines are libfuzzer and afl"
[ "${1-}" != --engine ] || shift 2

fuzz_options='-Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=2'
# UBSan's checks of alignment and of null compare with constants, each of which the fuzzer takes for
# a comparison of the program's and accounts for. Alignment is looked at where the stored inputs are
# replayed, ./dev test sanitizers; what is at null ends a program under ASan anyway.
fuzz_flags='-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize=alignment,null -fno-sanitize-recover=all'
CC=$(tool clang)
export CC

# --planted [SECONDS [PATTERN]]: for so long each; only those with the pattern in their line.
if [ "${1-}" = --planted ]; then
	# shellcheck disable=SC2086 # a list of words
	python3 test/fuzz/planted.py "$PWD/build/fuzz-planted" "${2-60}" "$JOBS" "${3-}" \
		meson setup $fuzz_options "$fuzz_flags"
	exit
fi
# shellcheck disable=SC2086 # a list of words
configure fuzz $fuzz_options "$fuzz_flags"
build_targets fuzz
mkdir -p build/fuzz-corpus
python3 test/fuzz/run.py --build build/fuzz --work build/fuzz-corpus --jobs "$JOBS" "$@"
