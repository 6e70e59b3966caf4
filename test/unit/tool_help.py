#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command's --help and its man pages know the same verbs and the same options.

usage: tool_help.py VIRTRING FOLDER_OF_THE_PAGES
"""
import os
import re
import subprocess
import sys

# What argp adds by itself.
EVERYWHERE = {'help', 'usage', 'version'}


def help_of(tool, *words):
    done = subprocess.run([tool, *words, '--help'], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise SystemExit('virtring %s --help: status %d\n%s' % (' '.join(words), done.returncode,
                                                                done.stdout))
    return done.stdout


def verbs_of(text):
    """`  name     what it does` of the main help."""
    return re.findall(r'^  ([a-z]+) +\S', text, re.M)


def subverbs_of(text, verb):
    """`virtring verb (one|two)`, or a line of usage for each."""
    usage = re.search(r'^usage: (virtring .*?)(?:\n\n|\Z)', text, re.M | re.S)
    if not usage:
        return []
    choice = re.search(r'virtring %s \(([a-z|]+)\)' % verb, usage.group(1))
    if choice:
        return choice.group(1).split('|')
    return re.findall(r'virtring %s ([a-z]+)' % verb, usage.group(1))


def modes_of(text):
    """`--mode --help`: an option that has a help of its own."""
    return sorted(set(re.findall(r'--([a-z]+)\s+--help', text)))


def options_of_help(text):
    return set(re.findall(r'^ +(?:-\w, +)?--([a-z][a-z0-9-]*)', text, re.M)) - EVERYWHERE


def page(folder, name):
    with open(os.path.join(folder, name + '.1'), encoding='utf-8') as file:
        return file.read().replace('\\-', '-')


def options_of_page(text):
    """The heads of its paragraphs: lines behind .TP (or behind another head, .TQ)."""
    heads = re.findall(r'^\.T[PQ]\n(.*)$', text, re.M)
    return {o for head in heads for o in re.findall(r'--([a-z][a-z0-9-]*)', head)} - EVERYWHERE


def differences(tool, folder):
    """Yields a case and what is wrong with it, or None."""
    top = help_of(tool)
    for verb in verbs_of(top):
        yield 'virtring.1 has ' + verb, (
            None if re.search(r'^\.B %s$' % verb, page(folder, 'virtring'), re.M) else 'no')
        manual = page(folder, 'virtring-' + verb)
        text = help_of(tool, verb)
        subverbs = subverbs_of(text, verb)
        known = options_of_help(text)
        for name in subverbs:
            known |= options_of_help(help_of(tool, verb, name))
            yield 'virtring-%s.1 has %s' % (verb, name), (
                None if re.search(r'\b%s\b' % name, manual) else 'no')
        for name in modes_of(text):
            known |= options_of_help(help_of(tool, verb, '--' + name))
        for what, wrong in (('not in the page', known - options_of_page(manual)),
                            ('not in --help', options_of_page(manual) - known)):
            yield 'options of %s %s' % (verb, what), ', '.join(sorted(wrong)) or None
        if not known:
            yield 'options of ' + verb, 'none were found'


def main():
    passed = failed = 0
    for case, wrong in differences(*sys.argv[1:]):
        print('%s: %s' % (case, wrong or 'ok'))
        passed += not wrong
        failed += bool(wrong)
    print('%d passed, %d failed' % (passed, failed))
    return failed > 0 or passed < 10


if __name__ == '__main__':
    sys.exit(main())
