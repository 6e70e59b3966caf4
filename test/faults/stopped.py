#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Peers that are stopped, killed or slow: SIGSTOP under load, kill -9 of clients at any time, a front
end that sends and does not read. (test/interop/blk_kill.c and test/property/net_kill.c kill servers.)

VIRTRING_STOP=SECONDS: how long a peer is stopped (2). VIRTRING_KILLS=N: kills of clients (20).
"""
import os
import random
import signal
import struct
import sys
import time

import peer

STOP = float(os.environ.get('VIRTRING_STOP', '2'))
KILLS = int(os.environ.get('VIRTRING_KILLS', '20'))
# What a client of ours waits for a result (tool/blk_session.c).
RESULT = 30


def still(program, seconds):
    """Fails if a program that has nothing to do uses a CPU meanwhile."""
    before = program.ticks()
    time.sleep(seconds)
    used = (program.ticks() - before) / os.sysconf('SC_CLK_TCK')
    if used > seconds / 2:
        raise peer.Failure('%s used %.1f s of CPU in %.1f s of waiting'
                           % (program.name, used, seconds))


def stop(program, seconds=STOP):
    """Stops a program for a while."""
    program.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    program.process.send_signal(signal.SIGCONT)


def started(program):
    """A server that is ready."""
    if not program.says('offering: '):
        raise peer.Failure('%s did not start: %s' % (program.name, program.said()))
    return program


def ended(server):
    """Ends a server, which has to end well."""
    status = server.end()
    if status != 0:
        raise peer.Failure('the server ended with %s: %s' % (status, server.said()))


def connected(server, count=1):
    """Waits until so many front ends have started."""
    end = time.monotonic() + peer.PATIENCE
    while server.said().count('queue 0') < count and time.monotonic() < end:
        time.sleep(0.005)


def disk_stops():
    """The server is stopped in the middle of a transfer."""
    with peer.folder() as where:
        peer.make_image(where / 'image', kib=64 * 1024)
        server = started(peer.serve_blk(where))
        client = peer.Program(where, 'client', 'blk', 'read', '--block', '4K', '--depth', '2',
                              '--socket', where / 'socket', where / 'copy')
        time.sleep(0.1)
        stop(server)
        status = client.end(0, 2 * RESULT + peer.PATIENCE)
        if status is None or status < 0:
            raise peer.Failure('the client ended with %s: %s' % (status, client.said()))
        if status == 0 and (where / 'copy').read_bytes() != (where / 'image').read_bytes():
            raise peer.Failure('other data were read')
        if status and (STOP < RESULT - 5 or not client.said()):
            raise peer.Failure('status %d: %s' % (status, client.said()))
        peer.use_disk(where)
        ended(server)
        return 'stopped %g s, then status %d' % (STOP, status)


def client_stops():
    """The client is stopped: the server waits without work, and ends when it is told to."""
    with peer.folder() as where:
        peer.make_image(where / 'image', kib=64 * 1024)
        server = started(peer.serve_blk(where))
        client = peer.Program(where, 'client', 'blk', 'read', '--block', '4K', '--depth', '2',
                              '--socket', where / 'socket', where / 'copy')
        time.sleep(0.1)
        client.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        still(server, STOP)
        client.process.send_signal(signal.SIGCONT)
        if client.end(0) != 0 or \
                (where / 'copy').read_bytes() != (where / 'image').read_bytes():
            raise peer.Failure('the client did not get all: ' + client.said())
        client = peer.Program(where, 'client', 'blk', 'bench', '--seconds', '60',
                              '--socket', where / 'socket')
        time.sleep(0.5)
        client.process.send_signal(signal.SIGSTOP)
        ended(server)
        client.process.send_signal(signal.SIGCONT)
        client.end()
        return 'stopped %g s; then the server was ended meanwhile' % STOP


def card_stops():
    """The same with a network card."""
    with peer.folder() as where:
        server = started(peer.serve_net(where))
        client = peer.Program(where, 'client', 'net', 'send', '--generate', '--count', '2000000',
                              '--socket', where / 'socket')
        time.sleep(0.2)
        stop(server)
        status = client.end(0, 2 * RESULT + 2 * peer.PATIENCE)
        if status is None or status < 0 or (status and STOP < RESULT - 5):
            raise peer.Failure('the client ended with %s: %s' % (status, client.said()))
        peer.use_card(where)
        ended(server)
        return 'stopped %g s, then status %d' % (STOP, status)


def half_a_message():
    """A front end that stops within a header, and within a payload."""
    with peer.folder() as where:
        server = started(peer.serve_net(where))
        for part in (b'\1', struct.pack('<III', 2, 1, 8) + b'\0\0'):
            with peer.FrontEnd(where / 'socket') as front:
                front.sock.send(part)
                still(server, 1)
        peer.use_card(where)
        with peer.FrontEnd(where / 'socket') as front:
            front.sock.send(b'\1')
            time.sleep(0.1)
            ended(server)
        return 'it waits without work'


def clients_killed(serve, use, *arguments):
    """Clients are killed at random points; the server keeps nothing of them."""
    with peer.folder() as where:
        server = started(serve(where))
        numbers = random.Random(7)
        peaks = []
        for i in range(KILLS + 5):
            client = peer.Program(where, 'client', *arguments, '--socket', where / 'socket')
            time.sleep(numbers.random() * 0.08)
            client.end(signal.SIGKILL)
            if i % 5 == 4:
                # Two honest sessions: the first waits until the server is done with the killed one.
                use(where)
                use(where)
                peaks.append((server.settled_fds(peaks[0][0] if peaks else None),
                              server.memory()))
        if len({fds for fds, _ in peaks}) != 1:
            raise peer.Failure('descriptors: %s' % [fds for fds, _ in peaks])
        if peaks[-1][1][1] > peaks[0][1][1] + 2 or peaks[-1][1][0] > peaks[0][1][0] + 256:
            raise peer.Failure('memory and mappings: %s' % peaks)
        ended(server)
        return '%d kills, %d descriptors, %d KiB' % (KILLS + 5, peaks[-1][0], peaks[-1][1][0])


def card_killed():
    """A card that dies: its client says so, and ends."""
    with peer.folder() as where:
        for i in range(5):
            server = started(peer.serve_net(where))
            client = peer.Program(where, 'client', 'net', 'bench', '--seconds', '60', '--socket',
                                  where / 'socket')
            time.sleep(0.02 + i * 0.07)
            server.end(signal.SIGKILL)
            status = client.wait()
            client.end(signal.SIGKILL)
            if status is None or status <= 0 or not client.said():
                raise peer.Failure('the client ended with %s: %r' % (status, client.said()))
            (where / 'socket').unlink(missing_ok=True)
        return '5 kills: ' + client.said().strip().splitlines()[-1][-60:]


def does_not_read():
    """Requests without end whose answers nobody reads."""
    with peer.folder() as where:
        server = started(peer.serve_blk(where))
        peer.use_disk(where)
        before = server.memory()[0]
        with peer.FrontEnd(where / 'socket', 2) as front:
            sent = 0
            try:
                while sent < 2000000:
                    front.send(peer.GET_FEATURES)
                    sent += 1
            except peer.Lost:
                pass
            after = server.memory()[0]
            if after > before + 1024:
                raise peer.Failure('%d KiB became %d' % (before, after))
        peer.use_disk(where)
        ended(server)
        return '%d messages were taken, and %d KiB' % (sent, after - before)


def reads_slowly():
    """Answers are read byte by byte, long after."""
    with peer.folder() as where:
        server = started(peer.serve_blk(where))
        with peer.FrontEnd(where / 'socket') as front:
            for _ in range(100):
                front.send(peer.GET_FEATURES)
            for _ in range(100):
                answer = b''
                while len(answer) < 20:
                    answer += front.exactly(1)
                if struct.unpack('<III', answer[:12]) != (peer.GET_FEATURES, 5, 8):
                    raise peer.Failure('an answer was torn: %r' % answer)
        peer.use_disk(where)
        ended(server)
        return '100 answers'


def never_takes_packets():
    """A card gets packets for a driver that gives no buffers."""
    with peer.folder() as where:
        server = started(peer.serve_net(where))
        peer.use_card(where)
        before = server.memory()[0]
        with peer.FrontEnd(where / 'socket') as front:
            front.start(1)
            for i in range(3000):
                front.transmit(bytes([i & 0xff]) * 1000)
            after = server.memory()[0]
            front.stop(1)
        if after > before + 4096:
            raise peer.Failure('%d KiB became %d' % (before, after))
        ended(server)
        return '3000 packets, %+d KiB' % (after - before)


TESTS = [
    ('a disk is stopped', disk_stops),
    ('a card is stopped', card_stops),
    ('a client is stopped', client_stops),
    ('half a message', half_a_message),
    ('clients of a disk are killed',
     lambda: clients_killed(peer.serve_blk, peer.use_disk, 'blk', 'bench', '--seconds', '60')),
    ('clients of a card are killed',
     lambda: clients_killed(peer.serve_net, peer.use_card, 'net', 'bench', '--seconds', '60')),
    ('a card is killed', card_killed),
    ('answers that nobody reads', does_not_read),
    ('answers that are read slowly', reads_slowly),
    ('packets that nobody takes', never_takes_packets),
]

if __name__ == '__main__':
    sys.exit(peer.run(TESTS))
