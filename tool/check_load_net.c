// SPDX-License-Identifier: BSD-3-Clause
/*
 * See check_load.h: the network card's driver. Its buffers may have one segment, which a disk's never
 * have: those that are sent are readable, those to receive into are writable. The device sends back
 * what it gets, with the addresses exchanged, as far as there is room, and frames of its own.
 */
#include "check_load.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "check/play.h"
#include "check_load_ring.h"

#define RX 0u
#define TX 1u
#define SLOTS_MAX 256u
#define HEADER 12u
#define FRAME_MIN 60u
#define FRAME_MAX 1514u
#define FRAME_OWN 64u
/* One length, and another whose first piece is as long. */
#define SHORT (HEADER + FRAME_MIN)
#define LONG (SHORT + 48u)
/* Room for a frame and its header in one buffer (5.1.6.3.1). */
#define AREA (HEADER + FRAME_MAX)
/* From the start of a frame: its type, its number, its length, and bytes that follow from these. */
#define AT_TYPE 12u
#define AT_NUMBER 14u
#define AT_LEN 22u
#define AT_BYTES 26u

static const uint8_t here[6] = { 0x52, 0x54, 0, 0xc4, 0xec, 1 };
static const uint8_t there[6] = { 0x52, 0x54, 0, 0xc4, 0xec, 3 };
static const uint8_t type_ours[2] = { 0x88, 0xb6 };
static const uint8_t type_own[2] = { 0x88, 0xb5 };

struct packet {
	uint8_t *area;
	uint64_t addr;
	bool busy;
	uint32_t count;
	uint64_t number;
	struct vr_segment segments[2];
};

/**
 * struct side - a ring of the card
 * @busy: buffers that the device has
 * @segments: of all of those
 * @added: buffers, ever
 * @got: those that came back
 */
struct side {
	struct packet packets[SLOTS_MAX];
	uint32_t busy;
	uint32_t segments;
	uint64_t added;
	uint64_t got;
};

/**
 * struct card - the load
 * @due: smallest number that a frame of ours can have which comes back
 */
struct card {
	struct load_session s;
	struct side sides[LOAD_RINGS];
	uint32_t slot_count;
	uint64_t due;
};

/* ---- frames ---- */

static uint8_t byte_of(uint64_t number, uint32_t at)
{
	return (uint8_t)(number * 31 + (uint64_t)at * 7 + (number >> 8));
}

static void make_frame(uint8_t *frame, uint64_t number, uint32_t len)
{
	uint64_t wire_number = htole64(number);
	uint32_t wire_len = htole32(len);

	memcpy(frame, there, 6);
	memcpy(frame + 6, here, 6);
	memcpy(frame + AT_TYPE, type_ours, 2);
	memcpy(frame + AT_NUMBER, &wire_number, 8);
	memcpy(frame + AT_LEN, &wire_len, 4);
	for (uint32_t i = AT_BYTES; i < len; i++)
		frame[i] = byte_of(number, i);
}

static bool is_own(const uint8_t *frame, uint32_t len)
{
	return len == FRAME_OWN && memcmp(frame + AT_TYPE, type_own, 2) == 0;
}

/* One of ours that has come back; each at most once, in their order. */
static bool is_echo(struct card *c, const uint8_t *frame, uint32_t len)
{
	uint64_t number;
	uint32_t said;

	if (len < AT_BYTES || memcmp(frame, here, 6) != 0 || memcmp(frame + 6, there, 6) != 0 ||
	    memcmp(frame + AT_TYPE, type_ours, 2) != 0)
		return false;
	memcpy(&number, frame + AT_NUMBER, 8);
	memcpy(&said, frame + AT_LEN, 4);
	number = le64toh(number);
	if (le32toh(said) != len || number < c->due || number >= c->sides[TX].added)
		return false;
	for (uint32_t i = AT_BYTES; i < len; i++)
		if (frame[i] != byte_of(number, i))
			return false;
	c->due = number + 1;
	return true;
}

/* ---- what comes back ---- */

static int check_frame(struct card *c, const struct packet *packet, uint32_t len)
{
	const uint8_t *frame = packet->area + HEADER;

	if (len > AREA)
		return load_say(LOAD_CORRUPT, "%u bytes received into %u", len, AREA);
	if (len >= HEADER + FRAME_MIN &&
	    (is_own(frame, len - HEADER) || is_echo(c, frame, len - HEADER)))
		return LOAD_OK;
	return load_say(c->s.job->hostile ? LOAD_CHEATED : LOAD_CORRUPT,
			"%u bytes received that nobody has sent", len);
}

