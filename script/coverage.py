#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints line and branch coverage of each file and room, and holds the core to its limits.

usage: script/coverage.py SUMMARY      (what gcovr --json-summary wrote)
"""
import collections
import json
import os
import sys

# Per cent of lines and of branches that a room must reach.
LIMITS = {'src/ring': (98.0, 92.0)}


def percent(covered, total):
    return 100.0 * covered / total if total else 100.0


def row(name, numbers):
    lines, all_lines, branches, all_branches = numbers
    print('%-52s %6.1f %% %5d/%-5d %6.1f %% %5d/%d' % (
        name, percent(lines, all_lines), lines, all_lines,
        percent(branches, all_branches), branches, all_branches))


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        summary = json.load(file)
    rooms = collections.defaultdict(dict)
    for entry in summary['files']:
        numbers = [entry[key] for key in ('line_covered', 'line_total',
                                          'branch_covered', 'branch_total')]
        rooms[os.path.dirname(entry['filename'])][entry['filename']] = numbers
    print('%-52s %-20s %s' % ('', '  lines', '  branches'))
    missed = []
    for room in sorted(rooms):
        for name, numbers in sorted(rooms[room].items()):
            row('  ' + name, numbers)
        total = [sum(column) for column in zip(*rooms[room].values())]
        row(room, total)
        for what, part, limit in zip(('lines', 'branches'), (total[:2], total[2:]),
                                     LIMITS.get(room, (0, 0))):
            if percent(*part) < limit:
                missed.append('%s: %.2f %% of %s, the limit is %g %%' % (
                    room, percent(*part), what, limit))
    for room in LIMITS:
        if room not in rooms:
            missed.append('%s: no figures' % room)
    for line in missed:
        print('coverage: ' + line)
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
