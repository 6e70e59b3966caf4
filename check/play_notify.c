// SPDX-License-Identifier: BSD-3-Clause
/* Notifications in both directions, and the verdict on those that come. */
#include <poll.h>
#include <unistd.h>

#include "play_inner.h"

#define ENABLE 0u
#define DISABLE 1u
#define DESC 2u

/* How long a kick that is due may take, once one was missed. */
#define KICK_AGAIN_MS 20
/* Without a kick that is not due the device looks by itself after this time. */
#define AHEAD_MS 5

static void full_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* ---- what the driver has published ---- */

static uint64_t packed_published(const struct play_ring *ring)
{
	uint32_t at = ring->avail;
	bool wrap = ring->avail_wrap;
	uint64_t count = 0;

	/* What is outstanding ends the look. */
	while (count + ring->busy_descriptors < ring->size) {
		uint16_t flags = shared16(ring->descriptors + 16 * (size_t)at + 14);

		if (!!(flags & 0x80) != wrap || !!(flags & 0x8000) == wrap)
			break;
		count++;
		if (++at == ring->size) {
			at = 0;
			wrap = !wrap;
		}
	}
	return ring->avail_at + count;
}

static bool packed_any(const struct play_ring *ring)
{
	uint16_t flags = shared16(ring->descriptors + 16 * (size_t)ring->avail + 14);

	return ring->busy_descriptors < ring->size && !!(flags & 0x80) == ring->avail_wrap &&
	       !!(flags & 0x8000) != ring->avail_wrap;
}

uint64_t play_published(const struct play_ring *ring)
{
	if (ring->packed)
		return packed_any(ring) ? ring->avail_at + 1 : ring->avail_at;
	return ring->avail_at + (uint16_t)(shared16(ring->driver + 2) - (uint16_t)ring->avail);
}

static uint64_t published_all(const struct play_ring *ring)
{
	return ring->packed ? packed_published(ring) : play_published(ring);
}

/* ---- kicks ---- */

void play_kicked(struct play *play, struct play_ring *ring)
{
	struct pollfd poll_fd = { .fd = ring->kick, .events = POLLIN };
	uint64_t value = 0;

	if (ring->kick < 0 || poll(&poll_fd, 1, 0) <= 0 || !(poll_fd.revents & POLLIN))
		return;
	(void)ledger_judge(play->ledger, SEEN_FD_1, read(ring->kick, &value, 8) == 8,
			   "ring %u: a kick is not 8 bytes", ring->index);
	if (ring->kicks_all == 0)
		ledger_held(play->ledger, SEEN_RING_6);
	if (play->protocol & PF_STATUS && play->offer_protocol & PF_STATUS && play->status)
		(void)ledger_judge(play->ledger, SEEN_DRV_17, play->status & 4,
				   "ring %u: a kick at status 0x%02x", ring->index, play->status);
	ring->kicks++;
	ring->kicks_all++;
}

/* The word of the event structure for a position that lies @ahead descriptors on. */
static uint16_t off_wrap(const struct play_ring *ring, uint64_t ahead)
{
	uint64_t at = ring->avail + ahead;
	bool wrap = ring->avail_wrap;

	if (at >= ring->size) {
		at -= ring->size;
		wrap = !wrap;
	}
	return (uint16_t)(at | (uint64_t)wrap << 15);
}

static void write_event(struct play_ring *ring, uint64_t ahead)
{
	uint8_t *event = ring->device + 4 + 8 * (size_t)ring->size;

	if (ring->packed) {
		bool desc = ring->event_idx && (ahead || ring->taken & 1);

		if (desc)
			share16(ring->device, off_wrap(ring, ahead));
		share16(ring->device + 2, desc ? DESC : ENABLE);
	} else if (ring->event_idx) {
		share16(event, (uint16_t)(ring->avail + ahead));
	} else {
		share16(ring->device, 0);
	}
}

bool play_arm(struct play *play, struct play_ring *ring)
{
	bool ahead = play->policy.kicks == KICKS_AHEAD && ring->event_idx;
	/* Another distance each time, and never more than a sound driver can go. */
	uint64_t distance = ahead ? ring->taken * 7 % 5 : 0;

	if (ring->packed && distance >= ring->size)
		distance = 0;
	ring->kicks = 0;
	write_event(ring, distance);
	full_fence();
	ring->event = ring->avail_at + distance;
	ring->ahead = distance > 0;
	ring->armed = true;
	ring->excused = true;
	ring->waits_since = 0;
	if (play_published(ring) == ring->avail_at)
		return false;
	/* Its driver may have looked at the word of before: nothing says that it will kick. */
	play_disarm(ring);
	return true;
}

void play_disarm(struct play_ring *ring)
{
	uint8_t *event = ring->device + 4 + 8 * (size_t)ring->size;

	if (ring->packed)
		share16(ring->device + 2, DISABLE);
	else if (ring->event_idx)
		/* One behind: the index comes there last of all. */
		share16(event, (uint16_t)(ring->avail - 1));
	else
		share16(ring->device, 1);
	/* What was off stays off; only a change finds kicks under way. */
	ring->excused |= ring->armed;
	ring->armed = false;
	ring->told = true;
}

