#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench-blk: requests per second of disk back ends, and CPU time of clients.

Two tables. The first has back ends under one client, `virtring blk bench`: ours, and
qemu-storage-daemon with each of its ways to read a file; ours is compared with the best of those.
The second has clients on one back end: ours, and libblkio. All columns of a table take turns within
a round, so that what else the machine does meets them alike; a figure is the median of the rounds
with its quartiles.
"""
import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf('SC_CLK_TCK')


def qsd_arguments(image, path, aio, direct, iothread):
    """qemu-storage-daemon with an image and a way to read it."""
    thread = ['--object', 'iothread,id=t'] if iothread else []
    return thread + [
        '--blockdev', 'driver=file,node-name=f,filename=%s,aio=%s,cache.direct=%s' %
        (image, aio, 'on' if direct else 'off'),
        '--export', 'type=vhost-user-blk,id=e,node-name=f,addr.type=unix,addr.path=%s,writable=on%s'
        % (path, ',iothread=t' if iothread else '')]


class Server:
    """A back end that runs: where it listens, and what it costs."""

    def __init__(self, name, command, path):
        self.name = name
        self.path = path
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 20
        while not os.path.exists(path):
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError('%s: %s' % (name, self.process.stderr.read().strip()))
            time.sleep(0.05)

    def cpu_seconds(self):
        """CPU time of all its threads so far, those of the kernel that work for it included."""
        with open('/proc/%d/stat' % self.process.pid, encoding='ascii') as file:
            fields = file.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Column:
    """One thing that is measured, and its samples."""

    def __init__(self, name, server, command):
        self.name = name
        self.server = server
        self.command = command
        self.rates = []
        self.client_us = []
        self.server_us = []

    def sample(self):
        before = self.server.cpu_seconds()
        run = subprocess.run(self.command, stdout=subprocess.PIPE, check=True, text=True,
                             timeout=120)
        after = self.server.cpu_seconds()
        figures = json.loads(run.stdout)
        requests = figures['requests']
        self.rates.append(requests / figures['seconds'])
        self.client_us.append(figures['cpu_seconds'] / requests * 1e6)
        self.server_us.append((after - before) / requests * 1e6)

    def figures(self):
        return {'name': self.name, 'requests_per_second': self.rates,
                'client_cpu_us': self.client_us, 'server_cpu_us': self.server_us}


def median(values):
    return statistics.median(values)


def quartiles(values, form):
    """The middle half of the samples."""
    if len(values) < 2:
        return ''
    low, _, high = statistics.quantiles(values, n=4, method='inclusive')
    return '%s..%s' % (form % low, form % high)


class Bench:
    """Servers, clients and columns."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.image = os.path.join(folder, 'image')
        self.tool = os.path.abspath('build/main/tool/virtring')
        self.blkio = os.path.abspath('build/main/blkio')
        self.servers = []
        self.skipped = []

    def make_image(self):
        """Random bytes, so that no file system finds anything to leave out; then into the cache."""
        with open(self.image, 'wb') as file:
            for _ in range(self.options.image_mib):
                file.write(os.urandom(1 << 20))
        with open(self.image, 'rb') as file:
            while file.read(1 << 20):
                pass

    def serve(self, name, command):
        """Starts a back end; the socket's path replaces SOCKET. None where it does not start."""
        path = os.path.join(self.folder, 'socket%d' % len(self.servers))
        command = [word.replace('SOCKET', path) for word in command]
        try:
            server = Server(name, command, path)
        except (OSError, RuntimeError) as error:
            self.skipped.append('%s: %s' % (name, str(error).splitlines()[0]))
            return None
        self.servers.append(server)
        return server

    def serve_ours(self):
        return self.serve('virtring', [self.tool, 'serve', 'blk', '--socket', 'SOCKET', '--image',
                                       self.image])

    def serve_qsd(self, name, prefix, aio, direct, iothread):
        label = '%s %s%s%s' % (name, aio, ', O_DIRECT' if direct else '',
                               ', iothread' if iothread else '')
        return self.serve(label, prefix + qsd_arguments(self.image, 'SOCKET', aio, direct,
                                                        iothread))

    def ours(self, server, mask=''):
        return [self.tool, 'blk', 'bench', '--socket', server.path, '--json', '--depth',
                str(self.options.depth), '--block', str(self.options.block), '--seconds',
                str(self.options.seconds), '--mask=' + mask]

    def libblkio(self, server):
        return [self.blkio, server.path, 'bench', str(self.options.seconds),
                str(self.options.depth), str(self.options.block)]

    def daemons(self):
        """Each qemu-storage-daemon that can be had, with each way that may be its best."""
        found = [('qsd', [name]) for name in ['qemu-storage-daemon'] if shutil.which(name)]
        cache = os.environ.get('VIRTRING_CACHE') or os.path.join(
            os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'virtring')
        newer = os.path.join(cache, 'peers', 'qemu-11')
        if os.access(newer + '/run', os.X_OK) and os.path.exists(
                newer + '/root/usr/bin/qemu-storage-daemon'):
            found.append(('qsd 11', [newer + '/run', '/usr/bin/qemu-storage-daemon']))
        if not found:
            self.skipped.append('qemu-storage-daemon: not installed (qemu-system-common)')
        ways = [('io_uring', False, False), ('io_uring', False, True), ('threads', False, False),
                ('native', True, False)]
        for name, prefix in found:
            for aio, direct, iothread in ways:
                server = self.serve_qsd(name, prefix, aio, direct, iothread)
                if server:
                    yield server

    def measure(self, columns):
        for column in columns:
            column.sample()
            column.rates, column.client_us, column.server_us = [], [], []
        for number in range(self.options.rounds):
            for column in columns:
                column.sample()
            if sys.stderr.isatty():
                print('\rround %d of %d' % (number + 1, self.options.rounds), end='',
                      file=sys.stderr)
        if sys.stderr.isatty():
            print(file=sys.stderr)

    def back_ends(self):
        ours = self.serve_ours()
        columns = [Column('virtring serve blk', ours, self.ours(ours)),
                   Column('virtring serve blk, split ring', ours,
                          self.ours(ours, 'RING_PACKED,IN_ORDER'))]
        for server in self.daemons():
            columns.append(Column(server.name, server, self.ours(server)))
        self.measure(columns)
        return columns

    def clients(self, server):
        columns = [Column('virtring blk', server, self.ours(server)),
                   Column('virtring blk, split ring', server,
                          self.ours(server, 'RING_PACKED,IN_ORDER'))]
        if os.access(self.blkio, os.X_OK):
            columns.append(Column('libblkio', server, self.libblkio(server)))
        else:
            self.skipped.append('libblkio: ./dev peers libblkio says why')
        self.measure(columns)
        return columns


