#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The rules of the tree that no packaged tool checks.

usage: script/rules.py [spdx] [rooms] [functions] [comments] [names] [text]   (all without an argument)
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUNCTION_LIMIT = 100

# The core and its headers may be taken into a kernel; everything else is BSD-3-Clause.
DUAL = 'BSD-3-Clause OR GPL-2.0-only'
DUAL_FILES = re.compile(r'src/ring/|include/virtring/(ring|driver|device)\.h$')
# Licence texts cannot carry a line of their own.
NO_SPDX = re.compile(r'LICENSES/|\.gitignore$')

# A room: which private headers it may include besides its own folder's, and which public ones.
CORE = {'ring', 'driver', 'device'}
ROOMS = {
    'src/ring': ({'ring'}, CORE),
    'src/memory': ({'memory'}, CORE | {'memory'}),
    'src/transport/vhost_user': ({'transport/vhost_user', 'transport', 'memory'},
                                 CORE | {'memory', 'watch', 'vhost_user', 'vhost_user_loop',
                                         'vhost_user_queue', 'features'}),
    'src/net': ({'net'}, CORE | {'memory', 'net', 'net_control', 'net_tap'}),
    'src/blk': ({'blk'}, CORE | {'memory', 'blk'}),
    'dump': ({'dump'}, {'ring', 'features'}),
    'src/watch': ({'watch', 'ring'}, CORE | {'watch'}),
    # What checks the ring and the protocol must not share their code.
    'check': ({'check', 'dump'}, {'features'}),
    'tool': ({'tool', 'check', 'dump'}, None),
    'examples': (set(), None),
}


def files():
    """The files that are, or are about to be, part of the tree."""
    # The tree may belong to another user than the one who builds (containers, sudo).
    listed = subprocess.run(['git', '-c', 'safe.directory=*', 'ls-files',
                             '--cached', '--others', '--exclude-standard'],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(p for p in set(listed.splitlines()) if os.path.isfile(os.path.join(ROOT, p)))


def text(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


def check_spdx():
    for path in files():
        if NO_SPDX.search(path):
            continue
        head = '\n'.join(text(path).splitlines()[:3])
        found = re.search(r'SPDX-License-Identifier: ([^*\n]*?)\s*(\*/|-->|$)', head, re.M)
        wanted = DUAL if DUAL_FILES.match(path) else 'BSD-3-Clause'
        if not found:
            yield path, 1, 'no SPDX line in its first three lines'
        elif found.group(1).strip('" ') != wanted:
            yield path, 1, 'licence is %s, not %s' % (found.group(1), wanted)


def room_of(path):
    return max((r for r in ROOMS if path.startswith(r + '/')), key=len, default=None)


def check_rooms():
    """An include in quotes names its room (from src/), or a file of the same folder."""
    yield from core_headers()
    for path in files():
        room = room_of(path)
        if not room or not re.search(r'\.[ch]$', path):
            continue
        private, public = ROOMS[room]
        for number, line in enumerate(text(path).splitlines(), 1):
            own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            ours = re.match(r'\s*#\s*include\s+[<"]virtring/(\w+)\.h[>"]', line)
            if ours:
                if public is not None and ours.group(1) not in public | {'version'}:
                    yield path, number, '%s may not use virtring/%s.h' % (room, ours.group(1))
            elif own:
                folder = os.path.dirname(own.group(1))
                if '..' in folder:
                    yield path, number, 'an include that climbs: name the room from src/'
                elif folder and not any(folder == p or folder.startswith(p + '/')
                                        for p in private):
                    yield path, number, '%s may not include %s' % (room, own.group(1))
            elif room == 'src/ring':
                yield from hosted_include(path, number, line)


def core_headers():
    """The core's three headers need nothing but each other."""
    for name in sorted(CORE):
        path = 'include/virtring/%s.h' % name
        for number, line in enumerate(text(path).splitlines(), 1):
            own = re.match(r'\s*#\s*include\s+"(\w+)\.h"', line)
            if own and own.group(1) not in CORE:
                yield path, number, 'a header of the core may not include ' + own.group(1)
            yield from hosted_include(path, number, line)


def hosted_include(path, number, line):
    """C11's freestanding headers (4p6) are all that the core may take from the compiler."""
    other = re.match(r'\s*#\s*include\s+<([^>]+)>', line)
    if other and other.group(1) not in ('float.h', 'iso646.h', 'limits.h', 'stdalign.h',
                                        'stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h',
                                        'stdnoreturn.h'):
        yield path, number, 'the core may not include <%s>' % other.group(1)


def check_functions():
    """In kernel formatting a function's body begins with { and ends with } in the first column."""
    for path in files():
        if not re.search(r'\.[ch]$', path):
            continue
        lines = text(path).splitlines()
        start = None
        for number, line in enumerate(lines, 1):
            if line == '{' and number > 1 and lines[number - 2].endswith(')'):
                start = number
            elif line == '}' and start:
                length = number - start - 1
                if length > FUNCTION_LIMIT:
                    yield path, start, 'a function of %d lines; the limit is %d' % (
                        length, FUNCTION_LIMIT)
                start = None


def check_comments():
    """Every function of a public header has a kernel-doc comment that begins with its name."""
    for path in files():
        if not re.match(r'include/virtring/.*\.h$', path):
            continue
        content = text(path)
        # Comments and bodies away, lines kept: what is left of the form `vr_name(` is declared.
        code = re.sub(r'/\*.*?\*/', lambda m: '\n' * m.group(0).count('\n'), content, flags=re.S)
        for found in re.finditer(r'^(?![ \t#])[^;{}()#]*?\b(vr_\w+)\(', code, re.M):
            if not re.search(r'/\*\*(\s+\*)?\s+%s\(\) - \S' % found.group(1), content):
                yield path, code.count('\n', 0, found.start(1)) + 1, (
                    'no comment of the form "/** %s() - ..."' % found.group(1))


def check_names():
    """What the documentation calls vr_something or VR_SOMETHING is there."""
    known = set()
    for path in files():
        if re.search(r'\.[ch]$', path):
            known.update(re.findall(r'\b(?:vr|VR)_\w+', text(path)))
    for path in files():
        if not path.endswith('.md'):
            continue
        for number, line in enumerate(text(path).splitlines(), 1):
            # `VR_E_*` and `struct vr_net_…` name a family.
            for name in re.findall(r'\b((?:vr|VR)_\w+)\b(?![*…])', line):
                if name not in known and not name.endswith('_'):
                    yield path, number, 'there is no ' + name


def check_text():
    for path in files():
        content = text(path)
        if content and not content.endswith('\n'):
            yield path, content.count('\n') + 1, 'no newline at the end'
        if path.startswith('LICENSES/'):
            continue
        for number, line in enumerate(content.splitlines(), 1):
            if line.rstrip() != line:
                yield path, number, 'white space at the end of the line'


CHECKS = {
    'spdx': check_spdx,
    'rooms': check_rooms,
    'functions': check_functions,
    'comments': check_comments,
    'names': check_names,
    'text': check_text,
}


def main():
    names = sys.argv[1:] or list(CHECKS)
    unknown = [n for n in names if n not in CHECKS]
    if unknown:
        sys.exit('rules.py: no check is called ' + ', '.join(unknown))
    found = 0
    for name in names:
        for path, number, what in CHECKS[name]():
            print('%s:%d: %s' % (path, number, what))
            found += 1
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
