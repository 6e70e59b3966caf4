# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: random operations on all forms against a model

programs_of_main property
