#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the test programs of one build folder and counts their cases.

Meson knows the programs (introspection data of the build folder); this runs them, several at a
time, and prints one line for each as it ends. The cases are counted from what a program prints:
cmocka's summary, or a last line `N passed, N failed, N skipped`; a program that prints neither is
one case. A skipped case is accepted only with a line `SKIP: reason`; exit status 77 skips the whole
program. A program whose status and counts disagree has failed.

Beside its group, which comes first, a program may belong to one more suite. `waits`: it does hardly
more than wait, so that several run beside those that keep the CPUs busy. `beside`: it needs one CPU
for long, and runs beside those of its group that must otherwise be alone (is_parallel: false).
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

PLAIN = re.compile(r'^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$', re.M)
CMOCKA = re.compile(r'^\[  (PASSED |SKIPPED) \] (?:\S+: )?(\d+) test\(s\)', re.M)
# Its bracketed line leaves out tests whose setup failed; this one counts them.
CMOCKA_FAILED = re.compile(r'^ *(\d+) FAILED TEST\(S\)', re.M)
REASON = re.compile(r'^SKIP: *(\S.*?)\s*$', re.M)
# Lines that are part of the report even if the program passes (the list of clauses, figures).
SHOWN = re.compile(r'^REPORT: ?(.*)$', re.M)


class Outcome:
    """What one program did."""

    def __init__(self, name, output, status, seconds, timed_out):
        self.name = name
        self.output = output
        self.seconds = seconds
        self.reasons = REASON.findall(output)
        self.why = None
        self.passed, self.failed, self.skipped = count(output)
        if timed_out:
            self.why = 'ran out of time'
        elif status < 0:
            self.why = 'killed by ' + signal.Signals(-status).name
        elif status == 77:
            self.passed, self.failed, self.skipped = 0, 0, max(self.skipped, 1)
        elif self.passed + self.failed + self.skipped == 0:
            self.passed, self.failed = (1, 0) if status == 0 else (0, 1)
        elif status != 0 and self.failed == 0:
            self.why = 'exit status %d though no case failed' % status
        elif status == 0 and self.failed > 0:
            self.why = 'exit status 0 though %d failed' % self.failed
        if self.why is None and self.skipped > len(self.reasons):
            self.why = '%d skipped, %d reasons given' % (self.skipped, len(self.reasons))
        if self.why is not None and self.failed == 0:
            self.failed = 1

    def summary(self):
        parts = ['%d passed' % self.passed]
        if self.failed:
            parts.append('%d failed' % self.failed)
        if self.skipped:
            parts.append('%d skipped' % self.skipped)
        return ', '.join(parts)


def count(output):
    """Passed, failed and skipped cases according to a program's output."""
    plain = PLAIN.findall(output)
    if plain:
        return tuple(int(n or 0) for n in plain[-1])
    total = {'PASSED': 0, 'SKIPPED': 0}
    for kind, number in CMOCKA.findall(output):
        total[kind.strip()] += int(number)
    failed = sum(int(number) for number in CMOCKA_FAILED.findall(output))
    return total['PASSED'], failed, total['SKIPPED']


# Programs that run now, so that an interrupted run leaves none behind. The lock is held while one
# is started; never by the main thread, which handles signals.
RUNNING = set()
STARTING = threading.Lock()


def stop_all(number, _frame):
    """Ends the run, and the process groups of all its programs."""
    with STARTING:
        for process in list(RUNNING):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os._exit(128 + number)


