# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: the stored inputs of the fuzz targets, once each

programs_of_main replay
