// SPDX-License-Identifier: BSD-3-Clause
/* Requests of the front end: what is judged about each of them, and what the played device answers. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "play_inner.h"

#define VERSION_MASK 3u
#define REPLY 4u
#define NEED_REPLY 8u

/* Sizes that depend on what is in the payload. */
#define ANY_SIZE UINT32_MAX

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u

static const struct request {
	const char *name;
	uint32_t size;
	uint32_t fds_min;
	uint32_t fds_max;
	bool answered;
	int feature;
} requests[] = {
	[1] = { "GET_FEATURES", 0, 0, 0, true, -1 },
	[2] = { "SET_FEATURES", 8, 0, 0, false, -1 },
	[3] = { "SET_OWNER", 0, 0, 0, false, -1 },
	[4] = { "RESET_OWNER", 0, 0, 0, false, -1 },
	[5] = { "SET_MEM_TABLE", ANY_SIZE, 1, 8, false, -1 },
	[6] = { "SET_LOG_BASE", 16, 1, 1, true, 1 },
	[7] = { "SET_LOG_FD", 0, 1, 1, false, -1 },
	[8] = { "SET_VRING_NUM", 8, 0, 0, false, -1 },
	[9] = { "SET_VRING_ADDR", 40, 0, 0, false, -1 },
	[10] = { "SET_VRING_BASE", 8, 0, 0, false, -1 },
	[11] = { "GET_VRING_BASE", 8, 0, 0, true, -1 },
	[12] = { "SET_VRING_KICK", 8, 0, 1, false, -1 },
	[13] = { "SET_VRING_CALL", 8, 0, 1, false, -1 },
	[14] = { "SET_VRING_ERR", 8, 0, 1, false, -1 },
	[15] = { "GET_PROTOCOL_FEATURES", 0, 0, 0, true, -1 },
	[16] = { "SET_PROTOCOL_FEATURES", 8, 0, 0, false, -1 },
	[17] = { "GET_QUEUE_NUM", 0, 0, 0, true, 0 },
	[18] = { "SET_VRING_ENABLE", 8, 0, 0, false, -1 },
	[19] = { "SEND_RARP", 8, 0, 0, false, 2 },
	[20] = { "NET_SET_MTU", 8, 0, 0, false, 4 },
	[21] = { "SET_BACKEND_REQ_FD", 0, 1, 1, false, 5 },
	[22] = { "IOTLB_MSG", 32, 0, 0, true, -1 },
	[23] = { "SET_VRING_ENDIAN", 8, 0, 0, false, 6 },
	[24] = { "GET_CONFIG", ANY_SIZE, 0, 0, true, 9 },
	[25] = { "SET_CONFIG", ANY_SIZE, 0, 0, false, 9 },
	[28] = { "POSTCOPY_ADVISE", 0, 0, 0, true, 8 },
	[29] = { "POSTCOPY_LISTEN", 0, 0, 0, false, 8 },
	[30] = { "POSTCOPY_END", 0, 0, 0, true, 8 },
	[31] = { "GET_INFLIGHT_FD", 24, 0, 0, true, 12 },
	[32] = { "SET_INFLIGHT_FD", 24, 1, 1, false, 12 },
	[34] = { "RESET_DEVICE", 0, 0, 0, false, 13 },
	[35] = { "VRING_KICK", 8, 0, 0, false, 14 },
	[36] = { "GET_MAX_MEM_SLOTS", 0, 0, 0, true, 15 },
	[37] = { "ADD_MEM_REG", 40, 1, 1, false, 15 },
	[38] = { "REM_MEM_REG", 40, 0, 1, false, 15 },
	[39] = { "SET_STATUS", 8, 0, 0, false, 16 },
	[40] = { "GET_STATUS", 0, 0, 0, true, 16 },
	[42] = { "SET_DEVICE_STATE_FD", 8, 1, 1, true, 19 },
	[43] = { "CHECK_DEVICE_STATE", 0, 0, 0, true, 19 },
	[45] = { "GET_VRING_BASE_SKIP_DRAIN", 8, 0, 0, true, 23 },
};

static const struct request *known(uint32_t request)
{
	if (request >= sizeof(requests) / sizeof(requests[0]) || !requests[request].name)
		return NULL;
	return &requests[request];
}

