#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""script/rules.py finds each kind of violation, planted in a tree of its own."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BSD = '// SPDX-License-Identifier: BSD-3-Clause\n'
DUAL = '// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only\n'


class Rules(unittest.TestCase):

    def findings(self, files):
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, 'script'))
            shutil.copy(os.path.join(ROOT, 'script', 'rules.py'), os.path.join(folder, 'script'))
            core = {'include/virtring/%s.h' % n: DUAL for n in ('ring', 'driver', 'device')}
            for path, content in {**core, **files}.items():
                os.makedirs(os.path.join(folder, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(folder, path), 'w', encoding='utf-8') as file:
                    file.write(content)
            subprocess.run(['git', 'init', '-q', folder], check=True)
            done = subprocess.run([sys.executable, os.path.join(folder, 'script', 'rules.py')],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1 if done.stdout else 0, done.stderr)
            return done.stdout

    def clean(self, path, content):
        self.assertEqual(self.findings({path: content}), '')

    def wrong(self, path, content, what):
        self.assertIn(what, self.findings({path: content}))

    def test_licences(self):
        self.clean('src/net/a.c', BSD)
        self.clean('src/ring/a.c', DUAL)
        self.wrong('src/net/a.c', 'int x;\n', 'no SPDX line')
        self.wrong('src/net/a.c', DUAL, 'licence is')
        self.wrong('src/ring/a.c', BSD, 'licence is')

    def test_rooms(self):
        self.clean('src/net/a.c', BSD + '#include <virtring/memory.h>\n#include "net/b.h"\n')
        self.wrong('src/net/a.c', BSD + '#include <virtring/vhost_user.h>\n', 'may not use')
        self.wrong('src/net/a.c', BSD + '#include "ring/wire.h"\n', 'may not include')
        self.wrong('src/net/a.c', BSD + '#include "../ring/wire.h"\n', 'climbs')
        self.wrong('src/ring/a.c', DUAL + '#include "memory/mem.h"\n', 'may not include')
        self.wrong('tool/a.c', BSD + '#include "net/slots.h"\n', 'may not include')
        self.wrong('src/ring/a.c', DUAL + '#include <string.h>\n', 'may not include <string.h>')
        self.wrong('include/virtring/ring.h', DUAL + '#include <errno.h>\n', 'may not include')
        self.wrong('include/virtring/ring.h', DUAL + '#include "memory.h"\n', 'may not include')

    def test_functions(self):
        body = 'int f(void)\n{\n%s}\n'
        self.clean('src/net/a.c', BSD + body % ('\tx();\n' * 100))
        self.wrong('src/net/a.c', BSD + body % ('\tx();\n' * 101), 'of 101 lines')

    def test_comments(self):
        declared = BSD + '%sint vr_f(int a,\n\t int b);\n'
        self.clean('include/virtring/a.h', declared % '/**\n * vr_f() - does it\n */\n')
        self.clean('include/virtring/a.h', declared % '/** vr_f() - does it */\n')
        self.wrong('include/virtring/a.h', declared % '/* vr_f() does it */\n', 'no comment')

    def test_text(self):
        self.wrong('a.md', '<!-- SPDX-License-Identifier: BSD-3-Clause --> \n', 'white space')
        self.wrong('a.md', '<!-- SPDX-License-Identifier: BSD-3-Clause -->', 'no newline')


if __name__ == '__main__':
    unittest.main()
