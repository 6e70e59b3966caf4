// SPDX-License-Identifier: BSD-3-Clause
/*
 * All sequences of calls up to a length, on tiny queues, against a model that knows only lists. A
 * step that must do nothing is tried, checked and not followed further. Every state is a copy of
 * both halves and of the ring, so a branch costs no replay.
 *
 * Most sequences lead to a state that another sequence led to: the driver's steps and the device's do
 * not mind each other's order. All that a step can depend on is in the copies, so what follows a
 * state is looked at once, unless it is met again with more steps to go. States are told apart by
 * 128 bits of hash.
 */
#include <stdlib.h>

#include "rig.h"

/* The sanitizers, and machines that may be emulated, get a shorter run. */
#if !defined(__x86_64__) || !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || \
	defined(__SANITIZE_THREAD__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW 1
#endif
#endif
#ifdef SLOW
#define DEPTH 14
#else
#define DEPTH 18
#endif
/* What VIRTRING_DEPTH may ask for. */
#define MAX_DEPTH 32
#define MAX_BUFFERS (MAX_DEPTH + 1)
#define CAPACITY 8u

struct list {
	uint8_t count;
	uint8_t item[MAX_BUFFERS];
};

/* Where each buffer is; lists hold buffer numbers. */
struct model {
	uint64_t handle[MAX_BUFFERS];
	uint8_t buffers;
	uint8_t taken; /* popped, those put back not counted */
	uint8_t free; /* descriptors */
	uint8_t descriptors[MAX_BUFFERS];
	uint8_t capacity[MAX_BUFFERS];
	uint8_t len[MAX_BUFFERS];
	bool complete[MAX_BUFFERS];
	struct list staged;
	struct list available;
	struct list popped; /* in order of popping; in order: until staged */
	struct list done; /* staged as used */
	struct list used;
};

static struct rig rig;
static struct model model;
static bool in_order;
static unsigned long long steps;

/* What a snapshot has to keep. */
struct piece {
	void *memory;
	size_t bytes;
};
static struct piece pieces[5];
static uint8_t *saved[MAX_DEPTH + 1];
static struct model saved_model[MAX_DEPTH + 1];

static void push(struct list *list, unsigned int item)
{
	list->item[list->count++] = (uint8_t)item;
}

static unsigned int take(struct list *list, unsigned int at)
{
	unsigned int item = list->item[at];

	list->count--;
	memmove(list->item + at, list->item + at + 1, (size_t)list->count - at);
	/* Equal states are to be equal bytes. */
	list->item[list->count] = 0;
	return item;
}

static void move_all(struct list *from, struct list *to)
{
	while (from->count)
		push(to, take(from, 0));
}

static void snapshot(unsigned int depth)
{
	uint8_t *to = saved[depth];

	saved_model[depth] = model;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); to += pieces[i++].bytes)
		memcpy(to, pieces[i].memory, pieces[i].bytes);
}

static void bring_back(unsigned int depth)
{
	const uint8_t *from = saved[depth];

	model = saved_model[depth];
	for (size_t i = 0; i < ARRAY_SIZE(pieces); from += pieces[i++].bytes)
		memcpy(pieces[i].memory, from, pieces[i].bytes);
}

/* States that were met, and how many steps from each were looked at; new ones push out old ones. */
#define MET (1u << 20)
struct met {
	uint64_t hash[2];
	uint32_t steps;
};
static struct met *met;
static unsigned long long states;

static void hash_bytes(uint64_t hash[2], const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	for (uint64_t word; count; at += sizeof(word)) {
		size_t piece = count < sizeof(word) ? count : sizeof(word);

		word = 0;
		memcpy(&word, at, piece);
		count -= piece;
		/* Two odd constants without a pattern; the shifts bring high bits down again. */
		hash[0] = (hash[0] ^ word) * 0x9e3779b97f4a7c15u;
		hash[0] ^= hash[0] >> 29;
		hash[1] = (hash[1] + word) * 0xd1b54a32d192ed03u;
		hash[1] ^= hash[1] >> 31;
	}
}

/* True when all that can follow this state in @left steps was looked at before. */
static bool was_met(unsigned int left)
{
	uint64_t hash[2] = { 1, 2 };
	struct met *entry;

	hash_bytes(hash, &model, sizeof(model));
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		hash_bytes(hash, pieces[i].memory, pieces[i].bytes);
	entry = &met[hash[0] % MET];
	if (entry->hash[0] == hash[0] && entry->hash[1] == hash[1] && entry->steps >= left)
		return true;
	states++;
	*entry = (struct met){ { hash[0], hash[1] }, left };
	return false;
}

