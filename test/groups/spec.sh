# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: the specification's clauses

programs_of_main spec
