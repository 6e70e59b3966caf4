#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Puts each fault of faults.txt into a copy of the core and sees whether a check catches it.

usage: test/mutate/run.py --build FOLDER [--work FOLDER] [--jobs N] [--judge self|tests] [WORD...]
       test/mutate/run.py --texts

With WORDs only the faults whose file or description contains one of them are put in. --texts does
nothing but see that each text stands where it should. The build has to be complete: only the objects
of the core that a fault reaches are compiled again, and what is judged is linked again.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RING = os.path.join(ROOT, 'src', 'ring')
TABLE = os.path.join(ROOT, 'test', 'mutate', 'faults.txt')

Fault = collections.namedtuple('Fault', 'line file what old new reason')


def faults():
    """The paragraphs of the table. A reason says that the fault cannot be told from the original."""
    with open(TABLE, encoding='utf-8') as file:
        lines = enumerate(file.read().split('\n'), 1)
    paragraph = []
    for number, line in lines:
        if line.startswith('#'):
            continue
        if line:
            paragraph.append((number, line))
            continue
        if paragraph:
            yield parse(paragraph)
        paragraph = []


def parse(paragraph):
    number, head = paragraph[0]
    parts = {line[:2]: line[2:] for _, line in paragraph[1:]}
    name, colon, what = head.partition(': ')
    if not colon or set(parts) - {'= '} != {'< ', '> '} or len(parts) != len(paragraph) - 1:
        sys.exit('%s:%d: a fault is FILE: WHAT, a line with <, one with >, and may be one with ='
                 % (TABLE, number))
    return Fault(number, name, what, parts['< '], parts['> '], parts.get('= '))


def text_of(name):
    with open(os.path.join(RING, name), encoding='utf-8') as file:
        return file.read()


def misplaced(fault):
    """Why a fault cannot be put in, or None."""
    if not os.path.isfile(os.path.join(RING, fault.file)):
        return 'there is no src/ring/' + fault.file
    count = text_of(fault.file).count(fault.old)
    if count != 1:
        return 'stands in src/ring/%s %d times: %s' % (fault.file, count, fault.old.strip())
    if fault.old == fault.new:
        return 'changes nothing'
    return None


def check_texts(table):
    wrong = [(f, misplaced(f)) for f in table if misplaced(f)]
    for fault, why in wrong:
        print('test/mutate/faults.txt:%d: %s' % (fault.line, why))
    return len(wrong)