/* Each step answers whether it changed anything. */

static bool add(unsigned int segments)
{
	unsigned int number = model.buffers;
	struct vr_segment segment[2];
	struct vr_buffer buffer;
	bool fits = segments <= model.free;

	/* Every third buffer has no writable part; the two-segment ones have both. */
	buffer = rig_buffer(segment, segments == 2 || number % 3 == 2,
			    segments == 2 || number % 3 != 2, CAPACITY, 0, number);
	if (segments > rig.shape.size)
		CHECK_EQ(vr_driver_add(rig.driver, &buffer, 1), VR_E_TOO_LONG);
	else
		CHECK_EQ(vr_driver_add(rig.driver, &buffer, 1), fits);
	if (!fits)
		return false;
	model.descriptors[number] = (uint8_t)segments;
	model.capacity[number] = buffer.writable ? CAPACITY : 0;
	model.free = (uint8_t)(model.free - segments);
	model.buffers++;
	push(&model.staged, number);
	return true;
}

static bool publish_available(void)
{
	unsigned int count = model.staged.count;

	CHECK_EQ(vr_driver_publish(rig.driver), count);
	move_all(&model.staged, &model.available);
	return count;
}

static bool pop(void)
{
	bool there = model.available.count;
	struct vr_iovec segment[2];
	struct vr_chain chain;
	unsigned int number;

	CHECK_EQ(vr_device_pending(rig.device), there);
	CHECK_EQ(vr_device_pop(rig.device, &chain, 1, segment, 2), there);
	if (!there)
		return false;
	number = take(&model.available, 0);
	CHECK_EQ(chain.descriptors, model.descriptors[number]);
	CHECK_EQ(chain.writable_bytes, model.capacity[number]);
	model.handle[number] = chain.handle;
	model.complete[number] = false;
	push(&model.popped, number);
	model.taken++;
	return true;
}

/* Only the newest buffer that was popped at all can be put back, while it is not complete. */
static bool unpop(void)
{
	unsigned int number = model.taken - 1u;

	if (!model.taken)
		return false;
	if (model.complete[number]) {
		CHECK_EQ(vr_device_unpop(rig.device, model.handle[number]), VR_E_STALE);
		return false;
	}
	if (model.popped.count > 1) {
		unsigned int older = model.popped.item[model.popped.count - 2];

		CHECK_EQ(vr_device_unpop(rig.device, model.handle[older]), VR_E_STALE);
	}
	CHECK_EQ(vr_device_unpop(rig.device, model.handle[number]), 0);
	CHECK_EQ(take(&model.popped, model.popped.count - 1u), number);
	memmove(model.available.item + 1, model.available.item, model.available.count);
	model.available.item[0] = (uint8_t)number;
	model.available.count++;
	model.taken--;
	return true;
}

/* Completes popped buffer @at; in order it waits for those before it. */
static bool complete(unsigned int at)
{
	unsigned int number;
	uint32_t len;

	if (at >= model.popped.count)
		return false;
	number = model.popped.item[at];
	if (model.complete[number]) {
		CHECK_EQ(vr_device_complete(rig.device, model.handle[number], 0), VR_E_STALE);
		return false;
	}
	len = number % 2 ? model.capacity[number] : model.capacity[number] / 2u;
	if (at == 0 && number % 4 < 2)
		CHECK_EQ(vr_device_complete_oldest(rig.device, &len, 1), 1);
	else
		CHECK_EQ(vr_device_complete(rig.device, model.handle[number], len), 0);
	CHECK_EQ(vr_device_complete(rig.device, model.handle[number], len), VR_E_STALE);
	model.len[number] = (uint8_t)len;
	model.complete[number] = true;
	if (!in_order)
		push(&model.done, take(&model.popped, at));
	while (in_order && model.popped.count && model.complete[model.popped.item[0]])
		push(&model.done, take(&model.popped, 0));
	CHECK_EQ(vr_device_staged(rig.device), model.done.count);
	return true;
}

static bool publish_used(void)
{
	unsigned int count = model.done.count;

	CHECK_EQ(vr_device_publish(rig.device, NULL), count);
	move_all(&model.done, &model.used);
	return count;
}

