#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev check-peers: `virtring check` over other projects' back ends and front ends.

Each line of the table is one peer, started here, and one run of `virtring check`; the report of each
run is left in a folder. What a machine does not have is a line too, with the reason. The verdicts are
about the others, so the exit status does not depend on them: doc/conformance.md explains each.
"""
import argparse
import contextlib
import fnmatch
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOL = os.path.join(TREE, 'build/main/tool/virtring')
INTEROP = os.path.join(TREE, 'test/interop')
VERDICTS = ('PASS', 'FAIL', 'SKIP', 'LOST')
# DPDK's processes keep files by a name, which another one may not have until they are gone.
PREFIX = 'virtring-check-%d-' % os.getpid()
UNIQUE = '@unique@'
HOSTILE_ONLY = 'hostile checks'
UNANSWERED = 'has not answered any more since'
FORMS = {'split': (0, 0), 'packed': (1, 0), 'split-in-order': (0, 1), 'packed-in-order': (1, 1)}


class Missing(Exception):
    """A peer that this machine does not have."""


# ---- where programs are ----

def cache():
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return (os.environ.get('VIRTRING_CACHE') or os.path.join(base, 'virtring')) + '/peers'


def peer(name):
    """The folder of a peer of ./dev peers."""
    folder = os.path.join(cache(), name)
    if not os.access(folder + '/run', os.X_OK):
        why = './dev peers %s fetches it' % name
        if os.path.exists(folder + '.why'):
            with open(folder + '.why', encoding='utf-8') as file:
                why = file.read().strip()
        raise Missing('there is no %s: %s' % (name, why))
    return folder


def program(name, path):
    """The words that run a program: of a peer, or this machine's if the name is empty."""
    if name:
        if not os.path.exists(peer(name) + '/root' + path):
            raise Missing('%s has no %s' % (name, path))
        return [peer(name) + '/run', path]
    if not os.access(path, os.X_OK):
        raise Missing('%s is not installed' % os.path.basename(path))
    return [path]


def peer_file(name, pattern):
    found = sorted(glob.glob(peer(name) + '/root' + pattern))
    if not found:
        raise Missing('%s has no %s' % (name, pattern))
    return found[-1]


# ---- a process that is started again when it dies ----

class Peer:
    """What is checked, or connects to be checked. Lines are typed once it listens."""

    def __init__(self, command, log, listens=None, lines=(), again=False):
        self.command, self.log = command, log
        self.listens, self.lines, self.again = listens, lines, again
        self.starts = 0
        self.over = threading.Event()
        self.process = None
        self.start()
        self.thread = threading.Thread(target=self.keep, daemon=True)
        self.thread.start()

    def start(self):
        if self.listens:
            for path in (self.listens, self.listens + '.repair'):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        self.starts += 1
        command = [word.replace(UNIQUE, '%d-%d' % (id(self), self.starts))
                   for word in self.command]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        end = time.monotonic() + 60
        while self.listens and not os.path.exists(self.listens):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Missing('it does not start here')
            time.sleep(0.02)
        with contextlib.suppress(BrokenPipeError):
            for line in self.lines:
                self.process.stdin.write(line.encode() + b'\n')
            self.process.stdin.flush()

    def keep(self):
        while not self.over.is_set():
            if self.again and self.process.poll() is not None:
                with contextlib.suppress(Missing):
                    self.start()
            time.sleep(0.05)

    def stop(self):
        self.over.set()
        self.thread.join()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        # Those that it started, too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


# ---- back ends ----

def image(folder):
    path = folder + '/image'
    with open(path, 'wb') as file:
        for number in range(1 << 18):
            file.write(number.to_bytes(4, 'little'))
    return path


def serve(device):
    def command(path, folder):
        words = ['--loop'] if device == 'net' else ['--image', image(folder)]
        return [TOOL, 'serve', device, '--socket', path] + words, ()
    return command


def testpmd(name, vdev, *more):
    return program(name, '/usr/bin/dpdk-testpmd') + [
        '--lcores', '(0,1)@0', '--no-pci', '--no-telemetry', '--no-huge', '-m', '256',
        '--file-prefix', PREFIX + UNIQUE, '--vdev', vdev,
        '--', '--total-num-mbufs=8192', '--nb-cores=1', *more]


def testpmd_back_end(name):
    def command(path, _folder):
        return testpmd(name, 'net_vhost0,iface=%s,queues=1' % path, '-i'), (
            'set fwd rxonly', 'start')
    return command


def storage_daemon(name):
    def command(path, folder):
        return program(name, '/usr/bin/qemu-storage-daemon') + [
            '--blockdev', 'driver=file,node-name=f,filename=%s' % image(folder),
            '--blockdev', 'driver=raw,node-name=d,file=f', '--export',
            'type=vhost-user-blk,id=e,node-name=d,addr.type=unix,addr.path=%s,writable=on' % path
        ], ()
    return command


