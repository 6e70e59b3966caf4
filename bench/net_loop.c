// SPDX-License-Identifier: BSD-3-Clause
/*
 * Both halves of a network card in one thread, for callgrind: bursts of packets go from one half to the
 * other, a given number of times. It measures nothing itself; test/groups/count.sh counts its
 * instructions.
 */
#include "nic.h"
#include "ring_cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST 32
#define QUEUE_SIZE 256
#define PACKET 64

/* Packets to send: slots of the driver's, written once. Returns the number that made it. */
static int turn_tx(struct nic *nic)
{
	struct vr_net_packet packets[BURST];
	struct vr_net_slot slots[BURST];
	int count = vr_net_driver_tx_reserve(nic->driver_tx, slots, BURST);

	for (int i = 0; i < count; i++)
		slots[i].len = PACKET;
	if (count > 0)
		count = vr_net_driver_tx_send(nic->driver_tx, slots, (unsigned int)count);
	if (count > 0)
		count = vr_net_device_tx_burst(nic->device_tx, packets, BURST);
	if (count > 0 && vr_net_device_tx_release(nic->device_tx, NULL) < 0)
		return -1;
	return count;
}

static int turn_rx(struct nic *nic)
{
	static uint8_t bytes[PACKET];
	struct vr_iovec piece = { bytes, PACKET };
	struct vr_net_packet packets[BURST];
	int count;

	memset(packets, 0, sizeof(packets));
	for (unsigned int i = 0; i < BURST; i++) {
		packets[i].pieces = &piece;
		packets[i].piece_count = 1;
		packets[i].len = PACKET;
	}
	count = vr_net_device_rx_deliver(nic->device_rx, packets, BURST, NULL);
	if (count > 0)
		count = vr_net_driver_rx_burst(nic->driver_rx, packets, BURST);
	if (count > 0 && vr_net_driver_rx_release(nic->driver_rx, (unsigned int)count) < 0)
		return -1;
	return count;
}

int main(int argc, char **argv)
{
	struct ring_cell cell = { .form = 0 };
	struct nic_config config = { .size = QUEUE_SIZE, .burst = BURST, .packet = PACKET };
	struct nic nic = { 0 };
	long turns, i;
	bool tx;

	if (argc != 4) {
		fprintf(stderr, "usage: bench-net_loop FORM tx|rx TURNS\n");
		return 2;
	}
	while (cell.form < RING_FORMS && strcmp(argv[1], ring_form_names[cell.form]) != 0)
		cell.form++;
	tx = strcmp(argv[2], "tx") == 0;
	turns = strtol(argv[3], NULL, 10);
	if (cell.form < RING_FORMS)
		config.features = ring_cell_features(&cell) | VR_F_VERSION_1;
	if (cell.form == RING_FORMS || nic_open(&nic, &config)) {
		fprintf(stderr, "bench-net_loop: cannot set up a card of form '%s'\n", argv[1]);
		return 2;
	}
	for (i = 0; i < turns; i++) {
		if ((tx ? turn_tx(&nic) : turn_rx(&nic)) != BURST) {
			fprintf(stderr, "bench-net_loop: turn %ld lost packets\n", i);
			nic_close(&nic);
			return 1;
		}
	}
	printf("%ld packets\n", turns * BURST);
	nic_close(&nic);
	return 0;
}
