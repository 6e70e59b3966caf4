#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plants each fault of planted.txt into a copy of the tree and lets its fuzz target look for it.

usage: test/fuzz/planted.py WORK-FOLDER SECONDS JOBS PATTERN SETUP-COMMAND...

Only faults are planted in whose line of planted.txt the pattern, a regular expression, is found.
The setup command (meson, without folders) configures the copy as ./dev fuzz configures the tree.
"""
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, 'test', 'fuzz')


def faults(pattern):
    with open(os.path.join(HERE, 'planted.txt'), encoding='utf-8') as file:
        for line in file:
            line = line.rstrip('\n')
            if line and not line.startswith('#') and re.search(pattern, line):
                target, change = line.split(' | ', 1)
                path, change = change.split(': ', 1)
                old, new = change.split(' => ')
                yield target.strip(), path, old, new


def copy_tree(folder):
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(['git', '-c', 'safe.directory=*', 'ls-files'], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split('\n')
    for path in listed:
        source = os.path.join(ROOT, path)
        if path and os.path.isfile(source):
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            shutil.copy2(source, os.path.join(folder, path))


def quiet(command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, encoding='utf-8',
                          errors='replace', **more)
    return done.returncode, done.stdout


def hunt(tree, build, target, seconds, jobs):
    """Returns what the target found, or None."""
    status, output = quiet(['ninja', '-C', build, '-j', jobs, 'test/fuzz/fuzz-' + target])
    if status:
        sys.exit('the fault does not compile:\n' + output)
    inputs = os.path.join(build, 'inputs-' + target)
    status, output = quiet([sys.executable, os.path.join(HERE, 'run.py'), '--build', build,
                            '--work', inputs, '--jobs', '1', '--seconds', seconds, '--exact',
                            target], cwd=tree)
    if status == 0:
        return None
    for line in output.splitlines():
        if line.startswith('what: '):
            return line[len('what: '):]
    sys.exit('the target did not run:\n' + output)


def main():
    work, seconds, jobs, pattern = sys.argv[1:5]
    setup = sys.argv[5:]
    tree, build = os.path.join(work, 'tree'), os.path.join(work, 'build')
    copy_tree(tree)
    shutil.rmtree(build, ignore_errors=True)
    status, output = quiet(setup + [build, tree])
    if status:
        sys.exit(output)
    found = missed = 0
    for target, path, old, new in faults(pattern):
        name = os.path.join(tree, path)
        with open(name, encoding='utf-8') as file:
            text = file.read()
        if text.count(old) != 1:
            sys.exit('%s has the place of its fault %d times: %s' % (path, text.count(old), old))
        with open(name, 'w', encoding='utf-8') as file:
            file.write(text.replace(old, new))
        start = time.monotonic()
        what = hunt(tree, build, target, seconds, jobs)
        with open(name, 'w', encoding='utf-8') as file:
            file.write(text)
        found += what is not None
        missed += what is None
        print('%-28s %s: %s\n    %s, %.0f s' % (target, path, new.strip(),
                                               what or 'NOT FOUND', time.monotonic() - start),
              flush=True)
    print('%d passed, %d failed, 0 skipped' % (found, missed))
    return 1 if missed or not found else 0


if __name__ == '__main__':
    sys.exit(main())
