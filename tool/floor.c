// SPDX-License-Identifier: BSD-3-Clause
/* The floor under every ring: lines of header and payload, and an index line a burst. */
#include "floor.h"

#include <stdlib.h>
#include <string.h>

#include <virtring/memory.h>
#include <virtring/net.h>

#define LINE 64u
#define CLOCK_EVERY 64u /* bursts between two looks at the clock */

/* Shared by both threads. What each of them writes is in a pair of lines of its own. */
struct lines {
	_Alignas(ROUNDTRIP_ALIGN) _Atomic uint64_t made;
	_Alignas(ROUNDTRIP_ALIGN) _Atomic uint64_t taken;
	_Alignas(ROUNDTRIP_ALIGN) _Atomic bool stop;
};

struct ground {
	const struct floor_config *config;
	struct lines *lines;
	unsigned int step; /* from a slot to the next one, in the order of our network card */
	uint8_t *slots; /* LINE bytes, of which the last FLOOR_HEADER are used, then the payload */
	size_t stride;
	uint8_t *sent; /* a payload, in the writer's own memory */
	uint8_t *received;
	/* Written when all is over: nothing else here changes while both sides play. */
	uint64_t seen;
	uint64_t wrong;
	double seconds;
};

/* How far the reader is. */
struct reading {
	uint64_t seen;
	uint64_t wrong;
	unsigned int slot;
};

static inline uint8_t *payload_of(const struct ground *ground, unsigned int slot)
{
	return ground->slots + slot * ground->stride + LINE;
}

static inline unsigned int next_slot(const struct ground *ground, unsigned int slot)
{
	slot += ground->step;
	return slot < ground->config->slots ? slot : slot - ground->config->slots;
}

/* The usual payload is a line, which the compiler then copies without a loop. */
static inline void copy(void *to, const void *from, unsigned int bytes)
{
	if (bytes == LINE)
		memcpy(to, from, LINE);
	else
		memcpy(to, from, bytes);
}

/* Has a line fetched for writing; what a compiler offers would ask for a copy to read. */
static inline void will_write(void *at)
{
#if defined(__x86_64__)
	__asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)at));
#else
	__builtin_prefetch(at, 1);
#endif
}

/* The reader is done with all of a burst's lines, so they can be asked for at once. */
static void fetch_burst(const struct ground *ground, unsigned int slot)
{
	const struct floor_config *config = ground->config;

	for (unsigned int i = 0; i < config->burst; i++) {
		if (config->header)
			will_write(payload_of(ground, slot) - FLOOR_HEADER);
		will_write(payload_of(ground, slot));
		slot = next_slot(ground, slot);
	}
}

static void write_burst(struct ground *ground, unsigned int *slot, uint64_t number)
{
	const struct floor_config *config = ground->config;
	uint8_t header[FLOOR_HEADER] = { 0 };

	for (unsigned int i = 0; i < config->burst; i++) {
		uint8_t *payload = payload_of(ground, *slot);

		number++;
		memcpy(header, &number, sizeof(number));
		if (config->header)
			memcpy(payload - FLOOR_HEADER, header, FLOOR_HEADER);
		/* Over what was copied: in its source, the copy would wait until it is stored there. */
		copy(payload, ground->sent, config->bytes);
		memcpy(payload, &number, sizeof(number));
		*slot = next_slot(ground, *slot);
	}
}

static void writer(void *context)
{
	struct ground *ground = context;
	const struct floor_config *config = ground->config;
	struct lines *lines = ground->lines;
	double start = tool_now();
	double now = start;
	uint64_t made = 0;
	uint64_t taken = 0;
	unsigned int slot = 0;
	unsigned int turns = 0;

	while (now - start < config->seconds) {
		if (++turns % CLOCK_EVERY == 0)
			now = tool_now();
		/* The reader's line is only looked at when there is no room left. */
		if (made + config->burst - taken > config->slots) {
			taken = atomic_load_explicit(&lines->taken, memory_order_acquire);
			if (made + config->burst - taken > config->slots)
				continue;
		}
		fetch_burst(ground, slot);
		write_burst(ground, &slot, made);
		made += config->burst;
		atomic_store_explicit(&lines->made, made, memory_order_release);
	}
	ground->seconds = now - start;
	atomic_store_explicit(&lines->stop, true, memory_order_release);
}

