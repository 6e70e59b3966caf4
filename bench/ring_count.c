// SPDX-License-Identifier: BSD-3-Clause
/* Runs a core that tells of each access to ring memory, and counts what it tells. */
#include "ring_count.h"

#include <stdlib.h>
#include <string.h>

#include "mesi.h"
#include "ring_pair.h"
#include "trace.h"

/* Laps of the ring: an even number, as packed rings repeat every other lap. */
#define WARM_LAPS 2u
#define LAPS 16u

/* Whose turn it is: the core is one program, and knows of no back end with a context. */
static struct {
	struct role_count *role; /* NULL: nobody's */
	struct mesi *mesi;
	struct bus *bus; /* NULL: the driver's turn */
} turn;

static void hand_over(uintptr_t address, size_t bytes, bool store)
{
	uintptr_t last = (address + bytes - 1) / MESI_LINE;

	for (uintptr_t line = address / MESI_LINE; line <= last; line++) {
		switch (mesi_access(turn.mesi, turn.bus != NULL, line * MESI_LINE, store)) {
		case MESI_READ:
			turn.role->reads++;
			break;
		case MESI_UPGRADE:
		case MESI_FETCH:
			turn.role->upgrades++;
			break;
		case MESI_HIT:
		case MESI_MEMORY:
			break;
		}
	}
}

void trace_note(enum trace_kind kind, const void *field, size_t bytes)
{
	uintptr_t address = (uintptr_t)field;
	bool load = kind == TRACE_LOAD || kind == TRACE_LOAD_ACQUIRE;

	if (!turn.role)
		return;
	if (!load && kind != TRACE_STORE && kind != TRACE_STORE_RELEASE) {
		if (turn.bus)
			bus_fence(turn.bus);
		return;
	}
	hand_over(address, bytes, !load);
	if (load) {
		turn.role->loads++;
		turn.role->load_bytes += bytes;
		if (turn.bus)
			bus_load(turn.bus, address, bytes, kind == TRACE_LOAD_ACQUIRE);
	} else {
		turn.role->stores++;
		turn.role->store_bytes += bytes;
		if (turn.bus)
			bus_store(turn.bus, address, bytes, kind == TRACE_STORE_RELEASE);
	}
}

/* One burst through the ring; 0, or -1 when it did not come back whole. */
static int play(struct ring_pair *pair, struct ring_drain *drain, struct ring_count *count,
		struct bus *bus)
{
	int burst = (int)pair->cell.burst;
	struct vr_used used[RING_BURST_MAX];
	int added, drained, got;

	turn.role = &count->role[SIDE_DRIVER];
	turn.bus = NULL;
	added = ring_pair_add(pair, pair->cell.burst);
	turn.role = &count->role[SIDE_DEVICE];
	turn.bus = bus;
	drained = ring_pair_drain(pair, drain);
	/* It goes to sleep, and what it had read is of no use when it wakes up. */
	bus_fence(bus);
	turn.role = &count->role[SIDE_DRIVER];
	turn.bus = NULL;
	got = vr_driver_get(pair->driver, used, pair->cell.burst);
	turn.role = NULL;
	return added == burst && drained == burst && got == burst ? 0 : -1;
}

static int play_all(struct ring_pair *pair, uint64_t warm, uint64_t bursts,
		    struct ring_count *count)
{
	struct ring_drain *drain = malloc(sizeof(*drain));
	struct bus *bus = calloc(1, sizeof(*bus));
	int result = drain && bus && turn.mesi ? 0 : -1;

	if (!result)
		ring_drain_init(drain, &pair->cell);
	for (uint64_t i = 0; i < warm + bursts && !result; i++) {
		if (i == warm) {
			memset(count, 0, sizeof(*count));
			memset(bus, 0, sizeof(*bus));
		}
		result = play(pair, drain, count, bus);
	}
	if (!result) {
		count->buffers = bursts * pair->cell.burst;
		count->bus_reads = bus->reads;
		count->bus_writes = bus->writes;
	}
	free(bus);
	free(drain);
	return result;
}

int ring_count(const struct ring_cell *cell, struct ring_count *count)
{
	/* Laps of the buffers, which are at least those of the descriptors. */
	uint64_t lap = (cell->size + cell->burst - 1) / cell->burst;
	struct ring_pair pair;
	int result;

	memset(count, 0, sizeof(*count));
	turn.role = NULL;
	if (ring_pair_open(&pair, cell))
		return -1;
	turn.mesi = mesi_new();
	result = play_all(&pair, WARM_LAPS * lap, LAPS * lap, count);
	mesi_free(turn.mesi);
	turn.mesi = NULL;
	ring_pair_close(&pair);
	return result ? -1 : layout_floor(cell, WARM_LAPS * lap, LAPS * lap, &count->floor);
}