static bool ok(struct ledger *ledger, enum seen which, bool good, const char *name,
	       const char *what, uint64_t value)
{
	return ledger_judge(ledger, which, good, "%s: %s 0x%llx", name, what,
			    (unsigned long long)value);
}

/* The header, the size, the descriptors, and whether it may be sent at all. */
static bool judge(struct play *play, const struct play_message *m, const struct request *request)
{
	struct ledger *l = play->ledger;
	const char *name = request->name;
	bool acks = play->protocol & PF_REPLY_ACK;
	bool size = request->size == ANY_SIZE || m->size == request->size;

	(void)ok(l, SEEN_HDR_2, (m->flags & VERSION_MASK) == 1 && !(m->flags & ~0xfu), name,
		 "flags", m->flags);
	(void)ok(l, SEEN_HDR_3, !(m->flags & REPLY), name, "flags", m->flags);
	if (m->flags & NEED_REPLY)
		(void)ok(l, SEEN_HDR_4, acks, name, "need_reply, protocol features",
			 play->protocol);
	size = ok(l, SEEN_HDR_5, size, name, "bytes of payload:", m->size);
	(void)ok(l, SEEN_HDR_7, m->late_fds == 0, name,
		 "descriptors after the first byte:", m->late_fds);
	(void)ok(l, SEEN_HDR_8, m->fd_count >= request->fds_min && m->fd_count <= request->fds_max,
		 name, "descriptors:", m->fd_count);
	if (request->feature >= 0)
		(void)ok(l, SEEN_PF_90, play->protocol >> request->feature & 1, name,
			 "protocol features set:", play->protocol);
	return size && m->fd_count >= request->fds_min;
}

/* Says how a request went, if that is asked for. */
void play_acknowledge(struct play *play, const struct play_message *m, bool done)
{
	uint64_t status = done ? 0 : 1;

	if (m->flags & NEED_REPLY && play->protocol & PF_REPLY_ACK)
		play_answer(play, m, &status, sizeof(status), -1);
	else if (!done)
		play_fail(play, "%s cannot be carried out", requests[m->request].name);
}

static void answer_u64(struct play *play, const struct play_message *m, uint64_t value)
{
	play_answer(play, m, &value, sizeof(value), -1);
}

/* A feature without what it needs; 0: all is well. Bits of both device types mean different things. */
static uint64_t orphans(const struct play *play, uint64_t features)
{
	static const struct {
		unsigned int bit;
		uint64_t needs;
	} net[] = {
		{ 7, 1ull << 1 },   { 8, 1ull << 1 },	{ 10, 1ull << 1 },  { 11, 1 },
		{ 12, 1 },	    { 14, 1 },		{ 18, 1ull << 17 }, { 19, 1ull << 17 },
		{ 21, 1ull << 17 }, { 22, 1ull << 17 }, { 23, 1ull << 17 },
	};
	uint64_t found = 0;

	for (size_t i = 0; play->type == PLAY_NET && i < sizeof(net) / sizeof(net[0]); i++)
		if (features >> net[i].bit & 1 && !(features & net[i].needs))
			found |= 1ull << net[i].bit;
	/* Packed and in order are of the modern interface (virtio 6). */
	if (!(features & F_VERSION))
		found |= features & (F_PACKED | F_IN_ORDER);
	return found;
}

static void set_features(struct play *play, struct play_message *m)
{
	struct ledger *l = play->ledger;
	uint64_t features = get64(m->payload);
	uint64_t extra = features & ~(play->offer | F_LOG);

	(void)ok(l, SEEN_MSG_2, extra == 0, "SET_FEATURES", "bits that were not offered:", extra);
	(void)ok(l, SEEN_DRV_5, extra == 0, "SET_FEATURES", "bits that were not offered:", extra);
	(void)ok(l, SEEN_DRV_7, !(features & F_UNKNOWN), "SET_FEATURES", "it has", features);
	ledger_held(l, SEEN_DRV_9);
	(void)ok(l, SEEN_DRV_6, orphans(play, features) == 0, "SET_FEATURES",
		 "orphans:", orphans(play, features));
	(void)ok(l, SEEN_F_DRV_1, features & F_VERSION, "SET_FEATURES",
		 "without VERSION_1:", features);
	if (play->offer & F_PACKED)
		(void)ok(l, SEEN_F_DRV_6, features & F_PACKED, "SET_FEATURES",
			 "RING_PACKED is declined:", features);
	if (play->has_features && play->status & STATUS_FEATURES_OK)
		(void)ok(l, SEEN_DRV_13, !((features ^ play->features) & ~F_LOG), "SET_FEATURES",
			 "after FEATURES_OK other bits:", features ^ play->features);
	play->features = features;
	play->has_features = true;
	play_acknowledge(play, m, extra == 0);
}