static int check_used(struct card *c, uint32_t ring, const struct vr_used *used)
{
	struct side *side = &c->sides[ring];
	struct packet *packet = used->token < c->slot_count ? &side->packets[used->token] : NULL;

	if (!packet || !packet->busy)
		return load_say(LOAD_CORRUPT, "ring %u: token %llu comes back, not outstanding",
				ring, (unsigned long long)used->token);
	if (used->context != ~used->token)
		return load_say(LOAD_CORRUPT, "ring %u: token %llu has another's context", ring,
				(unsigned long long)used->token);
	if (c->s.offer.accepted & VR_F_IN_ORDER && packet->number != side->got)
		return load_say(LOAD_CORRUPT, "ring %u: in order %llu comes back, %llu was due",
				ring, (unsigned long long)packet->number,
				(unsigned long long)side->got);
	packet->busy = false;
	side->busy--;
	side->segments -= packet->count;
	side->got++;
	if (ring == RX)
		return check_frame(c, packet, used->len);
	return used->len ?
		       load_say(LOAD_CORRUPT, "length %u of a buffer that was sent", used->len) :
		       LOAD_OK;
}

/* What has come back is free for others. */
static int check_free(struct card *c, uint32_t ring)
{
	uint32_t most = c->sides[ring].segments;
	uint32_t free = vr_driver_free(c->s.drivers[ring]);

	if (free + most >= c->s.job->size)
		return LOAD_OK;
	return load_say(LOAD_CORRUPT, "ring %u: %u descriptors are free, at most %u are in use",
			ring, free, most);
}

static int take_burst(struct card *c, uint32_t ring, uint32_t *count)
{
	struct vr_used used[SLOTS_MAX];
	unsigned int most = 1 + load_below(&c->s, SLOTS_MAX);
	int got = vr_driver_get(c->s.drivers[ring], used, most);
	int status = LOAD_OK;

	if (got == VR_E_BROKEN)
		return load_broken(&c->s, ring);
	for (int i = 0; i < got && !status; i++)
		status = check_used(c, ring, &used[i]);
	*count += got > 0 ? (uint32_t)got : 0;
	return status ? status : check_free(c, ring);
}

/* ---- what goes out ---- */

static uint32_t choose_bytes(struct card *c, uint64_t number)
{
	if (c->s.job->chains)
		return load_below(&c->s, 2) ? SHORT : LONG;
	if (number >= c->s.job->requests)
		return SHORT;
	return HEADER + FRAME_MIN + load_below(&c->s, FRAME_MAX - FRAME_MIN + 1);
}

/* Where it is cut in two; what lies at one place often has one length, in chains or not. */
static uint32_t choose_cut(struct card *c, uint32_t bytes)
{
	if (!c->s.job->chains)
		return 1 + load_below(&c->s, bytes - 1);
	return bytes > SHORT ? SHORT : HEADER;
}

static void prepare(struct card *c, uint32_t ring, uint32_t index, uint64_t number,
		    struct vr_buffer *buffer, bool cut)
{
	struct packet *packet = &c->sides[ring].packets[index];
	uint32_t bytes = ring == TX ? choose_bytes(c, number) : AREA;
	uint32_t first = cut ? choose_cut(c, bytes) : bytes;

	packet->count = cut ? 2 : 1;
	memset(packet->area, ring == TX ? 0 : 0xee, HEADER);
	if (ring == TX)
		make_frame(packet->area + HEADER, number, bytes - HEADER);
	packet->segments[0] = (struct vr_segment){ .addr = packet->addr, .len = first };
	packet->segments[1] =
		(struct vr_segment){ .addr = packet->addr + first, .len = bytes - first };
	*buffer = (struct vr_buffer){
		.segments = packet->segments,
		.token = index,
		.context = ~(uint64_t)index,
	};
	*(ring == TX ? &buffer->readable : &buffer->writable) = (uint16_t)packet->count;
}

/* Makes free slots available, in one burst. */
static int add_burst(struct card *c, uint32_t ring, uint32_t want)
{
	struct side *side = &c->sides[ring];
	struct vr_buffer buffers[SLOTS_MAX];
	/* Where there are tables, some bursts have such, too; else one chain breaks a row of others. */
	bool mixed = c->s.job->indirect && load_below(&c->s, 4) == 0;
	uint32_t chain = c->s.job->chains ? load_below(&c->s, 2 * c->slot_count) : UINT32_MAX;
	uint32_t count = 0;
	int taken;

	for (uint32_t i = 0; i < c->slot_count && count < want; i++) {
		uint32_t index = (uint32_t)(side->added + i) % c->slot_count;

		if (side->packets[index].busy)
			continue;
		prepare(c, ring, index, side->added + count, &buffers[count],
			count == chain || (mixed && load_below(&c->s, 2)));
		count++;
	}
	if (count == 0)
		return LOAD_OK;
	taken = vr_driver_add(c->s.drivers[ring], buffers, count);
	if (taken == VR_E_BROKEN)
		return load_broken(&c->s, ring);
	if (taken < 0 || taken > (int)count)
		return load_say(LOAD_CORRUPT, "a packet is refused: %s", vr_strerror(taken));
	for (uint32_t i = 0; i < (uint32_t)taken; i++) {
		struct packet *packet = &side->packets[buffers[i].token];

		packet->busy = true;
		packet->number = side->added++;
		side->busy++;
		side->segments += packet->count;
	}
	return LOAD_OK;
}

