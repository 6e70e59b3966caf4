# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: unit, property, spec, regress, replay under ASan and UBSan; what has threads under TSan

# No recovery: the first finding ends the program.
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

configure asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 \
	-Dc_args=-fno-sanitize-recover=all
compile asan
programs asan asan unit property spec regress replay --patience 4

# ThreadSanitizer of gcc 12 gives up where the kernel randomises addresses by more bits than it
# knows; without randomisation it always starts.
wrapper=
if setarch -R true 2>/dev/null; then
	wrapper='setarch -R'
fi
configure tsan -Db_sanitize=thread -Db_lundef=false -Doptimization=1
compile tsan
# One thread of one process races with nobody.
programs tsan tsan unit property spec regress --calling pthread_create,fork,posix_spawn,posix_spawnp \
	--patience 8 --wrapper "$wrapper"
