/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the loads on our driver half have in common: a session with a device, its rings, and waiting.
 * The library's public calls only: this is what a user's driver looks like.
 */
#ifndef CHECK_LOAD_RING_H
#define CHECK_LOAD_RING_H

#include <virtring/driver.h>
#include <virtring/memory.h>
#include <virtring/vhost_user.h>

#include "check_load.h"

#define LOAD_RINGS 2u
#define LOAD_MESSAGE_MS 30000
/* Without any progress for so long, something is lost. */
#define LOAD_HUNG_MS 20000

/**
 * struct load_session - a session with the device
 * @vrings: as the transport wants them
 * @drivers: the driver halves
 * @states: their memory
 * @ring_count: how many of each
 * @random: state of load_below()
 * @config_reads: times that the device said that its configuration has changed, not yet followed
 * @channel: it has a channel to say so
 */
struct load_session {
	const struct load_job *job;
	struct vr_vu_frontend *frontend;
	struct vr_shm *shm;
	struct vr_vu_offer offer;
	struct vr_vu_vring vrings[LOAD_RINGS];
	struct vr_driver *drivers[LOAD_RINGS];
	void *states[LOAD_RINGS];
	uint32_t ring_count;
	uint64_t random;
	uint32_t config_reads;
	bool channel;
};

/* At random, below @bound. */
uint32_t load_below(struct load_session *s, uint32_t bound);
/* Says what is wrong on standard error; answers @status. */
int load_say(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a session ends with: a queue that broke, and a device that is gone or refuses. */
int load_broken(const struct load_session *s, uint32_t ring);
int load_lost(const struct load_session *s, int code);

/* Connects and negotiates; @rings: in what the device counts as a queue. Answers LOAD_*, as all do. */
int load_connect(struct load_session *s, uint32_t rings);
/* Shared memory for the rings, and @bytes more. */
int load_make_memory(struct load_session *s, uint64_t bytes);
/* The next ring: its memory and the driver's half. */
int load_make_ring(struct load_session *s);
/* Serves the back end's channel, if there is one. */
void load_open_channel(struct load_session *s);
int load_start(struct load_session *s);
int load_stop(struct load_session *s);
/* Starts again after a stop: the base that the device answered has to be where each half is. */
int load_go_on(struct load_session *s);
/* Frees what the session has. */
void load_end(struct load_session *s);

/* Publishes what was added, and kicks if that is wanted. */
void load_kick(struct load_session *s, uint32_t ring);
/*
 * There is nothing to take: arms, or stays awake, in one way or another, and sleeps on all rings.
 * @since: play_now() of the last progress.
 */
int load_rest(struct load_session *s, int64_t since);

#endif
