#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the litmus tests of this folder through herd7, under four memory models, and prints a table.

A test (NAME.txt) has two threads of operations on shared locations that start at 0:

    st X V     st.rel X V     ld X R     ld.acq X R     fence     ctrl R V (go on only if R is V)

`bad:` is the outcome that must never happen. Each `drop: THREAD.OPERATION: MODELS` weakens one
operation (release and acquire to relaxed, a fence to nothing) and says under which models exactly the
bad outcome is then allowed. Operations become C11 for rc11, and for each processor the instructions
that compilers make of C11; the acquire of AArch64 is the weaker one, LDAPR.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WEAKER = {'st.rel': 'st', 'ld.acq': 'ld', 'fence': 'nop'}


class Test:
    """One file: threads of operations, the bad outcome, what happens when an order is dropped."""

    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.threads = [None, None]
        self.drops = []
        with open(path, encoding='utf-8') as file:
            for line in file:
                key, _, value = line.strip().partition(': ')
                if key in ('P0', 'P1'):
                    self.threads[int(key[1])] = [op.split() for op in value.split('; ')]
                elif key == 'bad':
                    self.bad = value
                elif key == 'drop':
                    where, _, models = value.partition(': ')
                    self.drops.append((tuple(map(int, where.split('.'))), set(models.split())))

    def weakened(self, thread, operation):
        threads = [[list(op) for op in t] for t in self.threads]
        op = threads[thread][operation - 1]
        op[0] = WEAKER[op[0]]
        return threads

    def what(self, thread, operation):
        return 'P%d %s' % (thread, ' '.join(self.threads[thread][operation - 1]))


def locations(threads):
    return sorted({op[1] for t in threads for op in t if op[0][:2] in ('st', 'ld')})


def in_c(name, threads, bad):
    order = {'': 'relaxed', '.rel': 'release', '.acq': 'acquire'}
    names = locations(threads)
    text = 'C %s\n{}\n' % name
    for number, ops in enumerate(threads):
        text += 'P%d(%s) {\n' % (number, ', '.join('atomic_int* ' + n for n in names))
        for op in ops:
            if op[0][:2] == 'st':
                text += ' atomic_store_explicit(%s, %s, memory_order_%s);\n' % (
                    op[1], op[2], order[op[0][2:]])
            elif op[0][:2] == 'ld':
                text += ' int %s = atomic_load_explicit(%s, memory_order_%s);\n' % (
                    op[2], op[1], order[op[0][2:]])
            elif op[0] == 'fence':
                text += ' atomic_thread_fence(memory_order_seq_cst);\n'
            elif op[0] == 'ctrl':
                text += ' if (%s == %s) {\n' % (op[1], op[2])
        text += ' }\n' * sum(op[0] == 'ctrl' for op in ops) + '}\n'
    # A branch that is not taken leaves its registers unset: initially they are not what is bad.
    return text + 'exists (%s)\n' % bad


def columns(threads):
    """Two lists of instructions side by side."""
    rows = max(map(len, threads))
    threads = [t + [''] * (rows - len(t)) for t in threads]
    return ''.join(' %s | %s ;\n' % row for row in zip(*threads))


def in_assembly(kind, name, threads, bad):
    """The same for a processor, whose instructions @kind makes of one operation."""
    names = locations(threads)
    text = '%s %s\n{\n%s}\n P0 | P1 ;\n' % (kind.name, name, kind.addresses(names))
    code = []
    for ops in threads:
        lines = [line for op in ops for line in kind.instructions(op, names)]
        code.append(lines + (kind.end if any(op[0] == 'ctrl' for op in ops) else []))
    bad = re.sub(r'([01]):r(\d)', lambda m: '%s:%s' % (m[1], kind.value(int(m[2]))), bad)
    return text + columns(code) + 'exists (%s)\n' % bad


class AArch64:
    name = 'AArch64'
    end = ['end:']

    @staticmethod
    def addresses(names):
        return ''.join('%d:X%d=%s; ' % (t, 10 + i, n)
                       for t in (0, 1) for i, n in enumerate(names)) + '\n'

    @staticmethod
    def value(number):
        return 'X%d' % number

    @staticmethod
    def instructions(op, names):
        if op[0][:2] == 'st':
            return ['MOV W9,#' + op[2], '%s W9,[X%d]' % (
                'STLR' if op[0] == 'st.rel' else 'STR', 10 + names.index(op[1]))]
        if op[0][:2] == 'ld':
            return ['%s W%s,[X%d]' % ('LDAPR' if op[0] == 'ld.acq' else 'LDR', op[2][1:],
                                      10 + names.index(op[1]))]
        if op[0] == 'ctrl':
            return ['CMP W%s,#%s' % (op[1][1:], op[2]), 'B.NE end']
        return ['DMB ISH'] if op[0] == 'fence' else []


