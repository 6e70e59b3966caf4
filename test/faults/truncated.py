#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A front end cuts the memory that it shares: before its rings run, between two requests, and while
the device works on one. The server ends that session with a reason, and serves the next one."""
import os
import struct
import sys

import peer

# What is left of the memory: nothing, a part of the rings, the rings but not the data.
SIZES = (0, 4096, peer.DEVICE, peer.DATA)


def lost(front):
    """Waits for the end of the session, which must come."""
    try:
        front.exactly(1)
    except peer.Lost as error:
        if 'closed' not in str(error) and 'reset' not in str(error):
            raise peer.Failure('the session did not end: %s' % error) from error


def request(front, index):
    """Makes something available for which all of the memory is needed; does not kick."""
    kick, front.kick = front.kick, os.eventfd(0)
    front.fds.append(front.kick)
    if index:
        front.add((peer.DATA, 2000, False))
    else:
        struct.pack_into('<IIQ', front.map, peer.DATA, 0, 0, 0)
        front.add((peer.DATA, 16, False), (peer.DATA + 4096, 65536, True),
                  (peer.DATA + 70000, 1, True))
    front.kick = kick


def before_the_start(where, index, size):
    """The ring is where nothing is any more."""
    with peer.FrontEnd(where / 'socket') as front:
        front.negotiate()
        fd = front.memory()
        os.ftruncate(fd, size)
        try:
            front.ring(index)
            os.eventfd_write(front.kick, 1)
            if size <= peer.DEVICE:
                lost(front)
        except peer.Lost:
            pass


def while_it_runs(where, index, size):
    """A request lies there, the memory goes, then the device is told."""
    with peer.FrontEnd(where / 'socket') as front:
        front.start(index)
        request(front, index)
        os.ftruncate(front.fds[0], size)
        os.eventfd_write(front.kick, 1)
        if size <= peer.DEVICE or index:
            lost(front)
        else:
            # The data of a disk are moved by the kernel: that fails, and the request with it.
            try:
                front.used()
            except peer.Lost:
                pass


def under_load(where, index, size):
    """The device finds request after request; the memory goes at some time."""
    with peer.FrontEnd(where / 'socket') as front:
        front.start(index)
        request(front, index)
        # A ring full of the same request.
        for i in range(peer.SIZE):
            struct.pack_into('<H', front.map, peer.DRIVER + 4 + 2 * i, 0)
        os.eventfd_write(front.kick, 1)
        os.ftruncate(front.fds[0], size)
        os.eventfd_write(front.kick, 1)
        try:
            front.ask(peer.GET_FEATURES)
        except peer.Lost:
            pass


def cut(serve, use, index):
    """All of it, on one server."""
    with peer.folder() as where:
        server = serve(where)
        if not server.says('offering: '):
            raise peer.Failure('no server: ' + server.said())
        use(where)
        fds = server.settled_fds()
        cases = 0
        for how in (before_the_start, while_it_runs, under_load):
            for size in SIZES:
                for _ in range(3):
                    how(where, index, size)
                    cases += 1
                    if server.status() is not None:
                        raise peer.Failure('%s, %d bytes left: the server ended with %d: %s'
                                           % (how.__name__, size, server.status(), server.said()))
                use(where)
        now = server.settled_fds(fds)
        if now != fds:
            raise peer.Failure('%d descriptors became %d' % (fds, now))
        if 'memory' not in server.said():
            raise peer.Failure('the server said nothing of it: ' + server.said())
        status = server.end()
        if status != 0:
            raise peer.Failure('the server ended with %s: %s' % (status, server.said()))
        return '%d times' % cases


TESTS = [
    ('a disk loses the memory', lambda: cut(peer.serve_blk, peer.use_disk, 0)),
    ('a card loses the memory', lambda: cut(peer.serve_net, peer.use_card, 1)),
]

if __name__ == '__main__':
    sys.exit(peer.run(TESTS))
