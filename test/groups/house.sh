# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: the test runner and the rules of the tree, themselves

for subject in runner rules; do
	check house "$subject" python3 "test/house/$subject.py"
done
