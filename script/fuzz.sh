# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# ./dev fuzz: the targets of test/fuzz under libFuzzer, with ASan and UBSan.

fuzz_options='-Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=2'
fuzz_flags='-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all'
CC=$(tool clang)
export CC

if [ "${1-}" = --planted ]; then
	# shellcheck disable=SC2086 # a list of words
	python3 test/fuzz/planted.py "$PWD/build/fuzz-planted" "${2-60}" "$JOBS" \
		meson setup $fuzz_options "$fuzz_flags"
	exit
fi
# shellcheck disable=SC2086 # a list of words
configure fuzz $fuzz_options "$fuzz_flags"
# The list of targets has to be as new as the files that name them.
logged fuzz-setup ninja -C build/fuzz build.ninja
targets=$(ninja -C build/fuzz -t targets all | sed -n 's/^\(test\/fuzz\/fuzz-[a-z_]*\): .*/\1/p')
# shellcheck disable=SC2086 # a list of words
compile fuzz $targets
mkdir -p build/fuzz-corpus
python3 test/fuzz/run.py --build build/fuzz --work build/fuzz-corpus --jobs "$JOBS" "$@"