/* Receive buffers go back in bursts, too. */
static int refill(struct card *c)
{
	struct side *side = &c->sides[RX];
	int status = LOAD_OK;

	if (side->busy * 2 <= c->slot_count || load_below(&c->s, 4) == 0)
		status = add_burst(c, RX, c->slot_count);
	if (!status)
		load_kick(&c->s, RX);
	return status;
}

/* ---- the work ---- */

/* Until so few are on their way out, and so many frames have come in. */
static int drain(struct card *c, uint32_t down_to, uint64_t received)
{
	int64_t since = play_now();

	while (c->sides[TX].busy > down_to || c->sides[RX].got < received) {
		uint32_t busy = c->sides[TX].busy;
		uint32_t count = 0;
		int status = take_burst(c, TX, &count);

		if (!status)
			status = take_burst(c, RX, &count);
		if (!status)
			status = refill(c);
		if (!status && count == 0)
			status = load_rest(&c->s, since);
		if (status)
			return status;
		/* Frames of its own come all the time. */
		if (c->sides[TX].busy < busy)
			since = play_now();
		else if (play_now() - since > 2L * LOAD_HUNG_MS)
			return load_say(c->s.job->hostile ? LOAD_ENDED : LOAD_HUNG,
					"%u are being sent, %llu have been received, and no end",
					busy, (unsigned long long)c->sides[RX].got);
	}
	return LOAD_OK;
}

static int round_trip(struct card *c)
{
	/* A hostile device needs descriptors that nobody has. */
	uint32_t part = c->s.job->hostile ? 8 : c->s.job->shallow ? 4 : 1;
	uint32_t most = (c->slot_count + part - 1) / part;
	uint32_t busy = c->sides[TX].busy;
	uint32_t room = most > busy ? most - busy : 0;
	int status = refill(c);

	if (room && load_below(&c->s, 3) == 0)
		room = 1 + load_below(&c->s, room);
	if (!status)
		status = add_burst(c, TX, room);
	if (!status && load_below(&c->s, 3) == 0) {
		(void)vr_driver_publish(c->s.drivers[TX]);
		status = add_burst(c, TX, 1);
	}
	if (status)
		return status;
	load_kick(&c->s, TX);
	busy = c->sides[TX].busy;
	return drain(c, load_below(&c->s, 8) ? load_below(&c->s, busy + 1) : 0, 0);
}

/* What the device still had to use is used when it has stopped; other receive buffers stay. */
static int restart(struct card *c)
{
	int status = drain(c, 0, 0);
	uint32_t count;

	if (!status)
		status = load_stop(&c->s);
	do {
		count = 0;
		if (!status)
			status = take_burst(c, RX, &count);
	} while (!status && count);
	return status ? status : load_go_on(&c->s);
}

static int work(struct card *c)
{
	const struct load_job *job = c->s.job;
	uint64_t next = job->requests / (job->restarts + 1);
	uint32_t restarts = 0;
	int status = LOAD_OK;

	while (!status && c->sides[TX].added < (uint64_t)job->requests + job->small) {
		if (restarts < job->restarts && c->sides[TX].added >= next * (restarts + 1)) {
			restarts++;
			status = restart(c);
		}
		if (!status)
			status = round_trip(c);
	}
	return status ? status : drain(c, 0, 1);
}

static int make_packets(struct card *c)
{
	int status = load_make_memory(&c->s, (uint64_t)LOAD_RINGS * c->slot_count * (AREA + 64));

	for (uint32_t i = 0; !status && i < LOAD_RINGS * c->slot_count; i++) {
		struct packet *packet = &c->sides[i % LOAD_RINGS].packets[i / LOAD_RINGS];

		packet->area = vr_shm_alloc(c->s.shm, AREA, 64);
		if (!packet->area)
			return load_say(LOAD_FAILED, "no room for the packets");
		packet->addr = vr_shm_addr(c->s.shm, packet->area);
	}
	return status;
}

static int session(struct card *c)
{
	int status = load_connect(&c->s, LOAD_RINGS);

	if (!status)
		status = make_packets(c);
	for (uint32_t i = 0; !status && i < LOAD_RINGS; i++)
		status = load_make_ring(&c->s);
	if (status)
		return status;
	load_open_channel(&c->s);
	status = load_start(&c->s);
	if (!status)
		status = work(c);
	return status ? status : load_stop(&c->s);
}

int load_run_net(const struct load_job *job)
{
	struct card *c = calloc(1, sizeof(*c));
	int status;

	if (!c)
		return LOAD_FAILED;
	c->s.job = job;
	c->s.random = job->seed | 1;
	/* More slots than descriptors: the ring is full before they are used up. */
	c->slot_count = job->size + 2 < SLOTS_MAX ? job->size + 2 : SLOTS_MAX;
	status = session(c);
	load_end(&c->s);
	free(c);
	return status;
}