class RiscV:
    name = 'RISCV'
    end = ['end:']

    @staticmethod
    def addresses(names):
        return ''.join('%d:x%d=%s; ' % (t, 20 + i, n)
                       for t in (0, 1) for i, n in enumerate(names)) + '\n'

    @staticmethod
    def value(number):
        return 'x%d' % (5 + number)

    @staticmethod
    def instructions(op, names):
        if op[0][:2] == 'st':
            fence = ['fence rw,w'] if op[0] == 'st.rel' else []
            return fence + ['ori x15,x0,' + op[2],
                            'sw x15,0(x%d)' % (20 + names.index(op[1]))]
        if op[0][:2] == 'ld':
            load = 'lw x%d,0(x%d)' % (5 + int(op[2][1:]), 20 + names.index(op[1]))
            return [load] + (['fence r,rw'] if op[0] == 'ld.acq' else [])
        if op[0] == 'ctrl':
            return ['ori x15,x0,' + op[2], 'bne x%d,x15,end' % (5 + int(op[1][1:]))]
        return ['fence rw,rw'] if op[0] == 'fence' else []


class X86:
    name = 'X86'
    end = ['end:']
    registers = ['EAX', 'EBX', 'ECX', 'EDX']

    @staticmethod
    def addresses(_names):
        return '\n'

    @classmethod
    def value(cls, number):
        return cls.registers[number]

    @classmethod
    def instructions(cls, op, _names):
        if op[0][:2] == 'st':
            return ['MOV [%s],$%s' % (op[1], op[2])]
        if op[0][:2] == 'ld':
            return ['MOV %s,[%s]' % (cls.value(int(op[2][1:])), op[1])]
        if op[0] == 'ctrl':
            return ['CMP %s,$%s' % (cls.value(int(op[1][1:])), op[2]), 'JNE end']
        return ['MFENCE'] if op[0] == 'fence' else []


MODELS = {'rc11': None, 'x86tso': X86, 'aarch64': AArch64, 'riscv': RiscV}


def allowed(model, test, suffix, threads, options):
    """Does the model allow the bad outcome?"""
    name = test.name + suffix
    kind = MODELS[model]
    text = in_assembly(kind, name, threads, test.bad) if kind else in_c(name, threads, test.bad)
    path = os.path.join(options.folder, '%s.%s.litmus' % (name, model))
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    done = subprocess.run(shlex.split(options.herd) + ['-model', model + '.cat', path],
                          capture_output=True, text=True, check=False)
    found = re.search(r'^Observation \S+ (Never|Sometimes|Always) (\d+) (\d+)', done.stdout, re.M)
    if done.returncode or not found or int(found[2]) + int(found[3]) == 0:
        raise SystemExit('%s: no answer\n%s%s' % (path, done.stdout, done.stderr))
    return found[1] != 'Never'


def main():
    parser = argparse.ArgumentParser(description='run the litmus tests')
    parser.add_argument('--herd', required=True, help='command that runs herd7')
    parser.add_argument('--folder', required=True, help='for the generated tests')
    parser.add_argument('names', nargs='*', help='tests; all without one')
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    tests = [Test(os.path.join(HERE, f)) for f in sorted(os.listdir(HERE)) if f.endswith('.txt')]
    tests = [t for t in tests if not options.names or t.name in options.names]
    passed = failed = 0
    for test in tests:
        begin = time.monotonic()
        cases = [('', test.threads, set(), 'as it is')]
        cases += [('-drop-%d-%d' % where, test.weakened(*where), models, test.what(*where))
                  for where, models in test.drops]
        lines, right = [], bool(test.drops) and set(test.drops[0][1]) != set()
        for suffix, threads, wanted, what in cases:
            found = {m for m in MODELS if allowed(m, test, suffix, threads, options)}
            right = right and found == wanted
            lines.append('            %-26s %s%s' % (
                what, 'allowed by ' + ' '.join(m for m in MODELS if m in found) if found else
                'forbidden by all', '' if found == wanted else
                '  WRONG, should be: ' + (' '.join(sorted(wanted)) or 'none')))
        print('  %-7s %-26s %.1f s' % ('ok' if right else 'FAILED', test.name,
                                       time.monotonic() - begin))
        print('\n'.join(lines), flush=True)
        passed, failed = passed + right, failed + (not right)
    print('%d passed, %d failed, 0 skipped' % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
