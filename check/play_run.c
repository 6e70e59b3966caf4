// SPDX-License-Identifier: BSD-3-Clause
/* The played device at work: sessions, and what is done with each buffer when. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "play_inner.h"

/* While kicks are asked for, rings are looked at so often all the same, to see what was not told. */
#define LOOK_MS 5
#define KICK_MS 3000

#define OFFERED_PROTOCOL \
	(PF_MQ | PF_LOG_SHMFD | PF_REPLY_ACK | PF_BACKEND_REQ | PF_CONFIG | PF_INFLIGHT | \
	 PF_RESET | PF_SLOTS | PF_STATUS | PF_UNKNOWN)

int64_t play_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void play_renew(struct play *play)
{
	for (uint64_t sector = 0; sector < play->disk_bytes / 512; sector++)
		play_pattern(sector, play->disk + 512 * sector);
}

int play_open(struct play *play, enum play_type type, uint64_t disk_bytes, struct ledger *ledger)
{
	memset(play, 0, sizeof(*play));
	play->ledger = ledger;
	play->type = type;
	play->queues = 1;
	play->kick_ms = KICK_MS;
	play->sock = play->channel = play->inflight = -1;
	play->offer = F_VERSION | F_INDIRECT | F_EVENT | F_PACKED | F_IN_ORDER | F_PROTOCOL |
		      F_UNKNOWN | F_LOG |
		      (type == PLAY_BLK ? play_blk_features() : play_net_features());
	play->offer_protocol = OFFERED_PROTOCOL;
	play->transcript = calloc(1, PLAY_TRANSCRIPT);
	if (!play->transcript)
		return -ENOMEM;
	if (type == PLAY_NET)
		return 0;
	play->disk = malloc(disk_bytes);
	play->disk_bytes = play->disk ? disk_bytes / 512 * 512 : 0;
	play_renew(play);
	return play->disk ? 0 : -ENOMEM;
}

void play_close(struct play *play)
{
	play_end(play);
	free(play->disk);
	free(play->transcript);
	play->disk = NULL;
	play->transcript = NULL;
}

void play_forget(struct play *play)
{
	for (uint32_t i = 0; i < PLAY_RINGS; i++)
		play->rings[i].lived = false;
}