def passt(path, _folder):
    # In a network namespace with nothing in it. It makes its socket as another user.
    return ['unshare', '--net'] + program('passt', '/usr/bin/passt') + [
        '--vhost-user', '-f', '-4', '-s', path], ()


def back_end(device, command, *arguments):
    def run(cell, folder, log):
        path = folder + '/socket'
        words, lines = command(path, folder)
        left = []
        # One that hangs is started again for what could not be checked any more.
        while cell.starts < 40:
            cell.starts += 1
            only = ['--clauses', ','.join(left)] if left else []
            other = Peer(words, log, path, lines, again=True)
            try:
                check(cell, ['back-end', '--socket', path, '--type', device, *arguments, *only], log)
            finally:
                other.stop()
            left = cell.unanswered()
            if not left:
                break
    run.device = device
    return run


# ---- front ends ----

def kernel_of(name):
    """The words that boot a kernel's file, and where its modules are."""
    if name == 'linux-6.1':
        return peer_file(name, '/boot/vmlinuz-*'), peer_file(name, '/lib/modules/*')
    return peer_file(name, '/usr/lib/modules/*/vmlinuz'), peer_file(name, '/usr/lib/modules/*')


def initrd(folder, modules, device):
    path = folder + '/initrd'
    wanted = 'virtio_pci? ' + ('virtio_blk' if device == 'blk' else 'virtio_net')
    if not shutil.which('busybox'):
        raise Missing('busybox is not installed')
    made = subprocess.run(['sh', INTEROP + '/initrd.sh', path, INTEROP + '/guest_busy.sh', modules,
                           wanted, ''], capture_output=True, text=True, check=False)
    if 'SHELL-OK' not in made.stdout:
        raise Missing('no initrd: ' + made.stdout.strip())
    return path


def qemu(emulator, kernel, device, options=''):
    def command(path, folder):
        words = program(emulator, '/usr/bin/qemu-system-x86_64')
        image_file, modules = kernel_of(kernel)
        if device == 'net':
            # QEMU 7.2 ends when such a card is started with MSI-X.
            card = ['-netdev', 'vhost-user,id=net,chardev=peer', '-device',
                    'virtio-net-pci,netdev=net,disable-legacy=on,romfile=%s%s' %
                    ('' if emulator else ',vectors=0', options)]
        else:
            card = ['-device', 'vhost-user-blk-pci,chardev=peer,disable-legacy=on,num-queues=1'
                    + options]
        return words + [
            '-M', 'q35,memory-backend=memory', '-accel', 'tcg,thread=multi', '-m', '256', '-object',
            'memory-backend-memfd,id=memory,size=256M,share=on', '-nodefaults', '-display', 'none',
            '-no-reboot', '-serial', 'stdio', '-chardev',
            'socket,id=peer,path=%s,%s' % (path, 'reconnect-ms=1000' if emulator else 'reconnect=1'),
            *card,
            '-kernel', image_file, '-initrd', initrd(folder, modules, device), '-append',
            'console=ttyS0 quiet panic=-1 mitigations=off no_timer_check']
    return command


def uml(name, device, seconds=0):
    def command(path, folder):
        modules = '/usr/lib/uml/modules/*'
        found = [peer_file(name, modules)] if name else sorted(glob.glob(modules))
        words = program(name, '/usr/bin/linux.uml')
        return words + [
            'mem=192M', 'initrd=' + initrd(folder, found[-1], device), 'con0=null,fd:1', 'con1=null',
            'con=null', 'quiet', 'panic=-1', 'virtio_uml.device=%s:%u' % (path, 2 - (device == 'net'))
        ] + (['busy_seconds=%d' % seconds] if seconds else [])
    return command


def virtio_user(name, form):
    """Sends what it receives, from a first burst on, and ends after some seconds."""
    def command(path, _folder):
        packed, in_order = FORMS[form]
        return ['timeout', '--foreground', '--preserve-status', '-s', 'INT', '4'] + testpmd(
            name, 'net_virtio_user0,path=%s,queues=1,queue_size=256,packed_vq=%u,in_order=%u' %
            (path, packed, in_order), '--auto-start', '--tx-first')
    return command


def qemu_img(path, _folder):
    return program('qemu-11', '/usr/bin/qemu-img') + [
        'bench', '-c', '20000', '-d', '16', '-s', '4096', '-t', 'none', '--image-opts',
        'driver=virtio-blk-vhost-user,path=%s,cache.direct=on' % path]


def blkio(path, _folder):
    tool = os.path.join(TREE, 'build/main/blkio')
    if not os.path.exists(tool):
        raise Missing('there is no libblkio')
    return [tool, path, 'bench', '2', '16', '4096']


