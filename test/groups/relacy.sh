# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: both halves under a simulator of weak memory (Relacy), and each order missed when dropped

# More on demand; 50,000 executions take about a second.
executions=${VIRTRING_EXECUTIONS:-50000}
folder=build/relacy
mkdir -p "$folder"

# Debug information would make the simulator's templates slow to compile.
simulator() {
	for source in src/ring/*.c; do
		g++ -x c++ -std=c++17 -O2 -Wall -Wextra -Werror -Iinclude -Isrc/ring -Itest/relacy \
			'-DVR_ACCESS_HEADER="ring_access.h"' -c "$source" \
			-o "$folder/$(basename "$source" .c).o" || return 1
	done
	# The library's own headers are not ours to mend.
	g++ -std=c++17 -O2 -Iinclude -Isrc/ring -Itest/relacy test/relacy/ring.cpp "$folder"/*.o \
		-o "$folder/ring"
}
check relacy 'the core as C++ on simulated atomics' simulator || return 0

# What a fence orders matters only to who may sleep.
for form in split split-in-order packed packed-in-order; do
	for mode in poll sleep sleep-event-idx; do
		check relacy "$form, $mode" "$folder/ring" $form $mode "$executions"
		for side in driver device; do
			for order in release acquire fence; do
				[ "$order $mode" != 'fence poll' ] || continue
				check relacy "$form, $mode: seen without the $side's $order" \
					"$folder/ring" $form $mode "$executions" $side $order
			done
		done
	done
done
