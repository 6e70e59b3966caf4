#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each access to shared memory in src/ring has its line in doc/memory-model.md, and nothing else has.

usage: test/house/accesses.py [--list]     (--list prints what the source has, as lines of the table)
"""
import collections
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RING = os.path.join(ROOT, 'src', 'ring')
ACCESS = re.compile(r'\b(vr_(?:ld|st)(?:16|32|64)(?:_acquire|_release|_unaligned)?|vr_fence|'
                    r'vr_before_publish|vr_after_consume|__(?:atomic|sync)_\w+)\s*\(')
# The accessors themselves, and the barriers of the platform.
LEFT_OUT = ('access.h', 'access_atomic.h', 'port.h')
ROW = re.compile(r'^\| `([\w.]+)` \| `(\w+)` \| `(\w+)`(?: x(\d+))? \|(.*)\|$')


def in_source():
    found = collections.Counter()
    for name in sorted(os.listdir(RING)):
        if not name.endswith(('.c', '.h')) or name in LEFT_OUT:
            continue
        with open(os.path.join(RING, name), encoding='utf-8') as file:
            text = re.sub(r'/\*.*?\*/|//[^\n]*', lambda m: '\n' * m[0].count('\n'), file.read(),
                          flags=re.S)
        function = None
        for line in text.splitlines():
            # A definition starts in the first column and its name is before the first bracket.
            start = re.match(r'[A-Za-z][^;=]*?\b(\w+)\(', line)
            if start:
                function = start[1]
                continue
            for access in ACCESS.findall(line):
                found[name, function, access] += 1
    return found


def in_table():
    rows, tests = collections.Counter(), []
    with open(os.path.join(ROOT, 'doc', 'memory-model.md'), encoding='utf-8') as file:
        for line in file:
            row = ROW.match(line.strip())
            if row:
                rows[row[1], row[2], row[3]] += int(row[4] or 1)
                tests.append((row[1], row[2], re.findall(r'`([a-z]+(?:-[a-z]+)+)`', row[5])))
    return rows, tests


def main():
    source = in_source()
    if '--list' in sys.argv[1:]:
        for (name, function, access), count in source.items():
            print('| `%s` | `%s` | `%s`%s |  |  |' % (name, function, access,
                                                    ' x%d' % count if count > 1 else ''))
        return 0
    table, tests = in_table()
    wrong = []
    for key in sorted(set(source) | set(table), key=str):
        if source[key] != table[key]:
            wrong.append('%s: %s(): %s: %d in the source, %d in doc/memory-model.md' %
                         (*key, source[key], table[key]))
    named = set()
    for name, function, litmus in tests:
        for test in litmus:
            named.add(test)
            if not os.path.exists(os.path.join(ROOT, 'test', 'litmus', test + '.txt')):
                wrong.append('%s: %s(): there is no litmus test %s' % (name, function, test))
    for file in os.listdir(os.path.join(ROOT, 'test', 'litmus')):
        if file.endswith('.txt') and file[:-4] not in named:
            wrong.append('test/litmus/%s: no access names it' % file)
    print('\n'.join(wrong) or '%d accesses, all in the table' % sum(source.values()))
    return 1 if wrong or not source else 0


if __name__ == '__main__':
    sys.exit(main())