static void judge_kick(struct play *play, struct play_ring *ring, bool came, uint64_t published)
{
	enum seen which = ring->packed	  ? SEEN_P_FMT_20 :
			  ring->event_idx ? SEEN_S_DRV_22 :
					    SEEN_S_DRV_20;

	(void)ledger_judge(play->ledger, which, came,
			   "ring %u: a kick was asked for at %llu%s, %llu was published, none came",
			   ring->index, (unsigned long long)ring->event,
			   ring->event_idx ? " (event)" : "", (unsigned long long)published);
}

/*
 * Publications without a wanted kick after which a driver is judged. A kick that was decided on before
 * the words changed comes late, on a loaded machine once a time that it is scheduled; of so many
 * publications those cannot be half. A driver that kicks regardless does so each time.
 */
#define QUIET_ENOUGH 256u

/* SHOULD: a few more than needed are nobody's fault, as the words change while kicks are under way. */
static void judge_quiet(struct play *play, struct play_ring *ring)
{
	enum seen which = ring->packed	  ? SEEN_P_FMT_20N :
			  ring->event_idx ? SEEN_S_DRV_23 :
					    SEEN_S_DRV_19;
	bool many = ring->quiet_kicks * 2 > ring->quiet_publications;

	if (ring->quiet_publications < QUIET_ENOUGH)
		return;
	(void)ledger_judge(play->ledger, which, !many,
			   "ring %u: %llu kicks for %llu publications, while none was wanted",
			   ring->index, (unsigned long long)ring->quiet_kicks,
			   (unsigned long long)ring->quiet_publications);
}

/*
 * Kicks are off, or none is due yet: what comes anyway is counted, but for the first one, which a driver
 * that is slow to act may have decided on before.
 */
static void look_quietly(struct play *play, struct play_ring *ring, uint64_t published)
{
	if (published == ring->avail_at || play->policy.kicks == KICKS_EACH || !ring->told)
		return;
	ring->quiet_publications++;
	ring->quiet_kicks += ring->kicks > 0 && !ring->excused;
	ring->excused = ring->excused && ring->kicks == 0;
	ring->kicks = 0;
	judge_quiet(play, ring);
}

static bool wait_over(struct play_ring *ring, int64_t ms)
{
	if (ring->waits_since == 0)
		ring->waits_since = play_now();
	return play_now() - ring->waits_since > ms;
}

bool play_may_look(struct play *play, struct play_ring *ring)
{
	uint64_t published;

	play_kicked(play, ring);
	if (!ring->armed) {
		look_quietly(play, ring, play_published(ring));
		return true;
	}
	published = published_all(ring);
	if (published == ring->avail_at) {
		/* Whatever a kick tells of is visible before it. */
		ring->kicks = 0;
		return false;
	}
	if (ring->kick < 0)
		return true;
	if (published <= ring->event) {
		/* A driver may publish more at any moment: only a while later is it known. */
		if (!wait_over(ring, AHEAD_MS) && ring->kicks == 0)
			return false;
		if (published_all(ring) <= ring->event)
			look_quietly(play, ring, published);
		return true;
	}
	if (ring->kicks == 0 && !wait_over(ring, ring->missed ? KICK_AGAIN_MS : play->kick_ms))
		return false;
	play_kicked(play, ring);
	judge_kick(play, ring, ring->kicks > 0, published);
	ring->missed += ring->kicks == 0;
	ring->kicks = 0;
	return true;
}

/* ---- calls ---- */

static bool split_wants(const struct play_ring *ring)
{
	uint16_t now = (uint16_t)ring->used_at;
	uint16_t old = (uint16_t)ring->called_at;
	uint16_t event;

	if (!ring->event_idx)
		return !(shared16(ring->driver) & 1);
	event = shared16(ring->driver + 4 + 2 * (size_t)ring->size);
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

static bool packed_wants(const struct play_ring *ring)
{
	uint16_t event = shared16(ring->driver);
	uint16_t flags = shared16(ring->driver + 2);
	uint64_t n = ring->size;

	if (flags != DESC)
		return flags != DISABLE;
	/* Which slots have been passed since? Lap by lap: wrap 1 in the first, 0 in the second. */
	for (uint64_t lap = ring->called_at / n; lap <= (ring->used_at - 1) / n; lap++) {
		uint64_t at = lap * n + (event & 0x7fffu);

		if ((lap % 2 == 0) == !!(event & 0x8000u) && at >= ring->called_at &&
		    at < ring->used_at)
			return true;
	}
	return false;
}

void play_call_now(struct play_ring *ring)
{
	uint64_t one = 1;

	if (ring->call < 0)
		return;
	ring->calls++;
	if (write(ring->call, &one, sizeof(one)) < 0)
		return;
}

void play_call(struct play *play, struct play_ring *ring)
{
	bool wants;

	if (ring->called_at == ring->used_at)
		return;
	full_fence();
	wants = ring->packed ? packed_wants(ring) : split_wants(ring);
	ring->called_at = ring->used_at;
	if (wants || play->policy.call_always)
		play_call_now(ring);
}
