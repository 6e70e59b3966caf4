#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turns the tables of clauses into C.

usage: tables.py OUTPUT (CLAUSES.tsv | ROLE_coverage.tsv | hostile.tsv)...

A table of clauses has an id, a kind, a level if it is the ring's, and a text. A table of a role's
gaps is named after it (back_end_coverage.tsv) and has an id and a reason. The table of what must not be
done has an id, what it is, and the checks of either role.
"""
import os
import sys


def rows(path):
    with open(path, encoding='utf-8') as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                yield line.rstrip('\n').split('\t')


def quoted(text):
    return '"%s"' % text.replace('\\', '\\\\').replace('"', '\\"')


def clause(row):
    if len(row) == 4:
        return row
    return [row[0], row[1], 'MUST', row[2]]


def table(file, kind, name, count, lines):
    file.write('const struct %s %s[] = {\n' % (kind, name))
    for line in lines:
        file.write('\t{ %s },\n' % ', '.join(quoted(field) for field in line))
    # An empty array is no C.
    file.write('\t{ 0 },\n};\n\nconst uint32_t %s = %u;\n' % (count, len(lines)))


def main():
    clauses, gaps, offences = [], [], []
    for path in sys.argv[2:]:
        name = os.path.basename(path)
        if name.endswith('_coverage.tsv'):
            role = name[:-len('_coverage.tsv')].replace('_', '-')
            gaps += [[role] + row for row in rows(path)]
        elif name == 'hostile.tsv':
            offences += rows(path)
        else:
            clauses += [clause(row) for row in rows(path)]
    with open(sys.argv[1], 'w', encoding='utf-8') as file:
        file.write('// SPDX-License-Identifier: BSD-3-Clause\n#include "clause.h"\n\n')
        table(file, 'clause', 'clauses', 'clause_count', clauses)
        file.write('\n')
        table(file, 'clause_gap', 'clause_gaps', 'clause_gap_count', gaps)
        file.write('\n')
        table(file, 'offence', 'offences', 'offence_count', offences)


main()
