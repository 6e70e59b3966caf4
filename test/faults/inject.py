#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Has the command run out of memory, descriptors and luck, at each call that can fail.

A run without a fault tells which calls there are (inject.c counts them). Then one run each: the
n-th call fails, does only a part, or is interrupted. Whatever it is, the command ends by itself
with a status, an error has a message, nothing is left allocated or open, and who was to be served
gets right data or none. A server that survives serves the next front end.

Each place in the code is tried at its first and its last call; with VIRTRING_FAULTS=all each single
call is, and with VIRTRING_FAULT=NUMBER,MODE only one.
"""
import mmap
import os
import pathlib
import signal
import struct
import sys

import peer

SHIM = os.environ.get('VIRTRING_INJECT', 'build/main/test/faults/libinject.so')
HEAD = struct.Struct('<IIIIIIQII32s')
SITES = 16384
COUNT, FAIL, PART, INTERRUPT = range(4)
WORDS = {FAIL: 'fails', PART: 'does a part', INTERRUPT: 'is interrupted'}


class Report:
    """What the preloaded library is told, and tells."""

    def __init__(self, path, target=0, mode=COUNT):
        self.path = path
        size = HEAD.size + 8 * SITES
        with open(path, 'wb') as file:
            file.write(HEAD.pack(target, mode, 0, 0, 0, 0, 0, 0, 0, b'').ljust(size, b'\0'))
        with open(path, 'r+b') as file:
            self.map = mmap.mmap(file.fileno(), size)

    def read(self):
        """The fields of the head."""
        (_, _, self.calls, self.fired, self.ended, self.leaked, self.leak_site, self.open_fds, _,
         name) = HEAD.unpack_from(self.map)
        self.name = name.rstrip(b'\0').decode()
        return self

    def sites(self):
        """For each call: where it is, and the modes that it knows."""
        values = struct.unpack_from('<%dQ' % min(self.calls, SITES), self.map, HEAD.size)
        return [(value & ~(0xf << 44), value >> 44 & 0xf) for value in values]

    def env(self):
        """For the program."""
        return {'LD_PRELOAD': str(pathlib.Path(SHIM).resolve()), 'VR_INJECT': str(self.path)}


def judge(program, report, status, what):
    """What holds for every program, whatever happened to it."""
    report.read()
    said = program.said()
    if status is None:
        raise peer.Failure('%s: it did not end; it said:\n%s' % (what, said))
    if status < 0:
        raise peer.Failure('%s: ended by %s; it said:\n%s'
                           % (what, signal.Signals(-status).name, said))
    if 'sandbox' in said and 'call' in said:
        raise peer.Failure('%s: the sandbox did not let it:\n%s' % (what, said))
    if not report.ended:
        raise peer.Failure('%s: it ended without cleaning up:\n%s' % (what, said))
    if status and 'virtring' not in said and str(program.name) not in said:
        raise peer.Failure('%s: status %d without a word: %r' % (what, status, said))
    if report.leaked:
        raise peer.Failure('%s: %d blocks were not freed, the first from %x; it said:\n%s'
                           % (what, report.leaked, report.leak_site, said))
    if report.open_fds:
        raise peer.Failure('%s: %d descriptors are open at the end; it said:\n%s'
                           % (what, report.open_fds, said))


class Server:
    """The command as server; an honest front end uses it, then another one."""

    def __init__(self, start, use, ready='offering: '):
        self.start, self.use, self.ready = start, use, ready

    def once(self, where, report, what):
        """One life of it; answers how it went on."""
        for name in ('socket', 'socket.lock'):
            (where / name).unlink(missing_ok=True)
        server = self.start(where, env=report.env())
        try:
            went = 'did not start'
            if server.says(self.ready):
                went = self.sessions(where, server, what)
            status = server.end(seconds=20)
        finally:
            server.end(signal.SIGKILL)
        judge(server, report, status, what)
        if went == 'did not start' and not status:
            raise peer.Failure('%s: it did not start, and said nothing of it' % what)
        return went

    def sessions(self, where, server, what):
        """Two of them; one may suffer, both may not, unless the server has ended with a reason."""
        lost = []
        for _ in range(3):
            try:
                self.use(where)
            except peer.Lost as error:
                lost.append(str(error))
        if not lost:
            return 'nobody noticed'
        if server.wait(0.05) is not None:
            return 'it ended'
        if len(lost) > 1:
            raise peer.Failure('%s: %d sessions were lost: %s; it said:\n%s'
                               % (what, len(lost), '; '.join(lost), server.said()))
        return 'one session was lost'


class Client:
    """The command as client of a server that has no faults."""

    def __init__(self, serve, check, *arguments):
        self.serve, self.check, self.arguments = serve, check, arguments
        self.server = None

    def once(self, where, report, what):
        """One life of it."""
        if self.server is None or self.server.status() is not None:
            self.server = self.serve(where)
            if not self.server.says('offering: '):
                raise peer.Failure('no server: ' + self.server.said())
        client = peer.Program(where, 'client',
                              *(a(where) if callable(a) else a for a in self.arguments),
                              env=report.env())
        try:
            status = client.wait(45)
        finally:
            client.end(signal.SIGKILL)
        judge(client, report, status, what)
        if self.server.status() is not None:
            raise peer.Failure('%s: it took the server with it: %s' % (what, self.server.said()))
        if status:
            return 'it ended'
        self.check(where)
        return 'nobody noticed'

    def close(self):
        """The server."""
        if self.server is not None:
            self.server.end()


def plan(sites, everything):
    """(number of the call, mode) of all runs."""
    first, last = {}, {}
    for number, (site, _) in enumerate(sites, 1):
        first.setdefault(site, number)
        last[site] = number
    for number, (site, modes) in enumerate(sites, 1):
        if everything or number in (first[site], last[site]):
            yield from ((number, mode) for mode in (FAIL, PART, INTERRUPT) if modes >> mode & 1)


def scenario(subject):
    """All runs of one subject."""
    everything = os.environ.get('VIRTRING_FAULTS') == 'all'
    went = {}
    missed = 0
    with peer.folder() as where:
        try:
            report = Report(where / 'report')
            first = subject.once(where, report, 'without a fault')
            if first != 'nobody noticed':
                raise peer.Failure('without a fault: %s: %s' % (
                    first, ' '.join(path.read_text() for path in where.glob('*.log'))))
            sites = report.read().sites()
            if report.calls < 20:
                raise peer.Failure('only %d calls were counted' % report.calls)
            runs = list(plan(sites, everything))
            only = os.environ.get('VIRTRING_FAULT')
            if only:
                runs = [tuple(int(word) for word in only.split(','))]
            for number, mode in runs:
                report = Report(where / 'report', number, mode)
                result = subject.once(where, report, 'call %d %s' % (number, WORDS[mode]))
                if not report.fired:
                    missed += 1
                    continue
                went[result] = went.get(result, 0) + 1
        finally:
            if hasattr(subject, 'close'):
                subject.close()
    if missed * 2 > len(runs):
        raise peer.Failure('%d of %d faults were not reached' % (missed, len(runs)))
    return '%d calls, %d faults: %s' % (len(sites), len(runs) - missed,
                                       ', '.join('%d %s' % (n, k) for k, n in sorted(went.items())))


def blk_server(*more):
    """A disk."""
    def start(where, **options):
        image = where / 'image'
        if not image.exists():
            peer.make_image(image)
        return peer.Program(where, 'server', 'serve', 'blk', '--socket', where / 'socket',
                            '--image', image, *more, **options)
    return Server(start, peer.use_disk)


def net_server(*more):
    """A network card."""
    def start(where, **options):
        (where / 'in.pcap').write_bytes(peer.pack_pcap())
        return peer.Program(where, 'server', 'serve', 'net', '--socket', where / 'socket',
                            *(a(where) if callable(a) else a for a in more), **options)
    return Server(start, peer.use_card)


def same_as_image(where):
    """What a client read is what there was."""
    if (where / 'copy').read_bytes() != (where / 'image').read_bytes():
        raise peer.Failure('the client says that all went well, but the data are others')
    (where / 'copy').unlink()


def nothing(_):
    """There is nothing to compare."""


SUBJECTS = [
    ('serve blk', lambda: blk_server()),
    ('serve blk --no-uring', lambda: blk_server('--no-uring')),
    ('serve net --loop', lambda: net_server('--loop')),
    ('serve net --pcap-in --pcap-out',
     lambda: net_server('--pcap-in', lambda w: w / 'in.pcap', '--pcap-out', lambda w: w / 'out.pcap')),
    ('blk read', lambda: Client(peer.serve_blk, same_as_image, 'blk', 'read', '--socket',
                                lambda w: w / 'socket', lambda w: w / 'copy')),
    ('net send', lambda: Client(peer.serve_net, nothing, 'net', 'send', '--count', '64',
                                '--generate', '--socket', lambda w: w / 'socket')),
    ('probe', lambda: Client(peer.serve_blk, nothing, 'probe', '--device', 'blk',
                             lambda w: w / 'socket')),
]


def main():
    """A line for each subject."""
    return peer.run([(name, lambda make=make: scenario(make())) for name, make in SUBJECTS])


if __name__ == '__main__':
    sys.exit(main())
