#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A Linux guest's driver on `virtring serve net`: pktgen sends, native XDP drops what arrives.

One guest of QEMU (emulated processor) has two cards for each ring form, and measures them in turns.
"""
import argparse
import glob
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FORMS = [('split', False), ('split', True), ('packed', False), ('packed', True)]
BOOT_SECONDS = 400
MODULES = 'virtio_pci? virtio_net pktgen'
MEMORY = 'memory-backend-memfd,id=memory,size=384M,share=on'
COMMAND_LINE = 'console=ttyS0 quiet panic=-1 mitigations=off no_timer_check'


class Card:
    """A back end and the guest's device: @way TX is for sending, RX for receiving, of form @number."""

    def __init__(self, way, number, folder, options):
        layout, in_order = FORMS[number]
        self.name = '%s%d' % (way, number)
        self.path = os.path.join(folder, self.name)
        self.log = self.path + '.log'
        endpoint = ['--sink'] if way == 'TX' else ['--generate=60']
        with open(self.log, 'wb') as log:
            self.server = subprocess.Popen(
                [options.tool, 'serve', 'net', '--socket', self.path] + endpoint,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        switch = {False: 'off', True: 'on'}
        self.device = [
            '-chardev', 'socket,id=c%s,path=%s' % (self.name, self.path),
            '-netdev', 'vhost-user,id=n%s,chardev=c%s' % (self.name, self.name),
            '-device', 'virtio-net-pci,netdev=n%s,disable-legacy=on,romfile=,packed=%s,in_order=%s,'
            'mac=02:00:00:00:%02d:%02d,rx_queue_size=%d,tx_queue_size=%d' %
            (self.name, switch[layout == 'packed'], switch[in_order], 1 if way == 'TX' else 2,
             number, options.queue_size, options.queue_size)]

    def negotiated(self):
        with open(self.log, encoding='utf-8') as log:
            lines = re.findall(r'^front end: (.*)$', log.read(), re.M)
        return lines[-1] if lines else 'nothing'

    def wait(self):
        """Until it listens."""
        deadline = time.monotonic() + 10
        while not os.path.exists(self.path):
            if self.server.poll() is not None or time.monotonic() > deadline:
                with open(self.log, encoding='utf-8') as log:
                    raise SystemExit('no back end: ' + log.read())
            time.sleep(0.02)

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait()


def peer(name):
    cache = os.environ.get('VIRTRING_CACHE') or os.path.join(
        os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'virtring')
    return os.path.join(cache, 'peers', name)


def initrd(folder, options):
    """What the guest boots into; its path."""
    path = os.path.join(folder, 'initrd')
    kernel = glob.glob(peer('linux-7') + '/root/usr/lib/modules/*')[-1]
    done = subprocess.run(
        ['sh', os.path.join(ROOT, 'test/interop/initrd.sh'), path,
         os.path.join(ROOT, 'bench/guest_net.sh'), kernel, MODULES, options.xdp_drop],
        capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return path, os.path.join(kernel, 'vmlinuz')


def emulator(folder, cards, options):
    ramdisk, kernel = initrd(folder, options)
    return ([peer(options.emulator) + '/run', '/usr/bin/qemu-system-x86_64',
             '-M', 'q35,memory-backend=memory', '-accel', 'tcg,thread=multi', '-m', '384',
             '-object', MEMORY, '-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio',
             '-kernel', kernel, '-initrd', ramdisk, '-append',
             '%s rounds=%d seconds=%d' % (COMMAND_LINE, options.rounds, options.seconds)] +
            [word for card in cards for word in card.device])


def follow(guest, options):
    """The figures that the guest prints: {(way, form): [packets per second]}."""
    figures = {}
    ended = False
    for line in guest.stdout:
        line = line.strip()
        found = re.match(r'RESULT (TX|RX) ([0-3]) (\d+)$', line)
        if found:
            figures.setdefault((found.group(1), int(found.group(2))), []).append(int(found.group(3)))
        elif line.startswith('GUEST kernel'):
            print('guest: Linux %s on %s' % (line.split()[-1], options.emulator), flush=True)
        elif line.startswith('GUEST round'):
            print('round %s of %d' % (line.split()[-1], options.rounds), flush=True)
        elif line == 'GUEST end':
            ended = True
        elif line.startswith('RESULT'):
            print('no figure: ' + line, file=sys.stderr)
    if not ended or len(figures) != 2 * len(FORMS):
        raise SystemExit('the guest did not get to the end')
    return figures


def spread(values):
    return '%.1f-%.1f' % (min(values) / 1000, max(values) / 1000)


def table(figures, cards):
    print('\nnegotiated, in the order of the columns below:')
    for card in cards:
        print('  %s %-6s in_order %-3s  %s' % (
            card.name[:2], FORMS[int(card.name[2])][0],
            'on' if FORMS[int(card.name[2])][1] else 'off', card.negotiated()))
    print('\n%-10s %14s %14s %8s   %s' % ('kpps', 'in_order off', 'in_order on', 'gain',
                                          'spread off; on'))
    for way in ('TX', 'RX'):
        for layout, off in (('split', 0), ('packed', 2)):
            before, after = figures[way, off], figures[way, off + 1]
            medians = statistics.median(before), statistics.median(after)
            gain = '%+.1f %%' % ((medians[1] / medians[0] - 1) * 100) if medians[0] else '-'
            print('%-10s %14.1f %14.1f %8s   %s; %s' % (
                way + ' ' + layout, medians[0] / 1000, medians[1] / 1000, gain, spread(before),
                spread(after)))
    print('\nMedians, in thousand packets of 60 bytes per second. The guest\'s processor is emulated: '
          'only\nthe ratios mean something, and where the spread is wider than the gain not even they.')


def check(cards):
    """A driver that takes fewer bits than its device has would be measured as something else."""
    for card in cards:
        layout, in_order = FORMS[int(card.name[2])]
        words = card.negotiated().split()
        if ('RING_PACKED' in words) != (layout == 'packed') or ('IN_ORDER' in words) != in_order:
            raise SystemExit('%s: negotiated %s' % (card.name, card.negotiated()))


def main():
    parser = argparse.ArgumentParser(prog='./dev bench-guest', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=5, help='turns of all forms (5)')
    parser.add_argument('--seconds', type=int, default=2, help='for each figure (2)')
    parser.add_argument('--queue-size', type=int, default=256, help='of all queues (256)')
    parser.add_argument('--emulator', choices=['qemu-10', 'qemu-11'], default='qemu-10')
    parser.add_argument('--tool', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--xdp-drop', required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds < 1:
        parser.error('rounds and seconds are at least 1')
    with tempfile.TemporaryDirectory() as folder:
        cards, guest = [], None
        try:
            for way in ('TX', 'RX'):
                cards += [Card(way, number, folder, options) for number in range(len(FORMS))]
            for card in cards:
                card.wait()
            guest = subprocess.Popen(emulator(folder, cards, options), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     errors='replace', start_new_session=True)
            signal.signal(signal.SIGALRM, lambda *_: os.killpg(guest.pid, signal.SIGKILL))
            signal.alarm(BOOT_SECONDS + options.rounds * 8 * (options.seconds + 10))
            figures = follow(guest, options)
            check(cards)
            table(figures, cards)
        finally:
            if guest and guest.poll() is None:
                os.killpg(guest.pid, signal.SIGKILL)
            for card in cards:
                card.stop()


if __name__ == '__main__':
    main()
