#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Puts each fault of faults.txt into a copy of the core and sees whether a check catches it.

usage: test/mutate/run.py --build FOLDER [--work FOLDER] [--jobs N] [--judge self|tests] [--learn]
                          [WORD...]
       test/mutate/run.py --texts

With WORDs only the faults whose file or description contains one of them are put in. --texts does
nothing but see that each text stands where it should. --learn writes into the table which check
caught what, so that the next run looks there first. The build has to be complete: only the objects of
the core that a fault reaches are compiled again, and what is judged is linked again.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RING = os.path.join(ROOT, 'src', 'ring')
TABLE = os.path.join(ROOT, 'test', 'mutate', 'faults.txt')

Fault = collections.namedtuple('Fault', 'line file what old new equal hidden hint')


def faults():
    """The paragraphs of the table; its head says what their lines mean."""
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
    if (not colon or set(parts) - {'= ', '! ', '~ '} != {'< ', '> '} or '= ' in parts and '! ' in parts or
            len(parts) != len(paragraph) - 1):
        sys.exit('%s:%d: a fault is FILE: WHAT, a line with <, one with >, and may be one with = or !, '
                 'and one with ~' % (TABLE, number))
    return Fault(number, name, what, parts['< '], parts['> '], parts.get('= '), parts.get('! '),
                 parts.get('~ '))


def learn(table, caught):
    """Writes the hints of those that a check caught; caught: hints by line of the table."""
    with open(TABLE, encoding='utf-8') as file:
        lines = file.read().split('\n')
    for fault in sorted(table, key=lambda f: -f.line):
        hint = caught.get(fault.line)
        if not hint or hint == fault.hint:
            continue
        end = fault.line
        while end < len(lines) and lines[end] and not lines[end].startswith('~ '):
            end += 1
        lines[end:end + (fault.hint is not None)] = ['~ ' + hint]
    with open(TABLE, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines))


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

    def judge(self, archive, folder, _=None):
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


class Bad(collections.namedtuple('Bad', 'part verdict clause form name text')):
    """A line of `virtring check self` that says what is bad."""
    line = re.compile(r'^(\S+)\s+(FAIL|LOST)\s+([A-Z]+-\S+)\s+\S+\s+'
                      r'((?:split|packed)(?: in order)?|-)\s+(\S+)\s+(.*)')

    @classmethod
    def of(cls, line):
        found = cls.line.match(line)
        return found and cls(*found.groups())

    def hint(self):
        return ' '.join((self.part, self.form.replace(' ', '-'), self.name))

    def __str__(self):
        return '%s, %s: %s of %s (%s)' % (self.name, self.clause, self.verdict, self.part, self.form)


class Check:
    """`virtring check self`, with a library that has the faulty core."""
    name = 'virtring check self'
    parts = ('driver-half', 'driver-net', 'serve-blk', 'serve-net', 'blk', 'net')

    def __init__(self, build, seconds):
        self.build = build
        self.seconds = seconds
        self.tool = os.path.join(build.folder, 'tool', 'virtring')
        libraries = [name for name in os.listdir(os.path.join(build.folder, 'src'))
                     if re.fullmatch(r'libvirtring\.so\.\d+\.\d+\.\d+', name)]
        self.library = libraries[0]
        self.command = build.link('src/' + self.library)
        self.known = set()

    def start(self, folder, part, form=None, name=None):
        words = [self.tool, 'check', 'self', '--hostile', '--quiet', '--part', part]
        if form and form != '-':
            words += ['--forms', form.replace(' ', '-')]
        if name:
            words += ['--clauses', name]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, cwd=folder, start_new_session=True,
                                env=dict(os.environ, LD_LIBRARY_PATH=folder, TMPDIR=folder + '/tmp'))

    def bads(self, runs):
        """What is bad in any of the runs, as it comes; Wrong if one does not end as it should."""
        until = time.monotonic() + self.seconds
        chosen = selectors.DefaultSelector()
        try:
            for process in runs:
                chosen.register(process.stdout, selectors.EVENT_READ, bytearray())
            while chosen.get_map():
                ready = chosen.select(until - time.monotonic())
                if not ready:
                    raise Wrong('check self did not end in %d s' % self.seconds)
                for key, _ in ready:
                    new = os.read(key.fd, 65536)
                    *lines, rest = (bytes(key.data) + new).split(b'\n')
                    if not new:
                        if b' results: ' not in key.data:
                            raise Wrong('check self ended early')
                        chosen.unregister(key.fileobj)
                        continue
                    # The closing line is kept to the end.
                    key.data[:] = rest or lines[-1] + b'\n'
                    yield from filter(None, (Bad.of(line.decode(errors='replace')) for line in lines))
        finally:
            for process in runs:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.stdout.close()
                process.wait()
            chosen.close()

    def first(self, runs, known, name=None):
        """What follows is not waited for."""
        bads = self.bads(runs)
        try:
            return next((bad for bad in bads if bad not in known and name in (None, bad.name)), None)
        finally:
            bads.close()

    def again(self, folder, bad):
        """Is it bad once more, alone or in its part?"""
        return (self.first([self.start(folder, bad.part, bad.form, bad.name)], self.known, bad.name) or
                self.first([self.start(folder, bad.part)], self.known, bad.name))

    def all_parts(self, folder):
        return [self.start(folder, part) for part in self.parts]

    def place(self, archive, folder):
        library = os.path.join(folder, self.library)
        link(self.build, self.command, archive, library)
        os.symlink(self.library, re.sub(r'\.\d+\.\d+$', '', library))
        # Sockets have short names.
        os.symlink(tempfile.mkdtemp(prefix='virtring-mutate-'), folder + '/tmp')

    def judge(self, archive, folder, fault):
        """What is bad once may be the machine's doing; what is bad twice is the fault's."""
        self.place(archive, folder)
        try:
            return self.hinted(folder, fault.hint) or self.searched(folder)
        finally:
            shutil.rmtree(os.readlink(folder + '/tmp'))

    def hinted(self, folder, hint):
        """The check that caught it last time."""
        if not hint:
            return None
        part, form, name = hint.split(' ')
        for _ in range(2):
            bad = self.first([self.start(folder, part, form, name)], self.known, name)
            if not bad:
                return None
        return bad

    def searched(self, folder):
        known = set(self.known)
        while True:
            bad = self.first(self.all_parts(folder), known)
            if not bad or self.again(folder, bad):
                return bad
            known.add(bad)

    def prepare(self, archive, folder, jobs):
        """What is bad without a fault, also when as much runs at a time as later, catches nothing."""
        self.place(archive, folder)
        self.known.update(self.bads([run for _ in range(jobs) for run in self.all_parts(folder)]))
        for bad in sorted(self.known):
            print('without a fault, too: ' + str(bad), flush=True)
        shutil.rmtree(os.readlink(folder + '/tmp'))