def connects(device, command, *arguments):
    """One process, whose connection all is tried on."""
    def run(cell, folder, log):
        path = folder + '/socket'
        other = []

        def connect():
            end = time.monotonic() + 20
            while not os.path.exists(path) and time.monotonic() < end:
                time.sleep(0.05)
            other.append(Peer(words, log))

        words = command(path, folder)
        thread = threading.Thread(target=connect)
        thread.start()
        try:
            check(cell, ['front-end', '--socket', path, '--type', device, *arguments], log)
        finally:
            thread.join()
            other[0].stop()
    run.device = device
    return run


def is_run(device, command, *arguments):
    """A new process for each session."""
    def run(cell, folder, log):
        path = folder + '/socket'
        # Its input is one that never ends.
        os.mkfifo(folder + '/input')
        words = "'%s'" % "' '".join(command(path, folder))
        words = "exec %s <>%s/input" % (words.replace(UNIQUE, "'$$'"), folder)
        check(cell, ['front-end', '--socket', path, '--type', device, '--run', words, *arguments],
              log)
    run.device = device
    return run


# ---- the table ----

CELLS = {}


def cell_of(name, title, run):
    CELLS[name] = (title, run)


def back_end_cells(name, title, device, command, *arguments):
    cell_of('back-end/' + name, title, back_end(device, command, *arguments))
    cell_of('back-end/' + name + '/hostile', title + ', `--hostile`',
            back_end(device, command, '--hostile', *arguments))


def guest_cells(name, title, emulator, kernel, forms):
    for device in ('blk', 'net'):
        for form in forms:
            packed, in_order = FORMS[form]
            options = (',packed=on' if packed else '') + (',in_order=on' if in_order else '')
            cell_of('front-end/%s/%s/%s' % (name, device, form),
                    '%s, %s, %s' % (title, device, form.replace('-', ' ')),
                    connects(device, qemu(emulator, kernel, device, options), '--forms', form,
                             '--wait', '400'))


def all_cells():
    back_end_cells('serve-blk', '`virtring serve blk`', 'blk', serve('blk'), '--write')
    back_end_cells('serve-net', '`virtring serve net --loop`', 'net', serve('net'))
    for name, version in ('', '22.11'), ('dpdk-25', '25.11'):
        back_end_cells('testpmd-' + version, 'DPDK %s net_vhost, `rxonly`' % version, 'net',
                       testpmd_back_end(name))
    for name, version in ('', '7.2'), ('qsd-10', '10'), ('qemu-11', '11'):
        back_end_cells('storage-daemon-' + version, 'qemu-storage-daemon ' + version, 'blk',
                       storage_daemon(name), '--write')
    back_end_cells('passt', 'passt', 'net', passt)
    for name, version in ('', '22.11'), ('dpdk-25', '25.11'):
        for form in FORMS:
            cell_of('front-end/virtio-user-%s/%s' % (version, form),
                    'DPDK %s virtio-user, %s' % (version, form.replace('-', ' ')),
                    is_run('net', virtio_user(name, form), '--forms', form))
            cell_of('front-end/virtio-user-%s/%s/hostile' % (version, form),
                    'DPDK %s virtio-user, %s, `--hostile`' % (version, form.replace('-', ' ')),
                    is_run('net', virtio_user(name, form), '--forms', form, '--hostile'))
    cell_of('front-end/libblkio', 'libblkio 1.5', is_run('blk', blkio, '--forms', 'split'))
    cell_of('front-end/libblkio/hostile', 'libblkio 1.5, `--hostile`',
            is_run('blk', blkio, '--forms', 'split', '--hostile'))
    cell_of('front-end/qemu-img-11', 'libblkio in qemu-img 11', is_run('blk', qemu_img, '--forms',
                                                                      'split'))
    for name, version in ('', '6.1'), ('uml-6.12', '6.12'), ('uml-7', '7.2'):
        for device in ('blk', 'net'):
            cell_of('front-end/uml-%s/%s' % (version, device),
                    'User Mode Linux %s, %s' % (version, device), connects(device, uml(name, device)))
    cell_of('front-end/uml-7.2/blk/hostile', 'User Mode Linux 7.2, blk, packed in order, `--hostile`',
            is_run('blk', uml('uml-7', 'blk', 3), '--hostile', '--forms', 'packed-in-order',
                   '--clauses', HOSTILE_ONLY))
    guest_cells('qemu-7.2-linux-6.1', 'QEMU 7.2, Linux 6.1', '', 'linux-6.1', ('split', 'packed'))
    guest_cells('qemu-10-linux-7', 'QEMU 10, Linux 7.2', 'qemu-10', 'linux-7', FORMS)
    guest_cells('qemu-11-linux-7', 'QEMU 11, Linux 7.2', 'qemu-11', 'linux-7',
                ('split-in-order', 'packed-in-order'))


