/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own driver half under load, as a front end of a disk or of a network card that compares
 * everything it gets.
 */
#ifndef CHECK_LOAD_H
#define CHECK_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/* How the process ends. */
#define LOAD_OK 0
#define LOAD_FAILED 1 /* it could not even be started */
#define LOAD_REFUSED 3 /* the half refused what a hostile device did */
#define LOAD_ENDED 4 /* a hostile device ended the session, or does no more */
#define LOAD_CHEATED 5 /* a hostile device gave back something else than it should */
#define LOAD_HUNG 98
#define LOAD_CORRUPT 99

/**
 * struct load_job - what to do
 * @path: where the device listens
 * @features: what to ask for at most
 * @size: of the ring
 * @indirect: entries of each indirect table, 0: none
 * @requests: how many, or packets
 * @seed: of all that is random
 * @small: how many more after those, each without data
 * @chains: of packets: chains among buffers of one segment, and few lengths
 * @shallow: fewer in flight than the ring can hold
 * @restarts: stops and starts of the ring on the way
 * @hostile: the device will do something wrong; that is to be survived
 * @config: reads the configuration space, and serves the back end's channel
 */
struct load_job {
	const char *path;
	uint64_t features;
	uint32_t size;
	uint16_t indirect;
	uint32_t requests;
	uint64_t seed;
	uint32_t small;
	bool chains;
	bool shallow;
	uint32_t restarts;
	bool hostile;
	bool config;
};

/* Does it, in this process; says on standard error what is wrong. Answers LOAD_*. */
int load_run(const struct load_job *job);
int load_run_net(const struct load_job *job);

#endif