static void read_burst(const struct ground *ground, struct reading *at, uint64_t count)
{
	const struct floor_config *config = ground->config;
	uint8_t header[FLOOR_HEADER];

	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *payload = payload_of(ground, at->slot);
		uint64_t number;

		memcpy(header, payload - FLOOR_HEADER, FLOOR_HEADER);
		if (!config->dropped)
			copy(ground->received, payload, config->bytes);
		/* Somebody would look at it; the compiler must not leave it out. */
		__asm__ __volatile__("" : : "r"(header), "r"(ground->received) : "memory");
		memcpy(&number, config->header ? header : ground->received, sizeof(number));
		at->wrong += number != ++at->seen;
		at->slot = next_slot(ground, at->slot);
	}
}

static void reader(void *context)
{
	struct ground *ground = context;
	unsigned int burst = ground->config->burst;
	struct lines *lines = ground->lines;
	struct reading at = { 0 };
	uint64_t made = 0;

	for (;;) {
		if (made == at.seen) {
			/* Asked first: what was made before the end is still taken. */
			bool stop = atomic_load_explicit(&lines->stop, memory_order_acquire);

			made = atomic_load_explicit(&lines->made, memory_order_acquire);
			if (made == at.seen && stop)
				break;
		}
		if (made == at.seen)
			continue;
		read_burst(ground, &at, made - at.seen < burst ? made - at.seen : burst);
		atomic_store_explicit(&lines->taken, at.seen, memory_order_release);
	}
	ground->seen = at.seen;
	ground->wrong = at.wrong;
}

static int make_ground(struct ground *ground, struct vr_shm **shm, char *error)
{
	const struct floor_config *config = ground->config;
	struct vr_shm_config memory = {
		.struct_size = sizeof(memory),
		.flags = VR_SHM_HUGE | VR_SHM_POPULATE,
	};
	size_t bytes;
	int result;

	/* An odd number of lines: an even one is several times slower. */
	ground->stride = vr_net_slot_bytes(config->bytes);
	ground->step = vr_net_slot_step(config->slots);
	bytes = config->slots * ground->stride;
	memory.size = sizeof(*ground->lines) + bytes;
	result = vr_shm_create(&memory, shm);
	if (result)
		return tool_text(error, "shared memory: %s", strerror(-result));
	ground->lines = vr_shm_alloc(*shm, sizeof(*ground->lines), ROUNDTRIP_ALIGN);
	ground->slots = vr_shm_alloc(*shm, bytes, LINE);
	ground->sent = aligned_alloc(LINE, ground->stride);
	ground->received = aligned_alloc(LINE, ground->stride);
	if (!ground->lines || !ground->slots || !ground->sent || !ground->received)
		return tool_text(error, "out of memory");
	memset(ground->sent, 0x5a, ground->stride);
	return 0;
}

int floor_play(const struct floor_config *config, struct floor_figures *figures, char *error)
{
	struct ground ground = { .config = config };
	struct duel duel = {
		.play = { writer, reader },
		.context = &ground,
		.cpu = { config->cpu[SIDE_DRIVER], config->cpu[SIDE_DEVICE] },
	};
	struct vr_shm_info info = { 0 };
	struct vr_shm *shm = NULL;
	int result = make_ground(&ground, &shm, error);

	memset(figures, 0, sizeof(*figures));
	if (!result) {
		result = duel_play(&duel, &figures->duel, error);
		vr_shm_info(shm, &info);
	}
	figures->page_bytes = info.page_size;
	figures->buffers = ground.seen;
	figures->wrong = ground.wrong;
	figures->ns = ground.seen ? ground.seconds * 1e9 / (double)ground.seen : 0;
	free(ground.sent);
	free(ground.received);
	vr_shm_destroy(shm);
	return result;
}
