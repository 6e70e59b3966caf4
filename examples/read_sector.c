// SPDX-License-Identifier: BSD-3-Clause
/*
 * A whole vhost-user front end: writes a sector of a block device (virtio 5.2) to standard output.
 * doc/front-end.md goes through it. `virtring serve blk --socket S --image F` is such a device.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include <virtring/blk.h>
#include <virtring/memory.h>
#include <virtring/vhost_user.h>

#define SIZE 16u /* descriptors */
#define MS 5000 /* for each message, and for the answer */
#define WANTED (VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_EVENT_IDX)

static struct vr_vu_frontend *frontend;
static struct vr_shm *shm;
static _Alignas(64) unsigned char ring_state[65536], blk_state[65536];

/* Every failure ends the program; the library has the words for those of the session. */
static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s failed: %s\n", what, frontend ? vr_vu_frontend_error(frontend) : "");
	exit(EXIT_FAILURE);
}

/* A piece of the memory that the device sees. */
static struct vr_ring_area area(size_t bytes)
{
	void *host = vr_shm_alloc(shm, bytes, 64);

	return (struct vr_ring_area){ .host = host, .addr = vr_shm_addr(shm, host) };
}

int main(int argc, char **argv)
{
	struct vr_vu_frontend_config config = { .struct_size = sizeof(config), .path = argv[1] };
	struct vr_shm_config memory = { sizeof(memory), .size = 65536, .guest_addr = 1ull << 32 };
	struct vr_driver_config queue = { .struct_size = sizeof(queue), .queue_size = SIZE };
	struct vr_blk_driver_config blk = { .struct_size = sizeof(blk), .requests = 1 };
	struct vr_vu_vring vring = { .size = SIZE, .enabled = true, .err_fd = -1 };
	struct vr_blk_command command = { .type = VR_BLK_T_IN, .segment_count = 1 };
	uint8_t wire[VR_BLK_SPACE_BYTES] = { 0 };
	struct vr_blk_driver *driver;
	struct vr_blk_result result;
	struct vr_mem_region region;
	struct vr_blk_space space;
	struct vr_ring_area data;
	struct vr_vu_offer offer;

	check(argc == 3, "read_sector SOCKET SECTOR");
	check(!vr_vu_frontend_create(&config, &frontend), "creating");
	check(!vr_vu_frontend_connect(frontend, MS), "connecting");
	check(!vr_vu_frontend_negotiate(frontend, WANTED, VR_F_VERSION_1, &offer, MS), "offer");
	queue.features = blk.features = offer.accepted & WANTED;
	check(!vr_vu_frontend_get_config(frontend, 0, wire, 8, MS), "configuration");
	vr_blk_space_decode(&space, blk.features, wire);

	/* Shared memory: three areas of the ring, a slot for the request, and its data. */
	check(!vr_shm_create(&memory, &shm), "memory");
	queue.ring.descriptors = area(vr_ring_bytes(queue.features, SIZE, VR_AREA_DESCRIPTORS));
	queue.ring.driver = area(vr_ring_bytes(queue.features, SIZE, VR_AREA_DRIVER));
	queue.ring.device = area(vr_ring_bytes(queue.features, SIZE, VR_AREA_DEVICE));
	blk.slots = area(VR_BLK_SLOT_BYTES);
	data = area(VR_BLK_SECTOR);

	/* Private memory: the driver's half of the ring, and what speaks virtio-blk on it. */
	check(!vr_driver_init(ring_state, sizeof(ring_state), &queue, &blk.queue), "queue");
	blk.space = &space;
	check(!vr_blk_driver_init(blk_state, sizeof(blk_state), &blk, &driver), "driver");

	vring.ring = queue.ring;
	vring.base = vr_driver_base(blk.queue);
	vring.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vring.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vr_shm_region(shm, &region);
	check(!vr_vu_frontend_start(frontend, offer.accepted, &region, 1, &vring, 1, MS), "start");

	command.sector = strtoull(argv[2], NULL, 0);
	command.segments = &(struct vr_segment){ .addr = data.addr, .len = VR_BLK_SECTOR };
	check(vr_blk_driver_add(driver, &command, 1) == 1, "the request (is the sector there?)");
	if (vr_driver_publish_and_verdict(blk.queue) == 1)
		vr_vu_notify(vring.kick_fd);
	while (vr_blk_driver_get(driver, &result, 1) == 0) {
		/* Asked for a call first, then asleep: what comes in between is not missed. */
		if (!vr_driver_arm(blk.queue, NULL))
			check(poll(&(struct pollfd){ vring.call_fd, POLLIN, 0 }, 1, MS), "answer");
		vr_vu_drain(vring.call_fd);
	}
	check(result.status == VR_BLK_S_OK && fwrite(data.host, 512, 1, stdout) == 1, "reading");
	check(!vr_vu_frontend_stop(frontend, &vring, 1, MS), "stopping");
	vr_vu_frontend_destroy(frontend);
	vr_shm_destroy(shm);
}