def run(test, name, options):
    """Runs one program in a process group of its own, so that nothing of it stays behind."""
    command = shlex.split(options.wrapper) + test['cmd']
    begin = time.monotonic()
    with STARTING:
        process = subprocess.Popen(command, cwd=test['workdir'], env={**os.environ, **test['env']},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        RUNNING.add(process)
    timed_out = False
    try:
        output, _ = process.communicate(timeout=test['timeout'] * options.patience)
    except subprocess.TimeoutExpired:
        timed_out = True
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    RUNNING.discard(process)
    return Outcome(name, output.decode(errors='replace'), process.returncode,
                   time.monotonic() - begin, timed_out)


class Report:
    """Prints outcomes as they come and notes them for the final count."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.failed = False

    def add(self, outcome):
        with self.lock:
            verdict = 'FAILED' if outcome.failed else 'ok' if outcome.passed else 'skipped'
            if outcome.failed:
                self.failed = True
                sys.stdout.write(''.join('    %s\n' % l for l in outcome.output.splitlines()))
            elif not self.options.label:
                # Once, by the ordinary build, not again by each of the others.
                for line in SHOWN.findall(outcome.output):
                    print('    ' + line)
            print('  %-7s %s  %s  %.1f s%s' % (verdict, outcome.name, outcome.summary(),
                                               outcome.seconds,
                                               ': ' + outcome.why if outcome.why else ''),
                  flush=True)
            self.note(outcome)

    def note(self, outcome):
        with open(self.options.results, 'a', encoding='utf-8') as file:
            file.write('%d %d %d\n' % (outcome.passed, outcome.failed, outcome.skipped))
        with open(self.options.notes, 'a', encoding='utf-8') as file:
            for reason in outcome.reasons:
                file.write('skipped: %s: %s\n' % (outcome.name, reason))
            if outcome.failed:
                file.write('FAILED: %s%s\n' % (outcome.name,
                                               ': ' + outcome.why if outcome.why else ''))


def calls_any(program, functions):
    """Does the program refer to one of these functions of other objects? A script does not."""
    listed = subprocess.run(['nm', '--dynamic', '--undefined-only', '--format=posix', program],
                            check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return any(line.split('@')[0].split(' ')[0] in functions for line in listed.splitlines())


def lanes(tests, alone, jobs):
    """Lists of tests that go on side by side, each with the number of those that run at a time."""
    chosen = [(test, name) for test, name in tests if test['is_parallel'] != alone]
    mark, workers = ('beside', 1) if alone else ('waits', 4)
    marked = [(test, name) for test, name in chosen if is_marked(test, mark)]
    if jobs < 2:
        marked = []
    return [([each for each in chosen if each not in marked], 1 if alone else max(1, jobs)),
            (marked, workers)]


def is_marked(test, mark):
    """A test may belong to more suites than its group."""
    return any(suite.split(':')[-1] == mark for suite in test['suite'][1:])


def leave_out(tests, report, options):
    """Reports the tests that are not to run as skipped, and returns the others."""
    reasons = dict(each.split(': ', 1) for each in options.leave_out)
    kept = []
    for test, name in tests:
        plain = '%s/%s' % (test['suite'][0].split(':')[-1], test['name'])
        if plain in reasons:
            report.add(Outcome(name, 'SKIP: %s\n' % reasons.pop(plain), 77, 0, False))
        else:
            kept.append((test, name))
    if reasons:
        sys.exit('run.py: no such test to leave out: ' + ', '.join(sorted(reasons)))
    return kept


def main():
    parser = argparse.ArgumentParser(description='run test programs and count their cases')
    parser.add_argument('folder', help='build folder')
    parser.add_argument('groups', nargs='+', help='groups (folders of test/) to run')
    parser.add_argument('--label', default='', help='put before the names of the programs')
    parser.add_argument('--wrapper', default='', help='command that runs a program')
    parser.add_argument('--calling', default='', metavar='FUNCTION,...',
                        help='only programs that refer to one of these')
    parser.add_argument('--leave-out', action='append', default=[], metavar='GROUP/NAME: REASON',
                        help='a program that is skipped, and why')
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--patience', type=float, default=1, help='multiplies the time limits')
    parser.add_argument('--results', default=os.devnull, help='file to add the counts to')
    parser.add_argument('--notes', default=os.devnull, help='file to add skips and failures to')
    options = parser.parse_args()
    signal.signal(signal.SIGINT, stop_all)
    signal.signal(signal.SIGTERM, stop_all)

    with open(os.path.join(options.folder, 'meson-info', 'intro-tests.json'),
              encoding='utf-8') as file:
        known = json.load(file)
    tests = []
    for test in known:
        group = test['suite'][0].split(':')[-1]
        if group not in options.groups:
            continue
        if not options.calling or calls_any(test['cmd'][0], options.calling.split(',')):
            tests.append((test, '/'.join(filter(None, (options.label, group, test['name'])))))
    report = Report(options)
    tests = leave_out(tests, report, options)
    # Those that must be alone come last, one at a time.
    for alone in (False, True):
        with contextlib.ExitStack() as stack:
            waiting = []
            for lane, workers in lanes(tests, alone, options.jobs):
                pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(workers))
                waiting += [pool.submit(run, test, name, options) for test, name in lane]
            for future in concurrent.futures.as_completed(waiting):
                report.add(future.result())
    if not tests:
        print('  no test program in: ' + ' '.join(options.groups))
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
