// SPDX-License-Identifier: BSD-3-Clause
/*
 * Both halves of the core in two threads of Relacy's simulator, which answers each load with any value
 * that C++'s memory model allows, and interleaves the threads at random. Payload is plain memory
 * to it: an access that the ring does not order is a data race. Who sleeps and is not woken, although
 * there is something, makes a deadlock.
 *
 *     ring FORM MODE EXECUTIONS [SIDE ORDER]
 *
 * With SIDE (driver or device) its accesses lose one order: release or acquire become relaxed, fence
 * becomes nothing. Then the simulator must find a fault, and finding none is the failure.
 */
#include <relacy/relacy.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ostream>

#include <virtring/device.h>
#include <virtring/driver.h>

#include "ring_access.h"

namespace
{

constexpr unsigned int TOTAL = 6; /* buffers in an execution */
constexpr unsigned int BURST = 2;
constexpr unsigned int PLACES = 4;
constexpr unsigned int PLACE_BYTES = 16;
constexpr unsigned int AREA_BYTES = 64;
constexpr unsigned int STATE_BYTES = 8192;
constexpr uint64_t OUT = 0x10000;
constexpr uint64_t IN = 0x20000;

struct form {
	const char *name;
	uint64_t features;
	uint32_t size;
};

const form forms[] = {
	{ "split", 0, 2 },
	{ "split-in-order", VR_F_IN_ORDER, 2 },
	{ "packed", VR_F_RING_PACKED, 3 },
	{ "packed-in-order", VR_F_RING_PACKED | VR_F_IN_ORDER, 3 },
};

enum mode {
	POLL,
	SLEEP,
	SLEEP_EVENT_IDX,
	MODES
};
const char *const mode_names[] = { "poll", "sleep", "sleep-event-idx" };

enum dropped {
	NOTHING,
	RELEASE,
	ACQUIRE,
	FENCE,
	DROPS
};
const char *const side_names[] = { "driver", "device" };
const char *const dropped_names[] = { "nothing", "release", "acquire", "fence" };

const form *the_form;
mode the_mode;
dropped the_dropped;
unsigned int the_side;

bool drops(dropped order)
{
	return the_dropped == order && rl::thread_index() == the_side;
}

/* What the core has addresses of. The ring's bytes stay unused: fields live in the simulator. */
alignas(64) uint8_t ring_bytes[3][AREA_BYTES];
uint8_t out_bytes[PLACES * PLACE_BYTES];
uint8_t in_bytes[PLACES * PLACE_BYTES];
alignas(64) uint8_t driver_state[STATE_BYTES];
alignas(64) uint8_t device_state[STATE_BYTES];

const vr_map_range ranges[] = {
	{ OUT, sizeof(out_bytes), (uintptr_t)out_bytes, VR_ACCESS_READ, 0 },
	{ IN, sizeof(in_bytes), (uintptr_t)in_bytes, VR_ACCESS_WRITE, 0 },
};
const vr_map map = { ranges, 2, 0, nullptr, nullptr };

/* Fields are at even addresses. */
constexpr unsigned int FIELDS = sizeof(ring_bytes) / 2;

struct simulation;
simulation *now;

struct simulation : rl::test_suite<simulation, 2> {
	rl::atomic<uint64_t> field[FIELDS];
	unsigned int width[FIELDS];
	rl::var<uint64_t> out[PLACES];
	rl::var<uint64_t> in[PLACES];
	rl::generic_event wake[2];
	vr_driver *driver;
	vr_device *device;

