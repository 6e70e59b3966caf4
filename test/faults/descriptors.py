#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""No descriptors left: the command starts with room for few, and loses the room while it runs."""
import os
import resource
import signal
import sys
import time

import peer

LIMITS = range(3, 41)


def judge(program, status, what):
    """It ended by itself, and an error has a message."""
    if status is None or status < 0 or (status and not program.said()):
        raise peer.Failure('%s: ended with %s: %r' % (what, status, program.said()))


def server_starts(serve, use):
    """With each limit: it starts or says why not; a session ends well or is closed."""
    went = [0, 0, 0]
    for limit in LIMITS:
        with peer.folder() as where:
            server = serve(where, limit=limit)
            what = 'limit %d' % limit
            if not server.says('offering: '):
                status = server.end()
                judge(server, status, what)
                if not status:
                    raise peer.Failure('%s: it did not start, with status 0' % what)
                went[0] += 1
                continue
            try:
                use(where)
                went[2] += 1
            except peer.Lost:
                went[1] += 1
            status = server.end()
            judge(server, status, what)
    if not went[0] or not went[1] or not went[2]:
        raise peer.Failure('the limits are not where it gets interesting: %s' % went)
    return '%d limits: %d did not start, %d lost a session, %d served' % (len(LIMITS), *went)


def server_loses_room(serve, use):
    """The limit sinks to what is open; then there is room again."""
    with peer.folder() as where:
        server = serve(where)
        if not server.says('offering: '):
            raise peer.Failure('no server: ' + server.said())
        use(where)
        soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        for more in range(0, 12):
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.fds() + more, hard))
            try:
                front = peer.FrontEnd(where / 'socket', 1)
            except peer.Lost:
                continue
            with front:
                # Whether or not it was accepted, nobody runs in circles.
                before = server.ticks()
                time.sleep(0.5)
                used = (server.ticks() - before) / os.sysconf('SC_CLK_TCK')
                if used > 0.25:
                    raise peer.Failure('room for %d more: %.2f s of CPU in 0.5 s' % (more, used))
                try:
                    front.start(0)
                except peer.Lost:
                    pass
            if server.status() is not None:
                raise peer.Failure('room for %d more: the server ended: %s'
                                   % (more, server.said()))
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
        use(where)
        status = server.end()
        if status != 0:
            raise peer.Failure('the server ended with %s: %s' % (status, server.said()))
        return 'it goes on when there is room again'


def client_starts(serve, *arguments):
    """A client with each limit."""
    went = [0, 0]
    with peer.folder() as where:
        server = serve(where)
        if not server.says('offering: '):
            raise peer.Failure('no server: ' + server.said())
        for limit in LIMITS:
            client = peer.Program(where, 'client', *arguments, '--socket', where / 'socket',
                                  limit=limit)
            status = client.wait()
            client.end(signal.SIGKILL)
            judge(client, status, 'limit %d' % limit)
            went[not status] += 1
        if server.status() is not None or server.end() != 0:
            raise peer.Failure('the server: ' + server.said())
    if not went[0] or not went[1]:
        raise peer.Failure('the limits are not where it gets interesting: %s' % went)
    return '%d limits: %d ended with a reason, %d went well' % (len(LIMITS), *went)


TESTS = [
    ('serve blk with few descriptors', lambda: server_starts(peer.serve_blk, peer.use_disk)),
    ('serve net with few descriptors', lambda: server_starts(peer.serve_net, peer.use_card)),
    ('serve blk without room', lambda: server_loses_room(peer.serve_blk, peer.use_disk)),
    ('serve net without room', lambda: server_loses_room(peer.serve_net, peer.use_card)),
    ('blk with few descriptors',
     lambda: client_starts(peer.serve_blk, 'blk', 'info')),
    ('net with few descriptors',
     lambda: client_starts(peer.serve_net, 'net', 'send', '--generate', '--count', '10')),
]

if __name__ == '__main__':
    sys.exit(peer.run(TESTS))
