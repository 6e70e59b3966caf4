# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: faults that this or another project once had

programs_of_main regress
