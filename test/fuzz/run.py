#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs fuzz targets, each from its stored corpus on, and prints what each did.

A corpus is stored as text, test/fuzz/corpus/TARGET.txt: an input a line, in hexadecimal. It is
unpacked into a folder of its own, where the fuzzer adds what it finds; --store puts the best of that
back into the text, at most so many bytes of it.
"""
import argparse
import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORED = os.path.join(ROOT, 'test', 'fuzz', 'corpus')
# All corpora together stay below 1 MiB of text.
STORE_LIMIT = 40000
LENGTH = 400


def arguments():
    parser = argparse.ArgumentParser(prog='./dev fuzz', description=__doc__.split('\n\n')[0])
    parser.add_argument('--build', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--jobs', type=int, default=2, help=argparse.SUPPRESS)
    parser.add_argument('--work', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--list', action='store_true', help='name the targets, and end')
    parser.add_argument('--ci', action='store_true',
                        help='five minutes in all, shared out, with a fixed seed')
    parser.add_argument('--hours', type=float, help='for so long each')
    parser.add_argument('--seconds', type=float, help='for so long each (default: 60)')
    parser.add_argument('--runs', type=int, help='so many executions each')
    parser.add_argument('--seed', type=int, default=1, help='of the random numbers (default: 1)')
    parser.add_argument('--store', action='store_true',
                        help='store the best inputs in test/fuzz/corpus')
    parser.add_argument('--exact', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('target', nargs='*', help='targets, by a part of their names; default: all')
    return parser.parse_args()


def targets(options):
    folder = os.path.join(options.build, 'test', 'fuzz')
    names = sorted(name[len('fuzz-'):] for name in os.listdir(folder)
                   if name.startswith('fuzz-') and os.access(os.path.join(folder, name), os.X_OK)
                   and os.path.isfile(os.path.join(folder, name)))
    if options.exact:
        return options.target
    chosen = [n for n in names if not options.target or any(t in n for t in options.target)]
    if not chosen:
        sys.exit('fuzz: no target has a name like that; --list names them')
    return chosen


def unpack(name, folder):
    """Returns how many inputs were stored."""
    os.makedirs(folder, exist_ok=True)
    try:
        with open(os.path.join(STORED, name + '.txt'), encoding='ascii') as file:
            lines = [line.strip() for line in file if not line.startswith('#') and line.strip()]
    except FileNotFoundError:
        lines = []
    for line in lines:
        data = bytes.fromhex(line)
        with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), 'wb') as file:
            file.write(data)
    return len(lines)


class Result:
    def __init__(self, name, stored, seconds, status, log):
        self.name = name
        self.stored = stored
        self.seconds = seconds
        self.failed = status != 0
        self.log = log
        self.runs = self.number(r'stat::number_of_executed_units:\s*(\d+)')
        covered = re.findall(r'cov: (\d+) ft: (\d+) corp: (\d+)', log)
        self.edges, self.features, self.inputs = covered[-1] if covered else ('-', '-', '-')

    def number(self, pattern):
        found = re.search(pattern, self.log)
        return int(found.group(1)) if found else 0

    def line(self):
        return '%-30s %11d %7s %8s %7s %7.0f  %s' % (
            self.name, self.runs, self.edges, self.features, self.inputs, self.seconds,
            'FOUND SOMETHING' if self.failed else 'nothing found')

    def report(self):
        """What was found, with the input as a line for the corpus."""
        said = [line.strip() for line in self.log.splitlines()
                if re.search(r'wrong:|ERROR: \S+Sanitizer|ERROR: libFuzzer|runtime error', line)]
        text = ['---- ' + self.name] + self.log.splitlines()[-60:] + ['what: ' + (said + ['?'])[0]]
        found = re.search(r'Test unit written to (\S+)', self.log)
        if found and os.path.exists(found.group(1)):
            with open(found.group(1), 'rb') as file:
                text.append('input: ' + file.read().hex())
        return '\n'.join(text)


def fuzz(options, name, limit):
    folder = os.path.join(options.work, name)
    stored = unpack(name, folder)
    command = [os.path.join(options.build, 'test', 'fuzz', 'fuzz-' + name),
               '-max_len=%d' % LENGTH, '-seed=%d' % options.seed, '-print_final_stats=1',
               '-timeout=30', '-rss_limit_mb=4096', '-artifact_prefix=%s-' % folder]
    environment = dict(os.environ, ASAN_OPTIONS='quarantine_size_mb=4:detect_leaks=1',
                       UBSAN_OPTIONS='print_stacktrace=1:halt_on_error=1')
    start = time.monotonic()
    done = subprocess.run(command + limit + [folder], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                          check=False, encoding='utf-8', errors='replace')
    return Result(name, stored, time.monotonic() - start, done.returncode, done.stdout)


def limits(options, count):
    if options.runs:
        return ['-runs=%d' % options.runs]
    seconds = options.hours * 3600 if options.hours else options.seconds or 60
    if options.ci:
        seconds = 300 * options.jobs / count
    return ['-max_total_time=%d' % max(1, int(seconds))]


def merge(options, name, what):
    """Few inputs that reach all that is reached, the short ones first, as lines."""
    folder = os.path.join(options.work, name)
    merged = folder + '-merged'
    os.makedirs(merged, exist_ok=True)
    for old in os.listdir(merged):
        os.unlink(os.path.join(merged, old))
    subprocess.run([os.path.join(options.build, 'test', 'fuzz', 'fuzz-' + name), '-merge=1', what,
                    '-max_len=%d' % LENGTH, merged, folder], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    inputs = []
    for entry in os.listdir(merged):
        with open(os.path.join(merged, entry), 'rb') as file:
            inputs.append(file.read().hex())
    return sorted(inputs, key=lambda line: (len(line), line))


def store(options, name):
    """Those that reach each edge, and then, up to the limit, each in another number of times."""
    inputs = merge(options, name, '-use_counters=0')
    inputs += [line for line in merge(options, name, '-use_counters=1') if line not in inputs]
    text, size = [], 0
    for line in inputs:
        if line and size + len(line) < STORE_LIMIT:
            text.append(line)
            size += len(line) + 1
    text.sort(key=lambda line: (len(line), line))
    os.makedirs(STORED, exist_ok=True)
    with open(os.path.join(STORED, name + '.txt'), 'w', encoding='ascii') as file:
        file.write('# SPDX-License-Identifier: BSD-3-Clause\n')
        file.write('# Inputs of the fuzz target %s, one a line; ./dev fuzz --store\n' % name)
        file.write('\n'.join(text) + '\n')
    print('%-30s %d of %d inputs stored' % (name, len(text), len(inputs)))


def main():
    options = arguments()
    names = targets(options)
    if options.list:
        print('\n'.join(names))
        return 0
    limit = limits(options, len(names))
    print('%-30s %11s %7s %8s %7s %7s' % ('target', 'executions', 'edges', 'features', 'inputs',
                                          'seconds'))
    results = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(lambda name: fuzz(options, name, limit), names):
            print(result.line(), flush=True)
            results.append(result)
    failed = [result for result in results if result.failed or result.runs == 0]
    for result in failed:
        print(result.report())
    if options.store and not failed:
        for name in names:
            store(options, name)
    print('%d passed, %d failed, 0 skipped' % (len(results) - len(failed), len(failed)))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
