#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Between the command's two ends, each byte of each message arrives alone: the next one is sent when
the one before it was read. Descriptors come with a message's first byte."""
import array
import fcntl
import os
import select
import socket
import sys
import termios
import threading
import time

import peer


class Proxy:
    """Passes on bytes, one at a time, in both directions."""

    def __init__(self, path, to):
        self.to = str(to)
        self.bytes = 0
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(4)
        self.ended = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        """One connection after the other."""
        while not self.ended:
            if not select.select([self.listener], [], [], 0.1)[0]:
                continue
            near, _ = self.listener.accept()
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            far.connect(self.to)
            try:
                self.connection(near, far)
            except OSError:
                pass
            near.close()
            far.close()

    def connection(self, near, far):
        """Until one of them closes."""
        while not self.ended:
            for source in select.select([near, far], [], [], 0.1)[0]:
                data, fds, _, _ = socket.recv_fds(source, 65536, 16)
                if not data:
                    return
                self.pass_on(far if source is near else near, data, fds)

    def pass_on(self, to, data, fds):
        """Byte by byte."""
        try:
            for i in range(len(data)):
                if i == 0 and fds:
                    socket.send_fds(to, [data[:1]], fds)
                else:
                    to.send(data[i:i + 1])
                self.bytes += 1
                self.until_read(to)
        finally:
            for fd in fds:
                os.close(fd)

    @staticmethod
    def until_read(sock):
        """Waits until nothing lies in the socket."""
        left = array.array('i', [1])
        end = time.monotonic() + peer.PATIENCE
        while time.monotonic() < end:
            fcntl.ioctl(sock, termios.TIOCOUTQ, left, True)
            if not left[0]:
                return
            time.sleep(0.0001)

    def close(self):
        """Ends it."""
        self.ended = True
        self.thread.join()
        self.listener.close()


def through(serve, check, *arguments):
    """A client, the proxy, a server."""
    with peer.folder() as where:
        server = serve(where)
        if not server.says('offering: '):
            raise peer.Failure('no server: ' + server.said())
        proxy = Proxy(where / 'proxy', where / 'socket')
        client = peer.Program(where, 'client', *(a(where) if callable(a) else a for a in arguments))
        status = client.wait()
        client.end(9)
        proxy.close()
        if status != 0:
            raise peer.Failure('the client ended with %s: %s' % (status, client.said()))
        check(where)
        if server.end() != 0:
            raise peer.Failure('the server: ' + server.said())
        return '%d bytes' % proxy.bytes


def same(where):
    """What was read is what there is."""
    if (where / 'copy').read_bytes() != (where / 'image').read_bytes():
        raise peer.Failure('other data were read')


def nothing(_):
    """There is nothing to compare."""


TESTS = [
    ('blk read', lambda: through(peer.serve_blk, same, 'blk', 'read', '--socket',
                                 lambda w: w / 'proxy', lambda w: w / 'copy')),
    ('net send', lambda: through(peer.serve_net, nothing, 'net', 'send', '--generate', '--count',
                                 '100', '--socket', lambda w: w / 'proxy')),
    ('probe', lambda: through(peer.serve_blk, nothing, 'probe', '--device', 'blk',
                              lambda w: w / 'proxy')),
]

if __name__ == '__main__':
    sys.exit(peer.run(TESTS))
