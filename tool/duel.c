// SPDX-License-Identifier: BSD-3-Clause
/* Two threads, each on a CPU of its own, that work with each other while they are measured. */
#include "duel.h"

#include <pthread.h>
#include <string.h>

#include "instructions.h"

/* How long one side waits for the other to begin. */
#define PATIENCE 1.0

/* What both threads share; on lines of its own, the measured ones are elsewhere. */
struct ground {
	const struct duel *duel;
	struct duel_figures *figures;
	struct roundtrip before;
	struct roundtrip after;
	int pin_error[SIDES];
};

struct fighter {
	struct ground *ground;
	enum side side;
	bool alone;
};

static uint64_t cycles_now(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

/* Plays a side and notes what it took. */
static void measure(struct ground *ground, enum side side)
{
	struct duel_figures *figures = ground->figures;
	int counter = instructions_open();
	double cpu = tool_cpu_seconds();
	double start = tool_now();
	uint64_t cycles = cycles_now();
	uint64_t executed = instructions_read(counter);
	double took;

	ground->duel->play[side](ground->duel->context);
	figures->instructions[side] = instructions_read(counter) - executed;
	cycles = cycles_now() - cycles;
	took = tool_now() - start;
	figures->cpu[side] = took > 0 ? (tool_cpu_seconds() - cpu) / took : 0;
	instructions_close(counter);
	if (side != SIDE_DRIVER)
		return;
	figures->seconds = took;
	figures->cycles = cycles;
	figures->instructions_error = counter < 0 ? -counter : 0;
}

static void *fight(void *argument)
{
	const struct fighter *fighter = argument;
	struct ground *ground = fighter->ground;
	struct duel_figures *figures = ground->figures;
	bool serve = fighter->side == SIDE_DRIVER;
	double ns[2] = { -1, -1 };

	ground->pin_error[fighter->side] = topology_pin(ground->duel->cpu[fighter->side]);
	if (!fighter->alone)
		ns[0] = roundtrip_measure(&ground->before, serve, PATIENCE);
	measure(ground, fighter->side);
	if (!fighter->alone)
		ns[1] = roundtrip_measure(&ground->after, serve, PATIENCE);
	if (serve)
		memcpy(figures->roundtrip_ns, ns, sizeof(ns));
	return NULL;
}

static int judge(const struct ground *ground, char *error)
{
	for (int side = 0; side < SIDES; side++)
		if (ground->pin_error[side])
			return tool_text(error, "no thread may run on CPU %d",
					 ground->duel->cpu[side]);
	return 0;
}

int duel_alone(const struct duel *duel, struct duel_figures *figures, char *error)
{
	struct ground ground = { .duel = duel, .figures = figures };
	struct fighter fighter = { &ground, SIDE_DRIVER, true };
	pthread_t thread;

	memset(figures, 0, sizeof(*figures));
	if (pthread_create(&thread, NULL, fight, &fighter))
		return tool_text(error, "no thread could be made");
	pthread_join(thread, NULL);
	return judge(&ground, error);
}

int duel_play(const struct duel *duel, struct duel_figures *figures, char *error)
{
	struct ground ground = { .duel = duel, .figures = figures };
	struct fighter fighters[SIDES] = {
		{ &ground, SIDE_DRIVER, false },
		{ &ground, SIDE_DEVICE, false },
	};
	pthread_t threads[SIDES];

	memset(figures, 0, sizeof(*figures));
	if (pthread_create(&threads[SIDE_DRIVER], NULL, fight, &fighters[SIDE_DRIVER]))
		return tool_text(error, "no thread could be made");
	if (pthread_create(&threads[SIDE_DEVICE], NULL, fight, &fighters[SIDE_DEVICE])) {
		/* The driver's side ends by itself, as the device's may do nothing at all. */
		pthread_join(threads[SIDE_DRIVER], NULL);
		return tool_text(error, "only one thread could be made");
	}
	for (int side = 0; side < SIDES; side++)
		pthread_join(threads[side], NULL);
	return judge(&ground, error);
}

enum distance duel_distance(const struct duel_figures *figures, double near_ns, double far_ns)
{
	enum distance before = roundtrip_distance(figures->roundtrip_ns[0], near_ns, far_ns);
	enum distance after = roundtrip_distance(figures->roundtrip_ns[1], near_ns, far_ns);

	return before == after ? before : DISTANCE_UNKNOWN;
}
