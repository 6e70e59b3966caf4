# SPDX-License-Identifier: BSD-3-Clause
"""What the programs of this folder share: starting the command, and raw ends of vhost-user.

The front end here is made of bytes and has one split ring; it can do what an honest one cannot.
"""
import contextlib
import ctypes
import mmap
import os
import pathlib
import random
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL = 12, 13
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, SET_VRING_ENABLE = 15, 16, 18

VERSION_1, PROTOCOL_FEATURES, REPLY_ACK = 1 << 32, 1 << 30, 1 << 3
NEXT, WRITE = 1, 2

# Where the front end says that its memory lies.
GUEST, USER, BYTES = 0x40000000, 0x7000000000, 0x40000
DESCRIPTORS, DRIVER, DEVICE, DATA = 0, 0x4000, 0x6000, 0x10000
SIZE = 64

# A machine that does a lot of other things takes its time.
PATIENCE = 60


class Lost(Exception):
    """The peer closed the connection, or did not answer."""


class Failure(Exception):
    """What the test is there to find."""


def tool():
    """The command under test."""
    return os.environ.get('VIRTRING_TOOL', 'build/main/tool/virtring')


@contextlib.contextmanager
def folder():
    """A folder for sockets and files, which goes at the end."""
    path = tempfile.mkdtemp(prefix='virtring-faults-')
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Program:
    """The command with arguments; what it says goes to a file."""

    def __init__(self, where, name, *arguments, env=None, limit=None, stdin=subprocess.DEVNULL):
        self.log = where / (name + '.log')
        self.name = name

        def before():
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen([tool(), *map(str, arguments)], stdin=stdin,
                                            stdout=log, stderr=subprocess.STDOUT,
                                            env={**os.environ, **(env or {})}, preexec_fn=before)
        self.pid = self.process.pid

    def said(self):
        """All of it."""
        return self.log.read_text(errors='replace')

    def status(self):
        """Of its end, or None while it runs."""
        return self.process.poll()

    def says(self, text, seconds=PATIENCE):
        """Waits for a text; False when the program ended, or never said it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended = self.status() is not None
            if text in self.said():
                return True
            if ended:
                return False
            time.sleep(0.002)
        return False

    def wait(self, seconds=PATIENCE):
        """Its status; None when it does not end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self, number=signal.SIGTERM, seconds=PATIENCE):
        """Sends a signal and waits; who does not end is killed, and None is answered."""
        if self.status() is None:
            self.process.send_signal(number)
        status = self.wait(seconds)
        if status is None:
            self.process.kill()
            self.process.wait()
        return status

    def fds(self):
        """Number of its open descriptors."""
        return len(os.listdir('/proc/%d/fd' % self.pid))

    def settled_fds(self, wanted=None):
        """As fds(); waits until there are as many as wanted, or for a while none come or go."""
        end = time.monotonic() + PATIENCE
        before, calm = self.fds(), 0
        while time.monotonic() < end and before != wanted and (wanted is not None or calm < 5):
            time.sleep(0.02)
            now = self.fds()
            calm = calm + 1 if now == before else 0
            before = now
        return before

    def memory(self):
        """What it wrote to memory of its own, in KiB, and the number of its mappings."""
        private = 0
        with open('/proc/%d/smaps_rollup' % self.pid, encoding='ascii') as file:
            for line in file:
                if line.startswith(('Private_Dirty', 'Swap:')):
                    private += int(line.split()[1])
        with open('/proc/%d/maps' % self.pid, encoding='ascii') as file:
            return private, len(file.readlines())

    def ticks(self):
        """CPU time that it used, in clock ticks."""
        with open('/proc/%d/stat' % self.pid, encoding='ascii') as file:
            fields = file.read().rpartition(')')[2].split()
        return int(fields[11]) + int(fields[12])


def make_image(path, kib=1024, seed=1):
    """A disk of bytes that differ."""
    path.write_bytes(random.Random(seed).randbytes(kib * 1024))
    return path