static void set_protocol(struct play *play, struct play_message *m)
{
	struct ledger *l = play->ledger;
	uint64_t features = get64(m->payload);
	uint64_t extra = features & ~play->offer_protocol;
	uint64_t inband = PF_REPLY_ACK | PF_BACKEND_REQ;

	(void)ok(l, SEEN_MSG_16, extra == 0, "SET_PROTOCOL_FEATURES", "not offered:", extra);
	(void)ok(l, SEEN_PF_91, !(features & PF_UNKNOWN), "SET_PROTOCOL_FEATURES", "it has",
		 features);
	if (features & PF_INBAND)
		(void)ok(l, SEEN_PF_14, (features & inband) == inband, "SET_PROTOCOL_FEATURES",
			 "in band without", inband & ~features);
	play->protocol = features & play->offer_protocol;
	play->has_protocol = true;
	play_acknowledge(play, m, extra == 0);
}

static void set_mem_table(struct play *play, struct play_message *m)
{
	struct ledger *l = play->ledger;
	uint32_t count = get32(m->payload);
	bool good = ok(l, SEEN_PAY_6, count >= 1 && count <= 8 && m->size >= 8 + 32 * count,
		       "SET_MEM_TABLE",
		       "regions in so many bytes:", (uint64_t)count << 32 | m->size);

	good &= ok(l, SEEN_MSG_5, m->fd_count == count, "SET_MEM_TABLE",
		   "regions, descriptors:", (uint64_t)count << 32 | m->fd_count);
	play_memory_clear(play);
	for (uint32_t i = 0; good && i < count; i++)
		good = play_memory_add(play, m->payload + 8 + 32 * i, m->fds[i]);
	play->mem_set = true;
	/* What lies in it has moved. */
	for (uint32_t i = 0; good && i < PLAY_RINGS; i++)
		if (play->rings[i].started)
			good = play_ring_start(play, &play->rings[i]);
	play_acknowledge(play, m, good);
}

static void change_region(struct play *play, struct play_message *m)
{
	bool add = m->request == 37;
	bool good = add ? play_memory_add(play, m->payload + 8, m->fds[0]) :
			  play_memory_remove(play, m->payload + 8);

	(void)ok(play->ledger, add ? SEEN_MSG_37 : SEEN_MSG_38, good, requests[m->request].name,
		 "region at", get64(m->payload + 8));
	play->mem_set = true;
	play_acknowledge(play, m, good);
}

static void set_status(struct play *play, struct play_message *m)
{
	struct ledger *l = play->ledger;
	uint64_t value = get64(m->payload);
	uint8_t status = (uint8_t)value;
	uint32_t before[][2] = {
		{ STATUS_DRIVER, STATUS_ACKNOWLEDGE },
		{ STATUS_FEATURES_OK, STATUS_DRIVER },
		{ STATUS_DRIVER_OK, STATUS_FEATURES_OK },
	};

	(void)ok(l, SEEN_MSG_39, value <= 0xff, "SET_STATUS", "value", value);
	if (status)
		(void)ok(l, SEEN_DRV_2, !(play->status & ~status), "SET_STATUS",
			 "bits that went, of", (uint64_t)play->status << 8 | status);
	for (int i = 0; i < 3; i++)
		if (status & before[i][0])
			(void)ok(l, SEEN_DRV_1, status & before[i][1], "SET_STATUS", "status",
				 status);
	if (status & STATUS_FEATURES_OK)
		(void)ok(l, SEEN_DRV_1, play->has_features, "SET_STATUS",
			 "FEATURES_OK before SET_FEATURES:", status);
	play->status = status;
	play_acknowledge(play, m, true);
}

