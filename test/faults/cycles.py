#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Front ends come and go, ten thousand of them, and get to different points: the server's
descriptors, mappings and memory are counted. (cycles_front.c has the other end.)

VIRTRING_CYCLES=N: how many (10000).
"""
import os
import struct
import sys

import peer

CYCLES = int(os.environ.get('VIRTRING_CYCLES', '10000'))
WARM = 300


def cycle(where, i, index):
    """One that gets as far as @i says."""
    with peer.FrontEnd(where / 'socket') as front:
        stage = i % 8
        if stage == 1:
            front.sock.send(b'\1\0\0\0\1')
        elif stage == 2:
            front.ask(peer.GET_FEATURES)
        elif stage == 3:
            front.negotiate()
        elif stage == 4:
            front.negotiate()
            front.memory()
        elif stage == 5:
            front.start(index)
        elif stage == 6:
            # A request is on its way when the connection ends.
            front.start(index)
            if index:
                front.add((peer.DATA, 100, False))
            else:
                struct.pack_into('<IIQ', front.map, peer.DATA, 0, 0, 0)
                front.add((peer.DATA, 16, False), (peer.DATA + 16, 512, True),
                          (peer.DATA + 528, 1, True))
        elif stage == 7:
            # What is wrong: a message that nobody knows, with a descriptor.
            fd = os.memfd_create('wrong', os.MFD_CLOEXEC)
            front.fds.append(fd)
            front.send(99, b'12345678', [fd])


def cycles(serve, use, index):
    """All of them; what the server has at the end is what it had after some."""
    with peer.folder() as where:
        server = serve(where)
        if not server.says('offering: '):
            raise peer.Failure('no server: ' + server.said())
        seen = []
        for i in range(CYCLES):
            try:
                cycle(where, i, index)
            except peer.Lost as error:
                raise peer.Failure('cycle %d: %s; it said: %s'
                                   % (i, error, server.said()[-500:])) from error
            if i + 1 in (WARM, CYCLES // 2, CYCLES):
                use(where)
                use(where)
                seen.append((server.settled_fds(seen[0][0] if seen else None), *server.memory()))
        first, last = seen[0], seen[-1]
        if last[0] != first[0]:
            raise peer.Failure('descriptors: %s' % (seen,))
        # The allocator may keep another page or two.
        if last[2] > first[2] + 1 or last[1] > first[1] + 64:
            raise peer.Failure('descriptors, KiB, mappings: %s' % (seen,))
        if server.end() != 0:
            raise peer.Failure('the server: ' + server.said()[-500:])
        return '%d: %d descriptors, %d mappings, %+d KiB' % (CYCLES, last[0], last[2],
                                                             last[1] - first[1])


TESTS = [
    ('front ends of a disk', lambda: cycles(peer.serve_blk, peer.use_disk, 0)),
    ('front ends of a card', lambda: cycles(peer.serve_net, peer.use_card, 1)),
]

if __name__ == '__main__':
    sys.exit(peer.run(TESTS))
