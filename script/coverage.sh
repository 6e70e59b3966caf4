# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# ./dev coverage: what the test programs reach, room by room. Nothing is left out of the figures.

# -O0 and no forced inlining (VR_INLINE): a branch in the report is one in the source, once.
configure coverage -Db_coverage=true -Doptimization=0 \
	"-Dc_args=['-DVR_INLINE=static inline', '-fprofile-update=atomic']"
compile coverage
find build/coverage -name '*.gcda' -delete
results_begin
programs coverage coverage unit property spec regress
results_end || {
	say "coverage: a test failed; figures would mean nothing"
	exit 1
}

# Of a process that was killed, or forked while threads ran, gcov works some branches out as taken -1
# times; gcovr 5.2 would stop at the first one.
gcovr --gcov-ignore-parse-errors --root . --object-directory build/coverage --filter src/ --branches \
	--html-details build/coverage/report.html --json-summary build/coverage/summary.json >/dev/null 2>build/log/gcovr
python3 script/coverage.py build/coverage/summary.json
say "build/coverage/report.html shows each line"