static void get_config(struct play *play, struct play_message *m)
{
	uint32_t offset = get32(m->payload);
	uint32_t size = get32(m->payload + 4);
	uint8_t space[256] = { 0 };
	uint8_t answer[12 + 256] = { 0 };
	bool good = ok(play->ledger, SEEN_PAY_9,
		       m->size == 12 + size && size <= 256 && offset <= 256 &&
			       offset + size <= 256 && get32(m->payload + 8) <= 1,
		       "GET_CONFIG", "offset, size:", (uint64_t)offset << 32 | size);

	play->config_reads++;
	memcpy(answer, m->payload, 12);
	if (play->type == PLAY_BLK)
		play_blk_config(play, space);
	else
		play_net_config(play, space);
	if (good)
		memcpy(answer + 12, space + offset, size);
	play_answer(play, m, answer, good ? 12 + size : 0, -1);
}

static void set_config(struct play *play, struct play_message *m)
{
	uint32_t size = get32(m->payload + 4);

	(void)ok(play->ledger, SEEN_PAY_9, m->size == 12 + size && size <= 256, "SET_CONFIG",
		 "bytes of payload, size:", (uint64_t)m->size << 32 | size);
	play_acknowledge(play, m, true);
}

/* Its content is this device's alone: whatever was taken is completed before a session ends. */
static void get_inflight(struct play *play, struct play_message *m)
{
	uint16_t queues = (uint16_t)get32(m->payload + 16);
	uint16_t size = (uint16_t)(get32(m->payload + 16) >> 16);
	uint8_t answer[24] = { 0 };
	int fd = memfd_create("virtring-check-inflight", MFD_CLOEXEC);
	uint64_t bytes = ((uint64_t)queues * (64 + 32 * (uint64_t)size) + 4095) & ~4095ull;

	(void)ok(play->ledger, SEEN_PAY_11, queues && size, "GET_INFLIGHT_FD",
		 "queues, size:", (uint64_t)queues << 32 | size);
	if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0) {
		memcpy(answer, &bytes, sizeof(bytes));
		memcpy(answer + 16, m->payload + 16, 4);
	}
	play->inflight_bytes = bytes;
	play_answer(play, m, answer, sizeof(answer), fd);
	if (fd >= 0)
		close(fd);
}

static void set_inflight(struct play *play, struct play_message *m)
{
	uint64_t bytes = get64(m->payload);

	if (play->inflight_bytes)
		(void)ok(play->ledger, SEEN_INF_6, bytes == play->inflight_bytes, "SET_INFLIGHT_FD",
			 "other bytes than were answered:", bytes);
	if (play->inflight >= 0)
		close(play->inflight);
	play->inflight = m->fds[0];
	m->fds[0] = -1;
	play_acknowledge(play, m, true);
}

static void set_log(struct play *play, struct play_message *m)
{
	uint64_t bytes = get64(m->payload);
	uint64_t offset = get64(m->payload + 8);
	uint64_t end = 0;
	uint8_t *map;

	for (uint32_t i = 0; i < play->region_count; i++) {
		uint64_t last = play->regions[i].guest + play->regions[i].size;

		end = last > end ? last : end;
	}
	(void)ok(play->ledger, SEEN_LOG_2, bytes >= (end + 32767) / 32768, "SET_LOG_BASE",
		 "memory up to, bytes of log:", end << 20 | bytes);
	map = mmap(NULL, (size_t)(offset + bytes), PROT_READ | PROT_WRITE, MAP_SHARED, m->fds[0],
		   0);
	if (map != MAP_FAILED) {
		/* The old one stays mapped: a session has a handful. */
		play->log = map + offset;
		play->log_bytes = (size_t)bytes;
	}
	answer_u64(play, m, 0);
}

static void set_channel(struct play *play, struct play_message *m)
{
	if (play->channel >= 0)
		close(play->channel);
	play->channel = m->fds[0];
	m->fds[0] = -1;
	play_acknowledge(play, m, true);
}

static void get_features(struct play *play, struct play_message *m)
{
	play->offered = true;
	answer_u64(play, m, play->offer);
}

static void get_protocol(struct play *play, struct play_message *m)
{
	play->asked_protocol = true;
	answer_u64(play, m, play->offer_protocol);
}

static void get_base(struct play *play, struct play_message *m)
{
	uint32_t index = get32(m->payload);
	uint32_t state[2] = { index, 0 };

	if (index < PLAY_RINGS) {
		(void)ok(play->ledger, SEEN_RING_15, play->rings[index].has_addr, "GET_VRING_BASE",
			 "ring", index);
		play_ring_stop(play, &play->rings[index], &state[1]);
	}
	play_answer(play, m, state, sizeof(state), -1);
}

