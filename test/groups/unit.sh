# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: each function, its good and its bad case

programs_of_main unit