static bool get(unsigned int want)
{
	struct vr_used used[4];
	unsigned int there = model.used.count;
	int got = vr_driver_get(rig.driver, used, want);

	CHECK(got >= (there ? 1 : 0));
	CHECK((unsigned int)got <= there && (unsigned int)got <= want);
	for (int i = 0; i < got; i++) {
		unsigned int number = take(&model.used, 0);

		CHECK_EQ(used[i].token, number);
		CHECK_EQ(used[i].len, model.len[number]);
		model.free = (uint8_t)(model.free + model.descriptors[number]);
	}
	CHECK_EQ(vr_driver_pending(rig.driver), model.used.count > 0);
	return got;
}

#define STEPS 9
static const char letters[STEPS + 1] = "12pocnuUg";

static bool take_step(unsigned int which)
{
	switch (which) {
	case 0:
		return add(1);
	case 1:
		return add(2);
	case 2:
		return publish_available();
	case 3:
		return pop();
	case 4:
		return complete(0);
	case 5:
		return complete(model.popped.count - 1u);
	case 6:
		return unpop();
	case 7:
		return publish_used();
	default:
		return get(1 + model.buffers % 4u);
	}
}

static char path[MAX_DEPTH + 2];

/* As deep as @limit, which is at most MAX_DEPTH. */
static void explore(unsigned int depth, unsigned int limit) /* NOLINT(misc-no-recursion) */
{
	CHECK_EQ(vr_driver_free(rig.driver), model.free);
	CHECK_EQ(vr_device_in_flight(rig.device), model.popped.count + model.done.count);
	if (depth == limit || was_met(limit - depth))
		return;
	snapshot(depth);
	for (unsigned int which = 0; which < STEPS; which++) {
		path[depth] = letters[which];
		path[depth + 1] = '\0';
		steps++;
		if (!take_step(which))
			continue;
		explore(depth + 1, limit);
		bring_back(depth);
	}
}

static void run(const struct form *form, uint32_t size, unsigned int limit, uint32_t device_flags)
{
	const struct rig_shape shape = { .features = form->features | VR_F_EVENT_IDX,
					 .size = size,
					 .device_flags = device_flags,
					 .wide = !device_flags };
	struct vr_driver_config driver_config;
	struct vr_device_config device_config;
	size_t bytes = 0;

	context("%s, size %u", form->name, size);
	if (!is_packed(form->features) && (size & (size - 1)))
		return;
	rig_open_both(&rig, &shape);
	driver_config = rig_driver_config(&rig);
	device_config = rig_device_config(&rig);
	pieces[0] = (struct piece){ rig.driver_state, vr_driver_size(&driver_config) };
	pieces[1] = (struct piece){ rig.device_state, vr_device_size(&device_config) };
	pieces[2] = (struct piece){ rig.descriptors.driver, rig.descriptors.bytes };
	pieces[3] = (struct piece){ rig.driver_area.driver, rig.driver_area.bytes };
	pieces[4] = (struct piece){ rig.device_area.driver, rig.device_area.bytes };
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		bytes += pieces[i].bytes;
	for (unsigned int i = 0; i <= limit; i++)
		CHECK((saved[i] = malloc(bytes)));
	memset(&model, 0, sizeof(model));
	model.free = (uint8_t)size;
	CHECK((met = calloc(MET, sizeof(*met))));
	in_order = is_in_order(form->features);
	watch(path);
	explore(0, limit);
	watch(NULL);
	for (unsigned int i = 0; i <= limit; i++)
		free(saved[i]);
	free(met);
	rig_close(&rig);
}

static unsigned int wanted_depth(void)
{
	const char *wanted = getenv("VIRTRING_DEPTH");
	unsigned long depth = wanted ? strtoul(wanted, NULL, 10) : DEPTH;

	CHECK(depth >= 4 && depth <= MAX_DEPTH);
	return (unsigned int)depth;
}

static void every_sequence_agrees_with_the_model(void **state)
{
	unsigned int depth = wanted_depth();

	(void)state;
	steps = 0;
	states = 0;
	FOR_EACH_FORM(form)
	for (uint32_t size = 1; size <= 4; size++)
		run(form, size, depth, 0);
	print_message("%u operations: %llu states, %llu steps\n", depth, states, steps);
}

static void every_sequence_with_an_entry_for_each(void **state)
{
	(void)state;
	run(&forms[2], 4, wanted_depth() - 2, VR_DEVICE_ENTRY_EACH | VR_DEVICE_CHECK_HEADS);
	run(&forms[3], 3, wanted_depth() - 2, VR_DEVICE_ENTRY_EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sequence_agrees_with_the_model),
		cmocka_unit_test(every_sequence_with_an_entry_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