	void before();
	void after();
	void thread(unsigned int number);
	void driver_thread();
	void device_thread();
	unsigned int driver_adds(uint64_t *token, unsigned int *places, unsigned int *free);
	unsigned int driver_gets(uint64_t *back, unsigned int *places, unsigned int *free);
	unsigned int device_works(uint64_t *token);
	uint32_t device_serves(const vr_chain &chain, uint64_t expected);
	unsigned int at(const void *address, unsigned int bytes);
};

/* The number of the field; one that is accessed with two widths would be two fields here. */
unsigned int simulation::at(const void *address, unsigned int bytes)
{
	auto offset = (size_t)((const uint8_t *)address - &ring_bytes[0][0]);
	auto number = (unsigned int)(offset / 2);

	RL_ASSERT(offset < sizeof(ring_bytes) && offset % 2 == 0);
	RL_ASSERT(!width[number] || width[number] == bytes);
	width[number] = bytes;
	return number;
}

bool in_order()
{
	return the_form->features & VR_F_IN_ORDER;
}

bool writes(uint64_t token)
{
	return token % 3 == 1;
}

void simulation::before()
{
	vr_driver_config driver_config = {};
	vr_device_config device_config = {};
	vr_ring ring = {};

	now = this;
	for (unsigned int i = 0; i < FIELDS; i++) {
		field[i].store(0, rl::mo_relaxed, $);
		width[i] = 0;
	}
	for (unsigned int i = 0; i < PLACES; i++) {
		out[i]($) = 0;
		in[i]($) = 0;
	}
	wake[0].init(false, false, $);
	wake[1].init(false, false, $);
	ring.descriptors.host = ring_bytes[0];
	ring.driver.host = ring_bytes[1];
	ring.device.host = ring_bytes[2];
	driver_config.struct_size = sizeof(driver_config);
	device_config.struct_size = sizeof(device_config);
	driver_config.features = VR_F_VERSION_1 | the_form->features;
	if (the_mode == SLEEP_EVENT_IDX)
		driver_config.features |= VR_F_EVENT_IDX;
	device_config.features = driver_config.features;
	driver_config.ring = device_config.ring = ring;
	driver_config.queue_size = device_config.queue_size = the_form->size;
	device_config.map = &map;
	RL_ASSERT(!vr_driver_init(driver_state, STATE_BYTES, &driver_config, &driver));
	RL_ASSERT(!vr_device_init(device_state, STATE_BYTES, &device_config, &device));
}

void simulation::after()
{
	RL_ASSERT(vr_driver_outstanding(driver) == 0);
	RL_ASSERT(vr_device_in_flight(device) == 0);
	wake[0].deinit($);
	wake[1].deinit($);
}

void simulation::thread(unsigned int number)
{
	if (number == 0)
		driver_thread();
	else
		device_thread();
}

unsigned int simulation::driver_adds(uint64_t *token, unsigned int *places, unsigned int *free)
{
	unsigned int added = 0;

	while (added < BURST && *free && *token < TOTAL) {
		unsigned int place = places[*free - 1];
		vr_segment segments[2] = { { OUT + place * PLACE_BYTES, PLACE_BYTES, 0 },
					   { IN + place * PLACE_BYTES, PLACE_BYTES, 0 } };
		vr_buffer buffer = {};

		buffer.segments = segments;
		buffer.readable = 1;
		buffer.writable = writes(*token);
		buffer.token = *token;
		buffer.context = place;
		out[place]($) = *token + 1;
		int taken = vr_driver_add(driver, &buffer, 1);
		RL_ASSERT(taken >= 0);
		if (!taken)
			break;
		--*free;
		++*token;
		added++;
	}
	if (!added)
		return 0;
	RL_ASSERT(vr_driver_publish(driver) == (int)added);
	if (the_mode != POLL && vr_driver_must_notify(driver))
		wake[1].set($);
	return added;
}

unsigned int simulation::driver_gets(uint64_t *back, unsigned int *places, unsigned int *free)
{
	vr_used used[BURST];
	int got = vr_driver_get(driver, used, BURST);

	RL_ASSERT(got >= 0);
	for (int i = 0; i < got; i++) {
		auto place = (unsigned int)used[i].context;

		RL_ASSERT(!in_order() || used[i].token == *back);
		++*back;
		RL_ASSERT(used[i].len == (writes(used[i].token) ? PLACE_BYTES : 0));
		if (used[i].len)
			RL_ASSERT(in[place]($) == ~used[i].token);
		RL_ASSERT(place < PLACES && *free < PLACES);
		places[(*free)++] = place;
	}
	return (unsigned int)got;
}

void simulation::driver_thread()
{
	unsigned int places[PLACES];
	unsigned int free = PLACES;
	uint64_t token = 0;
	uint64_t back = 0;

	for (unsigned int i = 0; i < PLACES; i++)
		places[i] = i;
	while (back < TOTAL) {
		unsigned int moved = driver_adds(&token, places, &free);

		moved += driver_gets(&back, places, &free);
		if (moved)
			continue;
		if (the_mode == POLL)
			rl::yield(1, $);
		else if (!vr_driver_arm(driver, nullptr))
			wake[0].wait(false, false, $);
		if (the_mode != POLL && rl::rand(2))
			vr_driver_disarm(driver, nullptr);
	}
}

uint32_t simulation::device_serves(const vr_chain &chain, uint64_t expected)
{
	auto place = (unsigned int)((uint8_t *)chain.segments[0].base - out_bytes) / PLACE_BYTES;

	RL_ASSERT(place < PLACES);
	RL_ASSERT(out[place]($) == expected + 1);
	RL_ASSERT(chain.writable == writes(expected));
	if (!chain.writable)
		return 0;
	in[place]($) = ~expected;
	return PLACE_BYTES;
}

unsigned int simulation::device_works(uint64_t *token)
{
	vr_chain chains[BURST];
	vr_iovec segments[2 * BURST];
	uint32_t lens[BURST];
	int got = vr_device_pop(device, chains, 1 + rl::rand(BURST), segments, 2 * BURST);

	RL_ASSERT(got >= 0);
	for (int i = 0; i < got; i++)
		lens[i] = device_serves(chains[i], (*token)++);
	/* The last first, which is out of order where that is allowed. */
	for (int i = got - 1; i >= 0; i--)
		RL_ASSERT(!vr_device_complete(device, chains[i].handle, lens[i]));
	if (!got)
		return 0;
	RL_ASSERT(vr_device_publish(device, nullptr) == got);
	if (the_mode != POLL && vr_device_must_notify(device))
		wake[0].set($);
	return (unsigned int)got;
}

void simulation::device_thread()
{
	uint64_t token = 0;

	while (token < TOTAL) {
		if (device_works(&token))
			continue;
		if (the_mode == POLL)
			rl::yield(1, $);
		else if (!vr_device_arm(device, nullptr))
			wake[1].wait(false, false, $);
		if (the_mode != POLL && rl::rand(2))
			vr_device_disarm(device, nullptr);
	}
}

template <typename T> int index_of(const char *name, const T &names, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return i;
	fprintf(stderr, "ring: '%s' is not known\n", name);
	exit(2);
}

} // namespace