def print_rates(columns):
    print('%-32s %12s  %-18s %10s %10s' % ('back end', 'requests/s', 'quartiles', 'its CPU',
                                           'client CPU'))
    for c in columns:
        print('%-32s %12.0f  %-18s %7.2f us %7.2f us' %
              (c.name, median(c.rates), quartiles(c.rates, '%.0f'), median(c.server_us),
               median(c.client_us)))
    others = columns[2:]
    if not others:
        return
    best = max(others, key=lambda c: median(c.rates))
    for c in columns[:2]:
        by_round = [a / b for a, b in zip(c.rates, best.rates)]
        print('%s / %s: %.2f (of the medians), %.2f (median of the rounds, quartiles %s)' %
              (c.name, best.name, median(c.rates) / median(best.rates), median(by_round),
               quartiles(by_round, '%.2f')))


def print_clients(columns):
    print('%-32s %12s  %12s  %-16s' % ('client', 'requests/s', 'its CPU', 'quartiles'))
    for c in columns:
        print('%-32s %12.0f  %9.3f us  %-16s' %
              (c.name, median(c.rates), median(c.client_us), quartiles(c.client_us, '%.3f')))
    if columns[-1].name != 'libblkio':
        return
    for c in columns[:-1]:
        by_round = [a / b for a, b in zip(c.client_us, columns[-1].client_us)]
        print('%s / libblkio, CPU time of a request: %.2f (of the medians), %.2f (median of the '
              'rounds)' % (c.name, median(c.client_us) / median(columns[-1].client_us),
                           median(by_round)))


def machine():
    """What was measured on, as far as it matters."""
    model = 'unknown CPU'
    with contextlib.suppress(OSError), open('/proc/cpuinfo', encoding='utf-8') as file:
        for line in file:
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    return '%s, %d CPUs, Linux %s, load %.1f' % (model, os.cpu_count(), platform.release(),
                                                 os.getloadavg()[0])


def parse():
    parser = argparse.ArgumentParser(prog='./dev bench-blk', description=(
        'Random reads of a file in the page cache over vhost-user: our back end and '
        'qemu-storage-daemon under the same client; then our client and libblkio on our back end.'))
    parser.add_argument('--rounds', type=int, default=9, help='samples of each (9)')
    parser.add_argument('--seconds', type=int, default=1, help='length of a sample (1)')
    parser.add_argument('--depth', type=int, default=32, help='requests in flight (32)')
    parser.add_argument('--block', type=int, default=4096, help='bytes of a request (4096)')
    parser.add_argument('--image-mib', type=int, default=256, help='size of the image (256)')
    parser.add_argument('--folder', default='/var/tmp', help='where the image is made (/var/tmp)')
    parser.add_argument('--json', help='file for all samples')
    return parser.parse_args()


def run(options, folder):
    bench = Bench(options, folder)
    try:
        bench.make_image()
        print('%d-byte random reads, %d in flight, %d MiB in the page cache; %d rounds of %d s\n%s\n'
              % (options.block, options.depth, options.image_mib, options.rounds, options.seconds,
                 machine()))
        rates = bench.back_ends()
        print_rates(rates)
        print()
        clients = bench.clients(rates[0].server)
        print_clients(clients)
        for line in bench.skipped:
            print('skipped: ' + line)
    finally:
        for server in bench.servers:
            server.stop()
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as file:
            json.dump({'machine': machine(), 'options': vars(options),
                       'back_ends': [c.figures() for c in rates],
                       'clients': [c.figures() for c in clients]}, file, indent=1)


def main():
    options = parse()
    if options.rounds < 1 or options.seconds < 1:
        sys.exit('./dev bench-blk: --rounds and --seconds begin at 1')
    with tempfile.TemporaryDirectory(prefix='virtring-blk.', dir=options.folder) as folder:
        run(options, folder)


main()
