#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the proofs of harnesses.txt and prints a table.

Each harness runs twice over the source of src/ring: as it stands, when every property must hold and
every `reach:` assertion must fail (the code in question is reached), and once more over a copy with
one planted fault, which must be refuted.
"""
import argparse
import concurrent.futures
import copy
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, 'test', 'proof')
SOURCES = {
    'driver': ['driver.c', 'driver_buffer.c', 'driver_event.c', 'driver_init.c', 'form.c'],
    'device': ['device.c', 'device_age.c', 'device_gather.c', 'device_event.c', 'device_init.c',
               'device_restore.c', 'form.c'],
}
# A half breaks in one round, as nothing else writes its halt word; at each place that finds a fault.
HALT = 'vr_halt_break.0:1'
FORMS = ['split', 'split-in-order', 'packed', 'packed-in-order']


class Harness:
    """One line of harnesses.txt, or one case of it."""

    def __init__(self, line):
        self.long = line.startswith('long: ')
        fields = [field.strip() for field in line.removeprefix('long: ').split(' | ')]
        self.half, self.call, self.form, self.defines, self.loops, self.fault, self.proves = fields
        self.name = '%s_%s/%s' % (self.half, self.call, self.form)
        self.size = re.search(r'\bN=(\d+)', self.defines).group(1)
        self.case = ''

    def cases(self):
        """Itself; or, where a define has a range (SLOT=0..3), one for each value of it."""
        found = re.search(r'\b([A-Z]+)=(\d+)\.\.(\d+)', self.defines)
        if not found:
            return [self]
        several = []
        for value in range(int(found.group(2)), int(found.group(3)) + 1):
            one = copy.copy(self)
            define = '%s=%d' % (found.group(1), value)
            one.defines = self.defines.replace(found.group(0), define)
            one.case = (self.case + ' ' + define).strip()
            several += one.cases()
        return several


def harnesses():
    with open(os.path.join(HERE, 'harnesses.txt'), encoding='utf-8') as file:
        lines = [line for line in file.read().splitlines() if line and not line.startswith('#')]
    return ([case for line in lines if not line.startswith('not proved:')
             for case in Harness(line).cases()],
            [line for line in lines if line.startswith('not proved:')])


def plant(harness, folder):
    """A copy of src/ring with the harness's fault, FILE:OLD => NEW, in exactly one place."""
    path, change = harness.fault.split(':', 1)
    old, new = (part.strip() for part in (change + ' ').split(' => '))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, 'src', 'ring'), folder)
    path = os.path.join(folder, path)
    with open(path, encoding='utf-8') as file:
        text = file.read()
    if text.count(old) != 1:
        raise SystemExit('%s: the place of its fault occurs %d times: %s' %
                         (harness.name, text.count(old), old))
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text.replace(old, new))


def command(harness, ring, options):
    loops = [HALT] + ([harness.loops] if harness.loops != '-' else [])
    defines = ['-D' + define for define in harness.defines.split()]
    return (shlex.split(options.cbmc) + [os.path.join(HERE, harness.half + '.c')] +
            [os.path.join(ring, source) for source in SOURCES[harness.half]] +
            ['-I' + os.path.join(ROOT, 'include'), '-I' + ring, '-I' + HERE,
             '-DVR_ACCESS_HEADER="access_nondet.h"', '-DFORM=%d' % FORMS.index(harness.form)] +
            defines + ['--function', 'prove_' + harness.call,
                       '--unwind', str(int(harness.size) + 1), '--object-bits', '12',
                       '--pointer-overflow-check', '--drop-unused-functions', '--slice-formula',
                       '--unwindset', ','.join(loops), '--json-ui'])


def bounds(limit):
    """For a child: processor time, and what it may take of the memory that others need, too."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))


def cbmc(arguments, limit):
    """The properties by name, and the seconds of processor time; (None, why) if there is no answer."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(arguments, capture_output=True, text=True, check=False,
                          preexec_fn=lambda: bounds(limit))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return None, seconds, 'no answer, exit status %d' % done.returncode
    results = [part['result'] for part in answer if 'result' in part]
    verdict = [part['cProverStatus'] for part in answer if 'cProverStatus' in part]
    if done.returncode == 10 and verdict == ['failure'] and not results:
        return [], seconds, '' # stopped at the first property that fails
    if done.returncode not in (0, 10) or len(results) != 1:
        errors = [part['messageText'] for part in answer if part.get('messageType') == 'ERROR']
        return None, seconds, '; '.join(errors) or 'exit status %d' % done.returncode
    return results[0], seconds, ''


def judge(results):
    """What is wrong with a run over the source as it stands."""
    reach = [r for r in results if r['description'].startswith('reach:')]
    wrong = ['not reached: ' + r['description'] for r in reach if r['status'] != 'FAILURE']
    wrong += ['%s: %s: %s' % (r['property'], r['description'], r['status'])
              for r in results if r not in reach and r['status'] != 'SUCCESS']
    return wrong if reach else wrong + ['nothing says that the code is reached']


def prove(harness, options):
    """One line of the table, and what went wrong."""
    results, seconds, why = cbmc(command(harness, os.path.join(ROOT, 'src', 'ring'), options),
                                 options.limit)
    wrong = [why] if results is None else judge(results)
    count = 0 if results is None else sum(r['status'] == 'SUCCESS' for r in results)
    folder = os.path.join(ROOT, 'build', 'prove',
                          (harness.name + harness.case).translate(str.maketrans('/ =', '---')))
    plant(harness, folder)
    faulty, more, why = cbmc(command(harness, folder, options) +
                             ['-DPROOF_NO_REACH', '--stop-on-fail'], options.limit)
    refuted = faulty == []
    if not refuted:
        wrong.append('the planted fault was not found: ' + (why or harness.fault))
    return harness, count, seconds, more, refuted, wrong


def main():
    parser = argparse.ArgumentParser(description='prove the core')
    parser.add_argument('--cbmc', required=True, help='command that runs CBMC')
    parser.add_argument('--limit', type=int, default=900, help='processor seconds for one run')
    parser.add_argument('--all', action='store_true', help='those that take long, too')
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('names', nargs='*', help='a name or part of names; all without one')
    options = parser.parse_args()
    known, missing = harnesses()
    exact = {h.name for h in known}
    chosen = [h for h in known
              if any(n == h.name if n in exact else n in h.name for n in options.names) or
              (not options.names and (options.all or not h.long))]
    if not chosen:
        raise SystemExit('no harness has such a name')
    left = [] if options.names else [h for h in known if h not in chosen]
    failed = 0
    row = '  %-7s %-30s %-3s %5s %6s  %-6s  %s'
    print(row % ('', 'harness', 'N', 'props', 'time', 'fault', 'proves'))
    # Processes of their own: each waits for its children's processor time.
    with concurrent.futures.ProcessPoolExecutor(max(1, options.jobs)) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(prove, harness, options) for harness in chosen]):
            harness, count, seconds, more, refuted, wrong = done.result()
            print(row % ('FAILED' if wrong else 'ok', harness.name, harness.size, count,
                         '%.1f s' % seconds, '%.1f s' % more if refuted else 'NOT',
                         harness.proves + (', case ' + harness.case if harness.case else '')),
                  flush=True)
            for line in wrong[:20]:
                print('          ' + line, flush=True)
            failed += bool(wrong)
    for name in sorted({'%s N=%s' % (h.name, h.size) for h in left}):
        print('  left out, run by --all: ' + name)
    for line in missing:
        print('  ' + line)
    print('%d passed, %d failed, %d skipped' % (len(chosen) - failed, failed, 0))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
