# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: built by clang, warnings as errors; unit tests

(
	CC=$(tool clang)
	export CC
	configure clang
	compile clang
)
programs clang clang unit