void play_begin(struct play *play, int sock)
{
	play->sock = sock;
	play->channel = -1;
	play->closed = false;
	play->error[0] = '\0';
	play->transcript[0] = '\0';
	play->features = play->protocol = 0;
	play->has_features = play->has_protocol = play->asked_protocol = false;
	play->offered = play->vring_seen = play->mem_set = false;
	play->status = 0;
	play->lied = play->attacked = play->attack_failed = false;
	play->attack_since = 0;
	play->noise_sent = 0;
	play->config_sent = play->channel_acks = play->config_reads = 0;
	play->messages = play->requests = play->data_bytes = play->sent_frames = 0;
	play->last_progress = play_now();
	for (uint32_t i = 0; i < PLAY_RINGS; i++)
		play->rings[i] = (struct play_ring){
			.index = i, .lived = play->rings[i].lived, .kick = -1, .call = -1, .err = -1
		};
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void play_end(struct play *play)
{
	if (play->sock < 0)
		return;
	for (uint32_t i = 0; i < PLAY_RINGS; i++) {
		struct play_ring *ring = &play->rings[i];

		play_ring_free(ring);
		ring->started = false;
		close_fd(&ring->kick);
		close_fd(&ring->call);
		close_fd(&ring->err);
	}
	play_memory_clear(play);
	close_fd(&play->channel);
	close_fd(&play->inflight);
	close_fd(&play->sock);
}

void play_fail(struct play *play, const char *format, ...)
{
	va_list list;

	play->closed = true;
	if (play->error[0])
		return;
	va_start(list, format);
	(void)vsnprintf(play->error, sizeof(play->error), format, list);
	va_end(list);
}

/* ---- a ring's buffers ---- */

static bool receives(const struct play *play, const struct play_ring *ring)
{
	return play->type == PLAY_NET && ring->index % 2 == 0;
}

static void carry_out(struct play *play, struct play_ring *ring, struct play_chain *chain)
{
	chain->due = play->policy.late_ms ? play_now() + play->policy.late_ms : 0;
	if (receives(play, ring))
		play_net_receive_seen(play, chain);
	else if (play->type == PLAY_NET)
		play_net_transmit(play, ring, chain);
	else
		play_blk_do(play, ring, chain);
}

static uint32_t take_all(struct play *play, struct play_ring *ring)
{
	uint32_t count = 0;

	while (play_ring_take(play, ring) == 1) {
		carry_out(play, ring, ring->held[ring->held_count - 1]);
		count++;
	}
	if (count)
		ring->idle_since = play_now();
	return count;
}

/* How many of the oldest are ready; in no particular order, how many in all. */
static uint32_t ready(const struct play_ring *ring)
{
	uint32_t count = 0;
	int64_t now = 0;

	for (uint32_t i = 0; i < ring->held_count; i++) {
		const struct play_chain *chain = ring->held[i];

		if (chain->due && !now)
			now = play_now();
		if (!chain->done || chain->due > now)
			break;
		count++;
	}
	return count;
}

static uint32_t target(const struct play *play, const struct play_ring *ring)
{
	uint32_t batch = play->policy.batch;

	if (batch == PLAY_RISING)
		return ring->rising + 1;
	return batch == UINT32_MAX ? ring->size : batch;
}

/* In order: runs of which all but the last are full, each with one entry. */
static void use_runs(struct play *play, struct play_ring *ring, uint32_t count)
{
	while (count) {
		uint32_t run = 1;

		while (run < count && ring->held[run - 1]->len == ring->held[run - 1]->writable)
			run++;
		play_use_run(play, ring, run);
		count -= run;
	}
}

static void use_each(struct play *play, struct play_ring *ring, uint32_t count)
{
	while (count) {
		uint32_t group = ring->held[0]->group ? ring->held[0]->group : 1;

		if (group > 1)
			play_use_group(play, ring, group);
		else if (play->policy.reverse && !ring->in_order && !receives(play, ring))
			play_use(play, ring, count - 1);
		else
			play_use(play, ring, 0);
		/* A packet's buffers are all ready, if its first one is. */
		count -= group < count ? group : count;
	}
}

static void complete(struct play *play, struct play_ring *ring, uint32_t count)
{
	if (play->policy.one_entry && ring->in_order && !receives(play, ring))
		use_runs(play, ring, count);
	else if (play->policy.together)
		play_use_group(play, ring, count);
	else
		use_each(play, ring, count);
	play_call(play, ring);
	if (play->policy.stray_calls)
		play_call_now(ring);
	ring->rising = (ring->rising + 1) % ring->size;
	play->last_progress = play_now();
}

static bool wants_more(const struct play *play, const struct play_ring *ring, uint32_t count)
{
	return count < target(play, ring) && ring->busy_descriptors < ring->size &&
	       play_now() - ring->idle_since < play->policy.hold_ms;
}

static bool complete_ready(struct play *play, struct play_ring *ring)
{
	uint32_t count = ready(ring);

	if (play_attack_waits(play, ring))
		return false;
	if (count == 0 || wants_more(play, ring, count))
		return false;
	if (play->policy.batch == PLAY_RISING && count > target(play, ring))
		count = target(play, ring);
	complete(play, ring, count);
	return true;
}

static bool serve_ring(struct play *play, struct play_ring *ring)
{
	bool worked = false;

	if (!ring->started || !ring->enabled || ring->broken)
		return false;
	if (play_may_look(play, ring)) {
		if (ring->armed || !ring->told)
			play_disarm(ring);
		worked = take_all(play, ring) > 0;
		/* The parked event index has to follow. */
		if (worked && play->policy.kicks == KICKS_NONE)
			play_disarm(ring);
	}
	if (play_attack(play, ring))
		return true;
	worked |= complete_ready(play, ring);
	if (!ring->armed && play->policy.kicks != KICKS_NONE && !worked && !ring->broken)
		worked = play_arm(play, ring);
	return worked;
}

void play_settle(struct play *play)
{
	for (uint32_t i = 0; i < PLAY_RINGS; i++) {
		struct play_ring *ring = &play->rings[i];
		uint32_t count = 0;

		if (!ring->started || ring->broken)
			continue;
		while (count < ring->held_count && ring->held[count]->done)
			count++;
		if (count)
			complete(play, ring, count);
	}
}

/* ---- the session ---- */

static void serve_socket(struct play *play)
{
	struct play_message *message = malloc(sizeof(*message));
	int got = message ? play_receive(play, play->sock, message) : -1;

	if (got == 1)
		play_dispatch(play, message);
	else if (got == 0)
		play->closed = true;
	else
		play_fail(play, "a message that cannot be read");
	if (message && got != 1)
		play_close_fds(message);
	free(message);
}

bool play_running(const struct play *play)
{
	for (uint32_t i = 0; i < PLAY_RINGS; i++)
		if (play->rings[i].started && play->rings[i].enabled)
			return true;
	return false;
}

uint64_t play_completed(const struct play *play)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < PLAY_RINGS; i++)
		count += play->rings[i].completed;
	return count;
}

