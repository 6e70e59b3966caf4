// SPDX-License-Identifier: BSD-3-Clause
/* Requests that set up a ring. */
#include <unistd.h>

#include "play_inner.h"

#define NO_FD 0x100u

static bool ok(struct play *play, enum seen which, bool good, const char *what, uint32_t index,
	       uint64_t value)
{
	return ledger_judge(play->ledger, which, good, "%s of ring %u: 0x%llx", what, index,
			    (unsigned long long)value);
}

/* The ring that a message is about, or NULL. */
static struct play_ring *ring_of(struct play *play, struct play_message *m, uint32_t index)
{
	bool good = ok(play, SEEN_PAY_2, index < 256, "a message", index, m->request);

	play->vring_seen = true;
	good &= ok(play, SEEN_RING_16, index < play->queues * (play->type == PLAY_NET ? 2 : 1),
		   "more rings than are offered; a message", index, m->request);
	return good && index < PLAY_RINGS ? &play->rings[index] : NULL;
}

static bool set_num(struct play *play, struct play_ring *ring, uint32_t num)
{
	bool packed = play->features & F_PACKED;
	bool good = num >= 1 && num <= 32768 && (packed || !(num & (num - 1)));

	good &= !ring->started;
	if (!ok(play, SEEN_MSG_8, good, ring->started ? "size while it runs" : "size", ring->index,
		num))
		return false;
	ring->size = num;
	return true;
}

static bool set_base(struct play *play, struct play_ring *ring, uint32_t base)
{
	bool good = ok(play, SEEN_MSG_10, !ring->started, "base while it runs", ring->index, base);

	if (play->features & F_PACKED) {
		uint32_t avail = base & 0x7fff;
		uint32_t used = base >> 16 & 0x7fff;

		if (ring->size)
			good &= ok(play, SEEN_BASE_4, avail < ring->size && used < ring->size,
				   "base", ring->index, base);
		if (avail == 0 && used == 0 && !ring->taken)
			(void)ok(play, SEEN_BASE_3,
				 base == 0x80008000 || base == 0x8000 || play->inflight >= 0,
				 "base", ring->index, base);
	} else {
		good &= ok(play, SEEN_BASE_1, base <= 0xffff, "base", ring->index, base);
	}
	ring->base = base;
	ring->has_base = true;
	return good;
}

/* Where the areas are, and whether that can be. */
static bool place(struct play *play, struct play_ring *ring)
{
	bool packed = play->features & F_PACKED;
	uint64_t n = ring->size;
	uint64_t bytes[3] = { 16 * n, packed ? 4 : 6 + 2 * n, packed ? 4 : 6 + 8 * n };
	static const uint32_t aligns[2][3] = { { 16, 2, 4 }, { 16, 4, 4 } };
	uint8_t *at[3];

	for (int i = 0; i < 3; i++) {
		at[i] = play_user(play, ring->addrs[i], bytes[i]);
		(void)ok(play, packed ? SEEN_P_DRV_1 : SEEN_S_DRV_1,
			 !(ring->addrs[i] & (aligns[packed][i] - 1)), "an area", ring->index,
			 ring->addrs[i]);
		if (!ok(play, SEEN_MSG_9, at[i] && !(ring->addrs[i] & (aligns[packed][i] - 1)),
			"an area outside the memory, or misaligned,", ring->index, ring->addrs[i]))
			return false;
	}
	ring->descriptors = at[0];
	ring->driver = at[1];
	ring->device = at[2];
	return true;
}

static bool set_addr(struct play *play, struct play_ring *ring, const uint8_t *wire)
{
	uint32_t flags = get32(wire + 4);

	(void)ok(play, SEEN_PAY_3, flags <= 1, "address flags", ring->index, flags);
	/* On the wire: descriptors, used, available. */
	ring->addrs[0] = get64(wire + 8);
	ring->addrs[2] = get64(wire + 16);
	ring->addrs[1] = get64(wire + 24);
	ring->has_addr = true;
	return !ring->started || place(play, ring);
}

static bool set_enable(struct play *play, struct play_ring *ring, uint32_t num)
{
	/* QEMU sends it before SET_FEATURES, DPDK without bit 30: what it says is clear all the same. */
	(void)ok(play, SEEN_MSG_18, num <= 1 && play->features & F_PROTOCOL, "enable", ring->index,
		 num);
	ring->enabled = num == 1;
	return num <= 1;
}

static void replace(int *fd, struct play_message *m)
{
	if (*fd >= 0)
		close(*fd);
	*fd = m->fd_count ? m->fds[0] : -1;
	if (m->fd_count)
		m->fds[0] = -1;
}

static bool start(struct play *play, struct play_ring *ring)
{
	bool before = play->has_features && play->mem_set;

	(void)ok(play, SEEN_RING_14, before, "a start before features and memory", ring->index, 0);
	if (!ok(play, SEEN_RING_12, ring->size && ring->has_addr,
		"a start without size or addresses", ring->index, ring->size))
		return false;
	return play_ring_start(play, ring);
}

static bool set_fd(struct play *play, struct play_ring *ring, struct play_message *m)
{
	bool none = get64(m->payload) & NO_FD;

	if (!ok(play, SEEN_FD_2, none == (m->fd_count == 0) && !(get64(m->payload) & ~0x1ffull),
		"bit 8, descriptors:", ring->index, get64(m->payload) << 8 | m->fd_count))
		return false;
	if (m->request == 13) {
		replace(&ring->call, m);
		return true;
	}
	if (m->request == 14) {
		replace(&ring->err, m);
		return true;
	}
	replace(&ring->kick, m);
	return ring->started || start(play, ring);
}

void play_setup_ring(struct play *play, struct play_message *m)
{
	struct play_ring *ring = ring_of(play, m, get32(m->payload) & 0xff);
	uint32_t num = get32(m->payload + 4);
	bool done = false;

	if (!ring) {
		play_acknowledge(play, m, false);
		return;
	}
	switch (m->request) {
	case 8:
		done = set_num(play, ring, num);
		break;
	case 9:
		done = set_addr(play, ring, m->payload);
		break;
	case 10:
		done = set_base(play, ring, num);
		break;
	case 18:
		done = set_enable(play, ring, num);
		break;
	default:
		done = set_fd(play, ring, m);
		break;
	}
	play_acknowledge(play, m, done);
}

bool play_ring_start(struct play *play, struct play_ring *ring)
{
	if (!place(play, ring))
		return false;
	if (ring->started)
		return true;
	return play_ring_begin(play, ring);
}