class Cell:
    """One line of the table."""

    def __init__(self, name, folder):
        self.name = name
        self.title, self.run = CELLS[name]
        self.base = os.path.join(folder, name.replace('/', '.'))
        self.report = self.base + '.json'
        self.missing = None
        self.starts = 0
        self.results = {}

    def measure(self):
        with tempfile.TemporaryDirectory(prefix='virtring-peer.') as folder:
            # passt is another user when it makes its socket.
            os.chmod(folder, 0o777)
            for old in self.report, self.base + '.txt':
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(old)
            with open(self.base + '.log', 'w', encoding='utf-8') as log:
                try:
                    self.run(self, folder, log)
                except Missing as why:
                    self.missing = str(why)
            for left in glob.glob('/run/dpdk/' + PREFIX + '*'):
                shutil.rmtree(left, ignore_errors=True)

    def add(self):
        """Takes the results of a run; those of a run before, that it repeats, are replaced."""
        with open(self.report, encoding='utf-8') as file:
            report = json.load(file)
        for result in report['results']:
            self.results[result['check'], result.get('form')] = result
        report['results'] = list(self.results.values())
        report['summary'] = {verdict: self.count(verdict) for verdict in VERDICTS}
        with open(self.report, 'w', encoding='utf-8') as file:
            json.dump(report, file, indent=1)

    def count(self, verdict):
        return sum(result['verdict'] == verdict for result in self.results.values())

    def unanswered(self):
        """The checks that a peer that hangs has spoilt."""
        return sorted({name for (name, _), result in self.results.items()
                       if UNANSWERED in result.get('seen', '')})

    def line(self):
        if self.missing or not self.results:
            return '| %s | | | | | skipped: %s |' % (self.title, self.missing or 'no report')
        failed = {}
        for result in self.results.values():
            if result['verdict'] in ('FAIL', 'LOST'):
                failed.setdefault(clause_of(result), set()).add(result['verdict'])
        words = ', '.join(clause + (' LOST' if failed[clause] == {'LOST'} else '')
                          for clause in sorted(failed))
        return '| %s | %s | %s |' % (
            self.title, ' | '.join(str(self.count(verdict)) for verdict in VERDICTS), words or '-')


def clause_of(result):
    """What was expected begins with the clause where a check is about several."""
    first = re.match('[A-Z]+-[A-Z0-9-]*[0-9]+', result.get('expected', ''))
    return first.group() if first else result['clauses'][0]


def hostile_names():
    """The checks of a front end that are hostile. A guest ends too late for those that are not."""
    text = subprocess.run([TOOL, 'check', 'front-end', '--list', '--hostile'], capture_output=True,
                          text=True, check=True).stdout
    return ','.join(line.split()[0] for line in text.splitlines() if line.endswith('(hostile)'))


def check(cell, arguments, log):
    arguments = [hostile_names() if word is HOSTILE_ONLY else word for word in arguments]
    words = [TOOL, 'check', *arguments, '--json=' + cell.report, '--verbose', '--quiet']
    with open(cell.base + '.txt', 'a', encoding='utf-8') as text:
        print('$', ' '.join(words), file=text, flush=True)
        done = subprocess.run(words, stdout=text, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              check=False)
    log.flush()
    if done.returncode == 2:
        with open(cell.base + '.txt', encoding='utf-8') as text:
            raise Missing(text.read().strip().splitlines()[-1])
    cell.add()


def chosen(patterns):
    for pattern in patterns:
        if not any(fnmatch.fnmatch(name, pattern) for name in CELLS):
            sys.exit('check-peers: nothing is called %s; see ./dev check-peers --list' % pattern)
    return [name for name in CELLS
            if not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]


def main():
    parser = argparse.ArgumentParser(prog='./dev check-peers')
    parser.add_argument('--list', action='store_true', help='name the peers')
    parser.add_argument('--folder', default=os.path.join(TREE, 'build/check-peers'))
    parser.add_argument('names', nargs='*', metavar='NAME', help="may be a pattern, 'front-end/*'")
    options = parser.parse_args()
    all_cells()
    names = chosen(options.names)
    if options.list:
        for name in names:
            print('%-50s %s' % (name, re.sub('`', '', CELLS[name][0])))
        return
    os.makedirs(options.folder, exist_ok=True)
    print('| peer | PASS | FAIL | SKIP | LOST | clauses |\n| --- | --- | --- | --- | --- | --- |')
    skipped = 0
    for name in names:
        cell = Cell(name, options.folder)
        cell.measure()
        skipped += not cell.results
        print(cell.line(), flush=True)
    print('%d peers checked, %d skipped; reports are in %s' %
          (len(names) - skipped, skipped, options.folder))


main()
