#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs fuzz targets under AFL++, each from its stored corpus on, and prints what each did.

The other engine that the targets can be built for: it chooses and changes inputs in other ways than
libFuzzer. Inputs that it adds stay in its own folder; --share copies them to where libFuzzer goes on.
"""
import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys

import run as libfuzzer


def arguments():
    parser = argparse.ArgumentParser(prog='./dev fuzz --engine afl',
                                     description=__doc__.split('\n\n', maxsplit=1)[0])
    parser.add_argument('--build', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--jobs', type=int, default=2, help=argparse.SUPPRESS)
    parser.add_argument('--work', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--hours', type=float, help='for so long each')
    parser.add_argument('--seconds', type=float, help='for so long each (default: 60)')
    parser.add_argument('--share', metavar='FOLDER',
                        help='copy what was found to FOLDER/TARGET, for libFuzzer')
    parser.add_argument('--exact', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('target', nargs='*', help='targets, by a part of their names; default: all')
    return parser.parse_args()


class Result:
    """What AFL++ wrote about one target; a crash or a hang is a finding."""

    def __init__(self, name, folder, status, log):
        self.name = name
        self.folder = os.path.join(folder, 'default')
        self.log = log
        self.stats = {}
        try:
            with open(os.path.join(self.folder, 'fuzzer_stats'), encoding='ascii') as file:
                for line in file:
                    key, _, value = line.partition(':')
                    self.stats[key.strip()] = value.strip()
        except FileNotFoundError:
            pass
        self.found = self.number('saved_crashes') + self.number('saved_hangs')
        self.failed = status != 0 or self.found > 0 or self.number('execs_done') == 0

    def number(self, key):
        return int(self.stats.get(key, '0'))

    def line(self):
        return '%-30s %11d %7d %7d %7d  %s' % (
            self.name, self.number('execs_done'), self.number('edges_found'),
            self.number('corpus_count'), self.number('run_time'),
            'FOUND SOMETHING' if self.found else 'DID NOT RUN' if self.failed else 'nothing found')

    def report(self):
        """What was found, each input as a line for the corpus."""
        text = ['---- ' + self.name] + ([] if self.found else self.log.splitlines()[-30:])
        for kind in ('crashes', 'hangs'):
            folder = os.path.join(self.folder, kind)
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                if name.startswith('id:'):
                    with open(os.path.join(folder, name), 'rb') as file:
                        text.append('%s: input: %s' % (kind, file.read().hex()))
        return '\n'.join(text)


def fuzz(options, name):
    folder = os.path.join(options.work, name)
    seeds = os.path.join(folder, 'seeds')
    found = os.path.join(folder, 'found')
    shutil.rmtree(folder, ignore_errors=True)
    if libfuzzer.unpack(name, seeds) == 0:
        with open(os.path.join(seeds, 'empty'), 'wb') as file:
            file.write(b'\0')
    seconds = options.hours * 3600 if options.hours else options.seconds or 60
    # Nobody looks at its screen; machines in clouds have neither a governor nor CPUs to pin to. A
    # second a run: on a loaded machine the 20 ms that it measures are no hang.
    environment = dict(os.environ, AFL_NO_UI='1', AFL_SKIP_CPUFREQ='1', AFL_NO_AFFINITY='1',
                       AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES='1', AFL_NO_COLOR='1',
                       ASAN_OPTIONS='abort_on_error=1:symbolize=0:detect_leaks=0',
                       UBSAN_OPTIONS='abort_on_error=1:halt_on_error=1:symbolize=0')
    done = subprocess.run(['afl-fuzz', '-V', str(max(1, int(seconds))), '-t', '1000', '-m', 'none',
                           '-G', str(libfuzzer.LENGTH), '-i', seeds, '-o', found, '--',
                           os.path.join(options.build, 'test', 'fuzz', 'fuzz-' + name)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment, check=False, encoding='utf-8',
                          errors='replace')
    return Result(name, found, done.returncode, done.stdout)


def share(options, result):
    """New inputs only; those with orig: in their names came from the corpus."""
    target = os.path.join(options.share, result.name)
    os.makedirs(target, exist_ok=True)
    queue = os.path.join(result.folder, 'queue')
    for name in os.listdir(queue):
        if name.startswith('id:') and 'orig:' not in name:
            shutil.copy(os.path.join(queue, name),
                        os.path.join(target, 'afl-' + name.replace(':', '-').replace(',', '-')))


def main():
    options = arguments()
    names = libfuzzer.targets(options)
    print('%-30s %11s %7s %7s %7s' % ('target', 'executions', 'edges', 'inputs', 'seconds'))
    failed = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(lambda name: fuzz(options, name), names):
            print(result.line(), flush=True)
            if result.failed:
                failed.append(result)
            elif options.share:
                share(options, result)
    for result in failed:
        print(result.report())
    print('%d passed, %d failed, 0 skipped' % (len(names) - len(failed), len(failed)))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