def serve_blk(where, name='server', **options):
    """`virtring serve blk` with an image of 1 MiB."""
    image = where / 'image'
    if not image.exists():
        make_image(image)
    return Program(where, name, 'serve', 'blk', '--socket', where / 'socket', '--image', image,
                   **options)


def serve_net(where, name='server', *arguments, **options):
    """`virtring serve net`, which sends back what it is sent."""
    return Program(where, name, 'serve', 'net', '--socket', where / 'socket',
                   *(arguments or ('--loop',)), **options)


def pack_pcap(count=40, length=100):
    """A pcap file of packets that differ."""
    out = [struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)]
    for i in range(count):
        packet = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]) + \
            bytes((i * 7 + k) & 0xff for k in range(length - 14))
        out.append(struct.pack('<IIII', i, 0, length, length) + packet)
    return b''.join(out)


class FrontEnd:
    """A connection and memory that may be cut; one split ring of 64 descriptors."""

    def __init__(self, path, seconds=PATIENCE):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(seconds)
        try:
            self.sock.connect(str(path))
        except OSError as error:
            self.sock.close()
            raise Lost('cannot connect: %s' % error) from error
        self.seconds = seconds
        self.fds = []
        self.map = None
        self.avail = 0
        self.kick = self.call = -1

    def close(self):
        """Everything that is ours."""
        self.sock.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []
        if self.map is not None:
            self.map.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, request, payload=b'', fds=(), flags=1):
        """One message."""
        try:
            socket.send_fds(self.sock, [struct.pack('<III', request, flags, len(payload)) + payload],
                            list(fds))
        except OSError as error:
            raise Lost('cannot send: %s' % error) from error

    def exactly(self, count):
        """So many bytes."""
        data = b''
        while len(data) < count:
            try:
                more = self.sock.recv(count - len(data))
            except OSError as error:
                raise Lost('no answer: %s' % error) from error
            if not more:
                raise Lost('connection closed')
            data += more
        return data

    def ask(self, request, payload=b'', fds=(), flags=1):
        """One message and its answer."""
        self.send(request, payload, fds, flags)
        answer, _, size = struct.unpack('<III', self.exactly(12))
        if answer != request:
            raise Failure('request %d was answered with %d' % (request, answer))
        return self.exactly(size)

    def do(self, request, payload=b'', fds=()):
        """One message that has to be acknowledged."""
        result, = struct.unpack('<Q', self.ask(request, payload, fds, 9))
        if result:
            raise Lost('request %d failed' % request)

    def negotiate(self):
        """VERSION_1 and acknowledgements."""
        self.send(SET_OWNER)
        features, = struct.unpack('<Q', self.ask(GET_FEATURES))
        self.ask(GET_PROTOCOL_FEATURES)
        self.send(SET_PROTOCOL_FEATURES, struct.pack('<Q', REPLY_ACK))
        self.do(SET_FEATURES, struct.pack('<Q', VERSION_1 | (features & PROTOCOL_FEATURES)))

    def settled_fds(self, wanted=None):
        """As fds(); waits until there are as many as wanted, or for a while none come or go."""
        end = time.monotonic() + PATIENCE
        before, calm = self.fds(), 0
        while time.monotonic() < end and before != wanted and (wanted is not None or calm < 5):
            time.sleep(0.02)
            now = self.fds()
            calm = calm + 1 if now == before else 0
            before = now
        return before

    def memory(self):
        """A file that is not sealed, as memory."""
        fd = os.memfd_create('front-end', os.MFD_CLOEXEC)
        self.fds.append(fd)
        os.ftruncate(fd, BYTES)
        self.map = mmap.mmap(fd, BYTES)
        self.do(SET_MEM_TABLE, struct.pack('<IIQQQQ', 1, 0, GUEST, BYTES, USER, 0), [fd])
        return fd

    def ring(self, index):
        """Starts and enables a ring."""
        self.kick, self.call = os.eventfd(0, os.EFD_CLOEXEC), os.eventfd(0, os.EFD_CLOEXEC)
        self.fds += [self.kick, self.call]
        self.do(SET_VRING_NUM, struct.pack('<II', index, SIZE))
        self.do(SET_VRING_BASE, struct.pack('<II', index, 0))
        self.do(SET_VRING_ADDR, struct.pack('<IIQQQQ', index, 0, USER + DESCRIPTORS, USER + DEVICE,
                                            USER + DRIVER, 0))
        self.do(SET_VRING_CALL, struct.pack('<Q', index), [self.call])
        self.do(SET_VRING_KICK, struct.pack('<Q', index), [self.kick])
        self.do(SET_VRING_ENABLE, struct.pack('<II', index, 1))

    def add(self, *pieces):
        """Makes a buffer available at descriptor 0: (offset, length, writable), and kicks."""
        for i, (offset, length, writable) in enumerate(pieces):
            flags = (WRITE if writable else 0) | (NEXT if i + 1 < len(pieces) else 0)
            struct.pack_into('<QIHH', self.map, DESCRIPTORS + 16 * i, GUEST + offset, length, flags,
                             i + 1)
        struct.pack_into('<H', self.map, DRIVER + 4 + 2 * (self.avail % SIZE), 0)
        self.avail += 1
        struct.pack_into('<H', self.map, DRIVER + 2, self.avail & 0xffff)
        os.eventfd_write(self.kick, 1)

    def used(self):
        """Waits until all are used; the connection may end before."""
        end = time.monotonic() + self.seconds
        while struct.unpack_from('<H', self.map, DEVICE + 2)[0] != self.avail & 0xffff:
            ready, _, _ = select.select([self.call, self.sock], [], [], 1)
            if self.call in ready:
                os.eventfd_read(self.call)
            elif self.sock in ready:
                raise Lost('connection closed')
            if time.monotonic() > end:
                raise Failure('a buffer was never used')
        return struct.unpack_from('<I', self.map, DEVICE + 8 + 8 * ((self.avail - 1) % SIZE))[0]

    def read_sectors(self, sector, count):
        """One read request; the data, or Lost when the disk answers with an error."""
        struct.pack_into('<IIQ', self.map, DATA, 0, 0, sector)
        self.map[DATA + 16 + 512 * count] = 0x77
        self.add((DATA, 16, False), (DATA + 16, 512 * count, True),
                 (DATA + 16 + 512 * count, 1, True))
        self.used()
        if self.map[DATA + 16 + 512 * count]:
            raise Lost('the disk answered with status %d' % self.map[DATA + 16 + 512 * count])
        return self.map[DATA + 16:DATA + 16 + 512 * count]

    def transmit(self, packet):
        """One packet with a header of zeroes."""
        self.map[DATA:DATA + 12 + len(packet)] = bytes(12) + packet
        self.add((DATA, 12 + len(packet), False))
        self.used()

    def start(self, index):
        """All that it takes for ring @index."""
        self.negotiate()
        self.memory()
        self.ring(index)

    def stop(self, index):
        """Stops the ring and closes."""
        self.ask(GET_VRING_BASE, struct.pack('<II', index, 0))
        self.close()


def use_disk(where):
    """An honest session: reads some sectors and compares."""
    with FrontEnd(where / 'socket') as front:
        front.start(0)
        data = (where / 'image').read_bytes()
        for sector, count in ((0, 1), (7, 8), (2000, 48)):
            if front.read_sectors(sector, count) != data[512 * sector:512 * (sector + count)]:
                raise Failure('the disk gave other bytes than the image has')
        front.stop(0)


def use_card(where):
    """An honest session: sends some packets."""
    with FrontEnd(where / 'socket') as front:
        front.start(1)
        for i in range(20):
            front.transmit(bytes([i]) * (60 + i))
        front.stop(1)


def run(tests):
    """Runs (name, function), which raise; prints and counts as the other test programs do."""
    passed = failed = 0
    wanted = sys.argv[1:]
    for name, test in tests:
        if wanted and not any(word in name for word in wanted):
            continue
        begin = time.monotonic()
        try:
            note = test()
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print('FAILED %s: %s: %s' % (name, type(error).__name__, error), flush=True)
            continue
        passed += 1
        print('REPORT: %-34s %s (%.1f s)' % (name, note or '', time.monotonic() - begin), flush=True)
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0

