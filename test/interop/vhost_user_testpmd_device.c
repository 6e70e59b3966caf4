// SPDX-License-Identifier: BSD-3-Clause
/*
 * Our front end and driver against testpmd's vhost device (net_vhost): what it offers, and in each
 * form of the ring, with one and with two queue pairs: start, packets, stop, start again where it
 * stopped, packets, stop.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/driver.h>
#include <virtring/vhost_user.h>

#include "testpmd.h"

#define TIMEOUT 5000
#define QUEUE 64u
#define PACKETS 500u
#define PACKET (12u + 64u)
#define PAIRS_MAX 2u
#define F_NET_MQ (1ull << 22)

static struct program testpmd;
static char path[128];
static uint32_t pairs;

/**
 * struct link - a session; rings are receive and transmit in turn, a pair a queue
 * @f: front end
 * @offer: what testpmd offered
 * @shm: memory
 * @region: the same for the wire
 * @vrings: the rings
 * @tx: driver half of the second; the first only has to be there
 * @driver: their driver halves; receiving only has to be there
 * @state: memory of those
 * @features: accepted
 * @packet: device address of the packet
 */
struct link {
	struct vr_vu_frontend *f;
	struct vr_vu_offer offer;
	struct vr_shm *shm;
	struct vr_mem_region region;
	struct vr_vu_vring vrings[2 * PAIRS_MAX];
	struct vr_driver *driver[2 * PAIRS_MAX];
	void *state[2 * PAIRS_MAX];
	uint64_t features;
	uint64_t packet;
};

static void place(const struct link *link, struct vr_ring_area *area, enum vr_area which)
{
	area->host = vr_shm_alloc(link->shm, vr_ring_bytes(link->features, QUEUE, which), 64);
	assert_non_null(area->host);
	area->addr = vr_shm_addr(link->shm, area->host);
}

static void make_ring(struct link *link, uint32_t index)
{
	struct vr_vu_vring *vring = &link->vrings[index];
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = link->features,
		.queue_size = QUEUE,
	};
	size_t size;

	*vring = (struct vr_vu_vring){
		.index = index,
		.size = QUEUE,
		.enabled = true,
		.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.err_fd = -1,
	};
	vring->base = link->features & VR_F_RING_PACKED ? VR_VU_BASE_FRESH_PACKED :
							  VR_VU_BASE_FRESH_SPLIT;
	place(link, &vring->ring.descriptors, VR_AREA_DESCRIPTORS);
	place(link, &vring->ring.driver, VR_AREA_DRIVER);
	place(link, &vring->ring.device, VR_AREA_DEVICE);
	config.ring = vring->ring;
	size = (vr_driver_size(&config) + 63) / 64 * 64;
	link->state[index] = aligned_alloc(64, size);
	assert_int_equal(vr_driver_init(link->state[index], size, &config, &link->driver[index]),
			 0);
}

static void open_link(struct link *link, uint64_t form)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = path,
		.rings_per_queue = 2,
	};
	const struct vr_shm_config shm = {
		.struct_size = sizeof(shm),
		.size = 1 << 20,
		.guest_addr = 0x100000,
	};
	unsigned char *packet;
	uint32_t i;

	memset(link, 0, sizeof(*link));
	link->features = form | VR_F_VERSION_1;
	/* Without it testpmd has one pair, whatever else is said. */
	if (pairs > 1)
		link->features |= F_NET_MQ;
	assert_int_equal(vr_vu_frontend_create(&config, &link->f), 0);
	if (vr_vu_frontend_connect(link->f, TIMEOUT) ||
	    vr_vu_frontend_negotiate(link->f, link->features, link->features, &link->offer,
				     TIMEOUT))
		fail_msg("%s", vr_vu_frontend_error(link->f));
	assert_int_equal(vr_shm_create(&shm, &link->shm), 0);
	vr_shm_region(link->shm, &link->region);
	for (i = 0; i < 2 * pairs; i++)
		make_ring(link, i);
	packet = vr_shm_alloc(link->shm, PACKET, 64);
	memset(packet + 12, 0xff, 6);
	link->packet = vr_shm_addr(link->shm, packet);
}

static void close_link(struct link *link)
{
	uint32_t i;

	for (i = 0; i < 2 * pairs; i++) {
		close(link->vrings[i].kick_fd);
		close(link->vrings[i].call_fd);
		free(link->state[i]);
	}
	vr_vu_frontend_destroy(link->f);
	vr_shm_destroy(link->shm);
}

static void start_link(struct link *link)
{
	if (vr_vu_frontend_start(link->f, link->offer.accepted, &link->region, 1, link->vrings,
				 2 * pairs, TIMEOUT))
		fail_msg("%s", vr_vu_frontend_error(link->f));
}