static void reset_device(struct play *play, struct play_message *m)
{
	uint32_t base;

	for (uint32_t i = 0; i < PLAY_RINGS; i++)
		play_ring_stop(play, &play->rings[i], &base);
	play->status = 0;
	play_acknowledge(play, m, true);
}

static void serve(struct play *play, struct play_message *m)
{
	switch (m->request) {
	case 1:
		get_features(play, m);
		break;
	case 2:
		set_features(play, m);
		break;
	case 5:
		set_mem_table(play, m);
		break;
	case 6:
		set_log(play, m);
		break;
	case 8:
	case 9:
	case 10:
	case 12:
	case 13:
	case 14:
	case 18:
		play_setup_ring(play, m);
		break;
	case 11:
		get_base(play, m);
		break;
	case 15:
		get_protocol(play, m);
		break;
	case 16:
		set_protocol(play, m);
		break;
	case 17:
		/* Most take it for pairs of queues, User Mode Linux for queues: two is right for both. */
		answer_u64(play, m, play->type == PLAY_NET ? 2 * play->queues : play->queues);
		break;
	case 21:
		set_channel(play, m);
		break;
	case 24:
		get_config(play, m);
		break;
	case 25:
		set_config(play, m);
		break;
	case 31:
		get_inflight(play, m);
		break;
	case 32:
		set_inflight(play, m);
		break;
	case 34:
		reset_device(play, m);
		break;
	case 36:
		answer_u64(play, m, PLAY_REGIONS);
		break;
	case 37:
	case 38:
		change_region(play, m);
		break;
	case 39:
		set_status(play, m);
		break;
	case 40:
		answer_u64(play, m, play->status);
		break;
	default: /* 3, 4, 7, 19, 20 */
		play_acknowledge(play, m, !requests[m->request].answered);
		break;
	}
}

/* A line for a message; the oldest ones go when there is no more room. */
static void note(struct play *play, const struct play_message *m, const struct request *request)
{
	char line[128];
	size_t used = strlen(play->transcript);
	size_t more = (size_t)snprintf(line, sizeof(line),
				       "%s (%u): flags 0x%x, %u bytes: %016llx %016llx, %u fds\n",
				       request ? request->name : "?", m->request, m->flags, m->size,
				       (unsigned long long)get64(m->payload),
				       (unsigned long long)get64(m->payload + 8), m->fd_count);

	while (used && used + more + 1 > PLAY_TRANSCRIPT) {
		char *next = strchr(play->transcript, '\n') + 1;

		used -= (size_t)(next - play->transcript);
		memmove(play->transcript, next, used + 1);
	}
	memcpy(play->transcript + used, line, more + 1);
}

void play_dispatch(struct play *play, struct play_message *m)
{
	const struct request *request = known(m->request);

	play->messages++;
	note(play, m, request);
	(void)ok(play->ledger, SEEN_MSG_99, request, "an undefined request", "number", m->request);
	if (!request) {
		play_fail(play, "request %u is not defined", m->request);
	} else if (!judge(play, m, request)) {
		play_fail(play, "%s with %u bytes and %u descriptors", request->name, m->size,
			  m->fd_count);
	} else {
		serve(play, m);
	}
	play_close_fds(m);
}

bool play_announce(struct play *play)
{
	if (play->channel < 0 || !(play->protocol & PF_CONFIG))
		return false;
	play->config_sent++;
	return play_send(play, play->channel, 2,
			 1 | (play->protocol & PF_REPLY_ACK ? NEED_REPLY : 0), NULL, 0, -1);
}

void play_channel(struct play *play)
{
	struct play_message m;
	int got = play_receive(play, play->channel, &m);

	if (got != 1) {
		/* Losing it is not losing the session. */
		close(play->channel);
		play->channel = -1;
		return;
	}
	play->channel_acks++;
	if (play->policy.channel_noise == 0)
		(void)ok(play->ledger, SEEN_ACK_6,
			 m.request == 2 && m.flags & REPLY && m.size == 8 &&
				 play->channel_acks <= play->config_sent,
			 "an answer on the channel",
			 "request, flags:", (uint64_t)m.request << 32 | m.flags);
	play_close_fds(&m);
}
