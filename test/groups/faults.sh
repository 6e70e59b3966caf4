# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: peers that die, stop, cut memory, dribble; and the command without memory and descriptors

programs_of_main faults
