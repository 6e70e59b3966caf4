#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What each form of the ring costs in accesses is what ring_count.txt says, to the digit.

usage: ring_count.py BENCH_RING_COUNT RING_COUNT.TXT
"""
import difflib
import json
import os
import subprocess
import sys
import tempfile

REPRINT = './dev bench --count --figures >test/unit/ring_count.txt'

# The project's limits: lines read, and lines taken, of both sides together, for each buffer.
LIMITS = {'split-in-order': 0.10, 'packed-in-order': 0.30}


def run(tool, *words):
    return subprocess.run([tool, *words], check=True, text=True, stdout=subprocess.PIPE).stdout


def figures(tool, path):
    """Yields a case for each heading of the table, and what is wrong with the rows under it."""
    with open(path, encoding='utf-8') as file:
        wanted = file.read().split('\n\n')
    got = run(tool, '--figures').split('\n\n')
    for i in range(max(len(wanted), len(got))):
        old = wanted[i].splitlines() if i < len(wanted) else []
        new = got[i].splitlines() if i < len(got) else []
        name = (new or old)[0].rstrip(':') if i else 'the lines above'
        lines = difflib.unified_diff(old, new, path, 'counted', n=0, lineterm='')
        yield name, '\n'.join(lines) or None


def rows_of(tool, *words):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'count.json')
        run(tool, '--json', path, *words)
        with open(path, encoding='utf-8') as file:
            return json.load(file)['rows']


def limits(tool):
    """Bursts of 32 that the device reads, in slots that keep their buffers."""
    rows = rows_of(tool, '--buffers', 'readable', '--slots', 'keep', '--size', '256,1024')
    for row in rows:
        if row['form'] not in LIMITS:
            continue
        for what in 'lines_read', 'lines_taken':
            each = (row['driver'][what] + row['device'][what]) / row['buffers']
            limit = LIMITS[row['form']]
            yield '%s, queue %d: %s at most %.2f' % (row['form'], row['size'], what, limit), (
                '%.4f' % each if each > limit else None)


def floors(tool):
    """Nobody gets below what the layout must cost; if so the floor is wrong."""
    rows = rows_of(tool, '--burst', '1,7,32', '--segments', '1,3', '--descriptors', 'all',
                   '--size', '64,256')
    for row in rows:
        below = [(part, key) for part, counts in
                 (('driver', row['driver']), ('device', row['device']), ('bus', row))
                 for key in list(counts)
                 if key + '_floor' in counts and counts[key] < counts[key + '_floor']]
        name = ' '.join(str(row[key]) for key in (
            'form', 'size', 'burst', 'segments', 'indirect', 'writable', 'rotating'))
        yield 'not below the floor: ' + name, str(below) if below else None


def forecast(tool):
    """In order gains nothing where the accesses are the same, and follows the costs."""
    rows = rows_of(tool, '--cost-ns', '100', '--slots', 'keep', '--buffers', 'all')
    for row in (r for r in rows if r['form'] == 'packed-in-order'):
        same = row['gain_hand_overs_percent'] == 0
        yield 'forecast, writable %s' % row['writable'], (
            None if same == row['writable'] else 'gain %s' % row['gain_hand_overs_percent'])
    for row in rows_of(tool, '--cost-ns', '1', '--work-ns', '1e6', '--forms', 'all'):
        if 'gain_bus_percent' in row and abs(row['gain_bus_percent']) > 0.01:
            yield 'forecast beside much other work', 'gain %s' % row['gain_bus_percent']


def main():
    tool, path = sys.argv[1:]
    passed = failed = changed = 0
    for check in (lambda: figures(tool, path), lambda: limits(tool), lambda: floors(tool),
                  lambda: forecast(tool)):
        for case, wrong in check():
            if wrong:
                print('%s:\n%s' % (case, wrong))
            passed += not wrong
            failed += bool(wrong)
            changed += bool(wrong) and wrong.startswith('---')
    if changed:
        print('If the change is meant: ' + REPRINT)
    print('%d passed, %d failed' % (passed, failed))
    return failed > 0 or passed < 50


if __name__ == '__main__':
    sys.exit(main())