static void stop_link(struct link *link)
{
	uint32_t i;

	if (vr_vu_frontend_stop(link->f, link->vrings, 2 * pairs, TIMEOUT))
		fail_msg("%s", vr_vu_frontend_error(link->f));
	/* All was used, so both sides are at the same place. */
	for (i = 0; i < 2 * pairs; i++)
		assert_int_equal(link->vrings[i].base, vr_driver_base(link->driver[i]));
}

/* Sends packets; all of them come back used. */
static void send_packets(struct link *link, uint32_t ring, unsigned int count)
{
	const struct vr_segment segment = { .addr = link->packet, .len = PACKET };
	const struct vr_buffer buffer = { .segments = &segment, .readable = 1 };
	struct vr_driver *tx = link->driver[ring];
	const time_t deadline = time(NULL) + 60;
	unsigned int sent = 0, back = 0;
	struct vr_used used;
	int ret;

	while (back < count) {
		while (sent < count && vr_driver_add(tx, &buffer, 1) == 1)
			sent++;
		if (vr_driver_publish_and_verdict(tx) == 1)
			vr_vu_notify(link->vrings[ring].kick_fd);
		ret = vr_driver_get(tx, &used, 1);
		assert_true(ret >= 0);
		back += (unsigned int)ret;
		if (!ret && time(NULL) > deadline)
			fail_msg("%u of %u packets came back", back, count);
	}
	assert_int_equal(vr_driver_outstanding(tx), 0);
}

static void probe(void **state)
{
	const uint64_t forms = VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_EVENT_IDX |
			       VR_F_INDIRECT_DESC | VR_F_VERSION_1;
	const uint64_t protocol = VR_VU_PF_MQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_STATUS;
	struct link link;

	(void)state;
	open_link(&link, 0);
	print_message("offers 0x%llx, protocol 0x%llx, %llu queue pairs\n",
		      (unsigned long long)link.offer.features,
		      (unsigned long long)link.offer.protocol_features,
		      (unsigned long long)link.offer.queue_num);
	assert_int_equal(link.offer.features & forms, forms);
	assert_int_equal(link.offer.protocol_features & protocol, protocol);
	close_link(&link);
}

static void sends_stops_and_goes_on(uint64_t form)
{
	unsigned long before, after;
	struct link link;
	uint32_t pair;
	int i;

	before = testpmd_counter(&testpmd, "RX-packets:");
	open_link(&link, form);
	for (i = 0; i < 3; i++) {
		start_link(&link);
		for (pair = 0; pair < pairs; pair++)
			send_packets(&link, 2 * pair + 1, PACKETS + (unsigned int)i);
		stop_link(&link);
	}
	close_link(&link);
	after = testpmd_counter(&testpmd, "RX-packets:");
	assert_int_equal(after - before, pairs * (3 * PACKETS + 3));
}

static void split(void **state)
{
	(void)state;
	sends_stops_and_goes_on(0);
}

static void split_in_order(void **state)
{
	(void)state;
	sends_stops_and_goes_on(VR_F_IN_ORDER);
}

static void packed(void **state)
{
	(void)state;
	sends_stops_and_goes_on(VR_F_RING_PACKED);
}

static void packed_in_order(void **state)
{
	(void)state;
	sends_stops_and_goes_on(VR_F_RING_PACKED | VR_F_IN_ORDER);
}

static int start_testpmd(void **state)
{
	char vdev[200], command[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/vhost%u", test_folder(), pairs);
	snprintf(vdev, sizeof(vdev), "net_vhost0,iface=%s,queues=%u", path, pairs);
	testpmd_start(&testpmd, vdev, true);
	testpmd_do(&testpmd, "port stop 0");
	snprintf(command, sizeof(command), "port config all rxq %u", pairs);
	testpmd_do(&testpmd, command);
	snprintf(command, sizeof(command), "port config all txq %u", pairs);
	testpmd_do(&testpmd, command);
	testpmd_do(&testpmd, "port start 0");
	testpmd_do(&testpmd, "set fwd rxonly");
	testpmd_do(&testpmd, "start");
	return 0;
}

static int stop_testpmd(void **state)
{
	(void)state;
	testpmd_stop(&testpmd);
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe),	   cmocka_unit_test(split),
		cmocka_unit_test(split_in_order),  cmocka_unit_test(packed),
		cmocka_unit_test(packed_in_order),
	};
	int failed = 0;

	need_program("dpdk-testpmd");
	for (pairs = 1; pairs <= PAIRS_MAX; pairs++)
		failed += cmocka_run_group_tests(tests, start_testpmd, stop_testpmd);
	if (failed)
		printf("testpmd printed:\n%s\n", testpmd.text);
	return failed;
}
