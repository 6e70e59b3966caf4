#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What test/run.py makes of a program's output and exit status."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

RUN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'run.py')
CMOCKA = '''[==========] Running 3 test(s).
[  PASSED  ] %d test(s).
[  SKIPPED ] %d test(s), listed below:
[  SKIPPED ] name_of_a_test
 1 SKIPPED TEST(S)
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] name_of_a_test

 %d FAILED TEST(S)
'''


class Runner(unittest.TestCase):
    """Each case is a shell script that stands for a test program."""

    def write_tests(self, folder, script, timeout):
        with open(os.path.join(folder, 'meson-info', 'intro-tests.json'), 'w',
                  encoding='utf-8') as file:
            json.dump([{'name': 'case', 'suite': ['virtring:unit'], 'is_parallel': True,
                        'cmd': ['sh', '-c', script], 'env': {}, 'workdir': None,
                        'timeout': timeout}], file)

    def run_script(self, script, timeout=120):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, 'meson-info'))
            self.write_tests(folder, script, timeout)
            results = os.path.join(folder, 'results')
            notes = os.path.join(folder, 'notes')
            done = subprocess.run([sys.executable, RUN, folder, 'unit', '--results', results,
                                   '--notes', notes], capture_output=True, text=True, check=False)
            with open(results, encoding='utf-8') as file:
                counts = [int(n) for n in file.read().split()]
            with open(notes, encoding='utf-8') as file:
                return counts, done.returncode, file.read(), done.stdout

    def wait_until(self, condition):
        for _ in range(6000):
            if condition():
                return
            time.sleep(0.01)
        self.fail('still not so after a minute')

    def expect(self, script, counts, status, note=''):
        got, code, notes, _ = self.run_script(script)
        self.assertEqual((got, code), (counts, status), notes)
        self.assertIn(note, notes)

    def test_only_programs_that_call(self):
        shell = os.path.realpath('/bin/sh')
        for functions, ran in (('fork,vfork', True), ('no_such_function', False)):
            with tempfile.TemporaryDirectory() as folder:
                os.mkdir(os.path.join(folder, 'meson-info'))
                with open(os.path.join(folder, 'meson-info', 'intro-tests.json'), 'w',
                          encoding='utf-8') as file:
                    json.dump([{'name': 'case', 'suite': ['virtring:unit'], 'is_parallel': True,
                                'cmd': [shell, '-c', 'true'], 'env': {}, 'workdir': None,
                                'timeout': 120}], file)
                done = subprocess.run([sys.executable, RUN, folder, 'unit', '--calling', functions],
                                      capture_output=True, text=True, check=False)
                self.assertEqual('unit/case' in done.stdout, ran, done.stdout)

    def test_what_waits_runs_beside_the_others(self):
        # Each of them ends when it has met the other: two that wait, or one of each kind.
        meet = 'touch %s; while [ ! -e %s ]; do sleep 0.01; done'
        for suites, parallel in ((('waits', None), True), (('waits', 'waits'), True),
                                 (('beside', None), False)):
            with tempfile.TemporaryDirectory() as folder:
                os.mkdir(os.path.join(folder, 'meson-info'))
                marks = [os.path.join(folder, 'mark%d' % i) for i in range(2)]
                with open(os.path.join(folder, 'meson-info', 'intro-tests.json'), 'w',
                          encoding='utf-8') as file:
                    json.dump([{'name': 'case%d' % i, 'is_parallel': parallel,
                                'suite': ['virtring:unit'] + ['virtring:' + s for s in (suite,) if s],
                                'cmd': ['sh', '-c', meet % (marks[i], marks[1 - i])], 'env': {},
                                'workdir': None, 'timeout': 60}
                               for i, suite in enumerate(suites)], file)
                done = subprocess.run([sys.executable, RUN, folder, 'unit', '--jobs', '2'],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_silent_programs_are_one_case(self):
        self.expect('exit 0', [1, 0, 0], 0)
        self.expect('exit 1', [0, 1, 0], 1)

    def test_plain_line(self):
        self.expect('echo "7 passed, 0 failed, 0 skipped"', [7, 0, 0], 0)
        self.expect('echo "7 passed, 0 failed"', [7, 0, 0], 0)
        self.expect('echo "7 passed, 2 failed, 0 skipped"; exit 1', [7, 2, 0], 1)

    def test_cmocka(self):
        self.expect('cat <<E\n%sE\nexit 2' % (CMOCKA % (5, 0, 2)), [5, 2, 0], 1)
        self.expect('cat <<E\n%sE' % (CMOCKA % (5, 0, 0)), [5, 0, 0], 0)
        self.expect('echo "[  PASSED  ] 3 test(s)."; echo "[  PASSED  ] 4 test(s)."',
                    [7, 0, 0], 0)

    def test_status_and_counts_must_agree(self):
        self.expect('echo "7 passed, 0 failed"; exit 3', [7, 1, 0], 1, 'exit status 3')
        self.expect('echo "7 passed, 1 failed"', [7, 1, 0], 1, 'exit status 0')
        self.expect('echo "7 passed, 0 failed"; kill -SEGV $$', [7, 1, 0], 1, 'SIGSEGV')

    def test_skips_need_a_reason(self):
        self.expect('echo "SKIP: no peer"; exit 77', [0, 0, 1], 0, 'unit/case: no peer')
        self.expect('exit 77', [0, 1, 1], 1, '1 skipped, 0 reasons given')
        self.expect('echo "SKIP: a"; echo "5 passed, 0 failed, 2 skipped"', [5, 1, 2], 1)
        self.expect('cat <<E\n%sSKIP: why\nE' % (CMOCKA % (5, 1, 0)), [5, 0, 1], 0, 'why')

    def test_time_limit_ends_children_too(self):
        # The child would hold the pipe open for as long as it lives.
        got, code, notes, _ = self.run_script('sleep 60 & sleep 60', timeout=1)
        self.assertEqual((got, code), ([0, 1, 0], 1))
        self.assertIn('ran out of time', notes)

    def test_an_interrupted_run_leaves_nothing_behind(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, 'meson-info'))
            mark = os.path.join(folder, 'mark')
            self.write_tests(folder, 'echo $$ >%s.new; mv %s.new %s; sleep 60' % (3 * (mark,)), 60)
            runner = subprocess.Popen([sys.executable, RUN, folder, 'unit'])
            self.wait_until(lambda: os.path.exists(mark))
            with open(mark, encoding='utf-8') as file:
                child = int(file.read())
            runner.terminate()
            self.assertEqual(runner.wait(60), 128 + signal.SIGTERM)
            # The root of a process that waits to be reaped cannot be seen any more.
            self.wait_until(lambda: not os.path.exists('/proc/%d/root' % child))

    def test_what_is_shown(self):
        _, _, _, shown = self.run_script('echo hidden; echo "REPORT: figure"')
        self.assertIn('figure', shown)
        self.assertNotIn('hidden', shown)
        _, _, _, shown = self.run_script('echo reason; exit 1')
        self.assertIn('reason', shown)


if __name__ == '__main__':
    unittest.main()