/* Something against the rules on the back end's channel. */
static void make_noise(struct play *play)
{
	static const struct {
		uint32_t request;
		uint32_t flags;
		uint32_t size;
	} kinds[] = {
		{ 99, 1, 0 }, /* undefined */
		{ 2, 1, 64 }, /* too long */
		{ 2, 3, 0 }, /* version 3 */
		{ 3, 9, 24 }, /* a doorbell without a descriptor */
		{ 2, 1 | 4, 8 }, /* an answer that nobody asked for */
	};
	uint32_t kind = play->policy.channel_noise;
	uint8_t zeroes[64] = { 0 };

	if (kind == 0 || play->noise_sent || play->channel < 0 || play_completed(play) < 4)
		return;
	play->noise_sent = 1;
	kind = (kind - 1) % (sizeof(kinds) / sizeof(kinds[0]));
	(void)play_send(play, play->channel, kinds[kind].request, kinds[kind].flags, zeroes,
			kinds[kind].size, -1);
}

static bool serve_rings(struct play *play)
{
	bool worked = false;

	for (uint32_t i = 0; i < PLAY_RINGS && !play->closed; i++)
		worked |= serve_ring(play, &play->rings[i]);
	if (play->type == PLAY_NET && play->rings[0].started)
		play_net_tick(play);
	if (play->policy.config_changed && play->config_sent == 0 && play_completed(play) >= 4)
		(void)play_announce(play);
	make_noise(play);
	return worked;
}

static int wait_ms(const struct play *play, bool worked)
{
	if (worked)
		return 0;
	return play->policy.kicks == KICKS_NONE || play->policy.late_ms || play->policy.batch ?
		       1 :
		       LOOK_MS;
}

bool play_run(struct play *play, int64_t until, bool (*enough)(const struct play *play))
{
	while (!play->closed && play_now() < until) {
		struct pollfd fds[2 + PLAY_RINGS];
		bool worked = serve_rings(play);
		uint32_t count = 0;

		if (enough && enough(play))
			return true;
		fds[count++] = (struct pollfd){ .fd = play->sock, .events = POLLIN };
		fds[count++] = (struct pollfd){ .fd = play->channel, .events = POLLIN };
		for (uint32_t i = 0; i < PLAY_RINGS; i++)
			if (play->rings[i].armed && play->rings[i].started)
				fds[count++] = (struct pollfd){ .fd = play->rings[i].kick,
								.events = POLLIN };
		if (poll(fds, count, wait_ms(play, worked)) <= 0)
			continue;
		if (fds[1].revents)
			play_channel(play);
		if (fds[0].revents)
			serve_socket(play);
	}
	return !play->closed;
}