uint64_t sim_load(const void *field, unsigned int bytes, bool acquire)
{
	rl::memory_order order = acquire && !drops(ACQUIRE) ? rl::mo_acquire : rl::mo_relaxed;

	return now->field[now->at(field, bytes)].load(order, $);
}

void sim_store(void *field, unsigned int bytes, uint64_t value, bool release)
{
	rl::memory_order order = release && !drops(RELEASE) ? rl::mo_release : rl::mo_relaxed;

	now->field[now->at(field, bytes)].store(value, order, $);
}

void sim_fence(void)
{
	if (!drops(FENCE))
		rl::atomic_thread_fence(rl::mo_seq_cst, $);
}

int main(int argc, char **argv)
{
	const char *names[] = { forms[0].name, forms[1].name, forms[2].name, forms[3].name };
	rl::test_params params;
	std::ostream nowhere(nullptr);
	bool good;

	if (argc != 4 && argc != 6) {
		fprintf(stderr, "usage: ring FORM MODE EXECUTIONS [SIDE ORDER]\n");
		return 2;
	}
	the_form = &forms[index_of(argv[1], names, 4)];
	the_mode = (mode)index_of(argv[2], mode_names, MODES);
	params.iteration_count = (rl::iteration_t)strtoul(argv[3], nullptr, 10);
	if (argc == 6) {
		the_side = (unsigned int)index_of(argv[4], side_names, 2);
		the_dropped = (dropped)index_of(argv[5], dropped_names, DROPS);
	}
	params.execution_depth_limit = 20000;
	params.progress_stream = &nowhere;
	/* A fault that is found comes with the steps that led to it. */
	if (the_dropped != NOTHING)
		params.output_stream = &nowhere;
	good = rl::simulate<simulation>(params);
	printf("%s after %llu executions\n", rl::test_result_str(params.test_result),
	       (unsigned long long)params.stop_iteration);
	return good == (the_dropped == NOTHING) ? 0 : 1;
}
