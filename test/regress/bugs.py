#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The table of past bugs: is each entry there, does each test that it names exist, and is it run?

usage: bugs.py TEST-FOLDER
"""
import pathlib
import re
import sys

ENTRIES = ['B%02d' % n for n in range(1, 40)]
# Programs whose every test stands for a row.
WHOLE = ['past_*.c', 'in_order_abuse.c']


def tests_of(path):
    """The tests that a program runs."""
    return set(re.findall(r'cmocka_unit_test\((\w+)\)', path.read_text(encoding='utf-8')))


def rows_of(table):
    """Rows of the table: entry, what happened, file, and test or reason."""
    for number, line in enumerate(table.read_text(encoding='utf-8').splitlines(), 1):
        if not line.startswith('#'):
            yield number, line.split('\t')


def check(folder):
    """What is wrong, and how many entries and rows are not applicable."""
    wrong, seen, named, without = [], set(), set(), []
    for number, row in rows_of(folder / 'regress' / 'bugs.tsv'):
        if len(row) != 4 or not all(row):
            wrong.append('line %d has %d columns, not 4' % (number, len(row)))
            continue
        entry, what, file, test = row
        seen.add(entry)
        if entry not in ENTRIES:
            wrong.append('line %d: there is no entry %s' % (number, entry))
        if file == '-':
            without.append('%s, %s: %s' % (entry, what, test))
        elif not (folder / file).exists():
            wrong.append('line %d: there is no %s' % (number, file))
        elif test not in tests_of(folder / file):
            wrong.append('line %d: %s does not run %s' % (number, file, test))
        named.add((file, test))
    wrong += ['nothing about %s' % entry for entry in ENTRIES if entry not in seen]
    for pattern in WHOLE:
        for path in sorted((folder / 'regress').glob(pattern)):
            wrong += ['%s: no row names %s' % (path.name, test) for test in sorted(tests_of(path))
                      if ('regress/' + path.name, test) not in named]
    return wrong, without


def main():
    """A line for each finding; REPORT lines for what does not apply."""
    wrong, without = check(pathlib.Path(sys.argv[1]))
    for line in without:
        print('REPORT: not applicable: ' + line)
    for line in wrong:
        print('bugs.tsv: ' + line)
    print('%d passed, %d failed' % (not wrong, bool(wrong)))
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