class Build:
    """The commands of a finished build, to be run again on other files."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.compiles = {}
        self.includes = {}
        with open(os.path.join(self.folder, 'compile_commands.json'), encoding='utf-8') as file:
            for entry in json.load(file):
                if entry['output'].startswith('src/libring.a.p/'):
                    self.compiles[os.path.basename(entry['file'])] = entry['command']
        if not self.compiles:
            sys.exit('%s is no build of the core' % folder)
        for source in self.compiles:
            self.includes[source] = self.reach(source, set())

    def reach(self, name, seen):
        """The files of the core that a source includes, itself among them."""
        if name not in seen and os.path.isfile(os.path.join(RING, name)):
            seen.add(name)
            for other in re.findall(r'#\s*include "([\w.]+)"', text_of(name)):
                self.reach(other, seen)
        return seen

    def link(self, target):
        done = subprocess.run(['ninja', '-C', self.folder, '-t', 'commands', target], check=True,
                              capture_output=True, text=True)
        return done.stdout.strip().split('\n')[-1]


class Wrong(Exception):
    pass


def run(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, encoding='utf-8',
                          errors='replace', **more)


def must(command, what, **more):
    done = run(command, **more)
    if done.returncode:
        raise Wrong('%s:\n%s' % (what, done.stdout))


def make_core(build, fault, folder):
    """Compiles what the fault reaches; an archive of the core, its other objects as they are."""
    ring = os.path.join(folder, 'ring')
    shutil.copytree(RING, ring)
    if fault:
        with open(os.path.join(ring, fault.file), 'w', encoding='utf-8') as file:
            file.write(text_of(fault.file).replace(fault.old, fault.new))
    objects = []
    for source, command in build.compiles.items():
        words = shlex.split(command)
        output = words[words.index('-o') + 1]
        if fault and fault.file in build.includes[source]:
            changed = os.path.join(folder, source + '.o')
            # A fault may leave something unused, and is to be compiled all the same; and soon.
            words = [w for w in words if w not in ('-Werror', '-MD', '-g')]
            for option in ('-MQ', '-MF'):
                del words[words.index(option):words.index(option) + 2]
            words[words.index('-o') + 1] = changed
            words[words.index('-c') + 1] = os.path.join(ring, source)
            must(words + ['-w', '-O1'], 'does not compile', cwd=build.folder)
            output = changed
        objects.append(output)
    archive = os.path.join(folder, 'libring.a')
    must(['ar', 'crs', archive] + objects, 'no archive', cwd=build.folder)
    return archive


def link(build, command, archive, output):
    """A link command of the build once more, with another core and under another name."""
    words = [archive if w == 'src/libring.a' else w for w in shlex.split(command)]
    words[words.index('-o') + 1] = output
    must(words, 'does not link', cwd=build.folder)


class Tests:
    """The programs of test/spec and test/unit that need no more than the core."""
    name = 'the tests of the core'
    groups = (('spec', r'(?!vhost_user|coverage|memory_order)'), ('unit', 'ring_'))

    def __init__(self, build):
        self.build = build
        self.commands = {}
        for group, wanted in self.groups:
            for path in sorted(glob.glob(os.path.join(ROOT, 'test', group, '*.c'))):
                name = '%s-%s' % (group, os.path.basename(path)[:-2])
                if re.match(wanted, os.path.basename(path)):
                    self.commands[name] = build.link('test/' + name)

    def judge(self, archive, folder):
        for name, command in self.commands.items():
            program = os.path.join(folder, name)
            link(self.build, command, archive, program)
            try:
                done = run([program], timeout=60)
            except subprocess.TimeoutExpired:
                return name + ', which hangs'
            if done.returncode:
                found = (re.search(r'^  clause (\S+)', done.stdout, re.M) or
                         re.search(r'^\[  FAILED  \] (\S+)$', done.stdout, re.M))
                return '%s, %s' % (name, found.group(1) if found else
                                   'which ends with status %d' % done.returncode)
        return None

    def prepare(self, archive, folder, _):
        """A test that fails by itself would catch everything."""
        caught = self.judge(archive, folder)
        if caught:
            raise Wrong('without any fault, there is ' + caught)


class Check:
    """`virtring check self`, with a library that has the faulty core."""
    name = 'virtring check self'
    # Who is checked, the verdict, a clause, its level, the form, the name of the check.
    bad = re.compile(r'^\S+\s+(?:FAIL|LOST)\s+[A-Z]+-\S+\s+\S+\s+'
                     r'(?:split|packed|-)?(?: in order)?\s*(\S+)')

    def __init__(self, build, seconds):
        self.build = build
        self.seconds = seconds
        self.arguments = [os.path.join(build.folder, 'tool', 'virtring'), 'check', 'self',
                          '--hostile', '--quiet']
        libraries = [name for name in os.listdir(os.path.join(build.folder, 'src'))
                     if re.fullmatch(r'libvirtring\.so\.\d+\.\d+\.\d+', name)]
        self.library = libraries[0]
        self.command = build.link('src/' + self.library)
        self.known = set()

    def first_bad(self, folder, known, name=None):
        """The first bad verdict, of a certain check or of any, that is not known; what follows is not
        waited for."""
        with subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder,
                              text=True, errors='replace', start_new_session=True,
                              env=dict(os.environ, LD_LIBRARY_PATH=folder)) as process:
            alarm = threading.Timer(self.seconds, os.killpg, (process.pid, signal.SIGKILL))
            alarm.start()
            last = ''
            try:
                for line in process.stdout:
                    last = line
                    line = ' '.join(line.split())
                    found = self.bad.match(line)
                    if found and line not in known and name in (None, found.group(1)):
                        return line
            finally:
                alive = alarm.is_alive()
                alarm.cancel()
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if not alive:
            return 'check self, which did not end in %d s' % self.seconds
        if ' results: ' not in last:
            return 'check self, which ended early'
        return None

    def place(self, archive, folder):
        library = os.path.join(folder, self.library)
        link(self.build, self.command, archive, library)
        os.symlink(self.library, re.sub(r'\.\d+\.\d+$', '', library))

    def judge(self, archive, folder):
        """What is bad once may be the machine's doing; what is bad twice is the fault's."""
        self.place(archive, folder)
        known = set(self.known)
        while True:
            line = self.first_bad(folder, known)
            found = line and self.bad.match(line)
            if not found or self.first_bad(folder, self.known, found.group(1)):
                return line
            known.add(line)

    def prepare(self, archive, folder, jobs):
        """What is bad without a fault, also when as much runs at a time as later, catches nothing."""
        self.place(archive, folder)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for output in pool.map(lambda _: self.everything(folder), range(jobs)):
                if ' results: ' not in output:
                    raise Wrong('check self ended early:\n' + output)
                lines = (' '.join(line.split()) for line in output.splitlines())
                self.known.update(line for line in lines if self.bad.match(line))
        for line in sorted(self.known):
            print('without a fault, too: ' + line, flush=True)

    def everything(self, folder):
        return run(self.arguments, timeout=self.seconds, cwd=folder,
                   env=dict(os.environ, LD_LIBRARY_PATH=folder)).stdout


def try_fault(build, judges, fault, folder):
    """What caught it, and for which judge, or None twice; and how long that took."""
    start = time.monotonic()
    clear(folder)
    archive = make_core(build, fault, folder)
    caught = by = None
    for judge in judges:
        caught = judge.judge(archive, folder)
        if caught:
            by = judge.name
            break
    shutil.rmtree(folder)
    return caught, by, time.monotonic() - start


def clear(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)


def show(fault, caught, seconds):
    if caught:
        verdict = 'caught by ' + caught
    elif fault.reason:
        verdict = 'not to be caught: ' + fault.reason
    else:
        verdict = 'NOT CAUGHT'
    print('%s: %s\n    %s; %.1f s' % (fault.file, fault.what, verdict, seconds), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build')
    parser.add_argument('--work', default='build/mutate')
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--judge', choices=('self', 'tests'), default='self')
    parser.add_argument('--seconds', type=int, default=600)
    parser.add_argument('--texts', action='store_true')
    parser.add_argument('words', nargs='*')
    options = parser.parse_args()
    table = list(faults())
    if check_texts(table):
        return 1
    if options.texts:
        print('%d faults can be put in' % len(table))
        return 0
    if options.words:
        table = [f for f in table if any(w in f.file + ': ' + f.what for w in options.words)]
    build = Build(options.build)
    # What check self lets pass, the tests of the core may still catch; the table tells them apart.
    judges = [Tests(build)]
    if options.judge == 'self':
        judges.insert(0, Check(build, options.seconds))
    work = os.path.abspath(options.work)
    try:
        clear(os.path.join(work, 'none'))
        archive = make_core(build, None, os.path.join(work, 'none'))
        for judge in judges:
            judge.prepare(archive, os.path.join(work, 'none'), options.jobs)
        return run_all(build, judges, table, work, options.jobs)
    except Wrong as wrong:
        sys.exit('mutate: ' + str(wrong))


def run_all(build, judges, table, work, jobs):
    start = time.monotonic()
    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(try_fault, build, judges, fault, os.path.join(work, str(i))): fault
                   for i, fault in enumerate(table)}
        for future in concurrent.futures.as_completed(futures):
            fault = futures[future]
            try:
                caught, by, seconds = future.result()
            except Wrong as wrong:
                caught, by, seconds = None, None, 0
                print('%s: %s: %s' % (fault.file, fault.what, wrong), flush=True)
            show(fault, caught, seconds)
            if caught and fault.reason:
                print('    the table says that nobody can tell', flush=True)
                by = None
            counts[by or ('equal' if fault.reason and not caught else 'missed')] += 1
    print('%d faults in %.0f s: %s; %d that no check can tell from the original, %d missed'
          % (len(table), time.monotonic() - start,
             ', '.join('%d caught by %s' % (counts[j.name], j.name) for j in judges),
             counts['equal'], counts['missed']))
    print('%d passed, %d failed, 0 skipped' % (len(table) - counts['missed'], counts['missed']))
    return 1 if counts['missed'] or not table else 0


if __name__ == '__main__':
    sys.exit(main())