def try_fault(build, judges, fault, folder):
    """What caught it, for which judge, or None twice; and how long that took."""
    start = time.monotonic()
    clear(folder)
    archive = make_core(build, fault, folder)
    caught = by = None
    for judge in judges:
        # What nobody outside can see is not looked for there.
        if isinstance(judge, Check) and fault.hidden:
            continue
        try:
            caught = judge.judge(archive, folder, fault)
        except Wrong as wrong:
            print('%s: %s: %s' % (fault.file, fault.what, wrong), flush=True)
        if caught:
            by = judge.name
            break
    shutil.rmtree(folder)
    return caught, by, time.monotonic() - start


def clear(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)


def group_of(fault, by, judge):
    """Where a fault is counted; 'missed' fails the run."""
    if fault.equal:
        return 'missed' if by else 'equal'
    if not by or judge == 'tests':
        return 'caught' if by else 'missed'
    if fault.hidden:
        return 'hidden'
    return 'caught' if by == Check.name else 'missed'


def show(fault, caught, by, group, seconds):
    if caught and fault.equal:
        verdict = 'the table says that nobody can tell, and it is caught by ' + str(caught)
    elif group == 'missed' and caught:
        verdict = 'NOT CAUGHT by virtring check self; of the tests by ' + str(caught)
    elif caught and group == 'hidden':
        verdict = 'tests only, as %s: %s' % (fault.hidden, str(caught))
    elif caught:
        verdict = 'caught by ' + str(caught)
    elif fault.equal:
        verdict = 'not to be caught: ' + fault.equal
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
    parser.add_argument('--learn', action='store_true')
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
        return run_all(build, judges, table, work, options)
    except Wrong as wrong:
        sys.exit('mutate: ' + str(wrong))


def run_all(build, judges, table, work, options):
    start = time.monotonic()
    counts = collections.Counter()
    hints = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(try_fault, build, judges, fault, os.path.join(work, str(i))): fault
                   for i, fault in enumerate(table)}
        for future in concurrent.futures.as_completed(futures):
            fault = futures[future]
            try:
                caught, by, seconds = future.result()
            except Wrong as wrong:
                caught, by, seconds = None, None, 0
                print('%s: %s: %s' % (fault.file, fault.what, wrong), flush=True)
            group = group_of(fault, by, options.judge)
            show(fault, caught, by, group, seconds)
            counts[group] += 1
            if isinstance(caught, Bad):
                hints[fault.line] = caught.hint()
    if options.learn:
        learn(table, hints)
    print('%d faults in %.0f s: %d caught by %s, %d by tests only, %d that no check can tell from the '
          'original, %d missed' % (len(table), time.monotonic() - start, counts['caught'],
                                   judges[0].name, counts['hidden'], counts['equal'], counts['missed']))
    print('%d passed, %d failed, 0 skipped' % (len(table) - counts['missed'], counts['missed']))
    return 1 if counts['missed'] or not table else 0


if __name__ == '__main__':
    sys.exit(main())
