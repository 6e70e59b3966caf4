/* SPDX-License-Identifier: BSD-3-Clause */
/* A front end's session with somebody's back end: connection, shared memory, driver halves. */
#ifndef FRONT_H
#define FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include <virtring/driver.h>
#include <virtring/memory.h>
#include <virtring/vhost_user.h>

#include "tool.h"

#define FRONT_QUEUES_MAX 129u

/* Time for each vhost-user message. */
#define FRONT_MESSAGE_MS 10000

/**
 * struct front_queue - a queue of the session
 * @index: number of the ring
 * @size: descriptors, 0: the ring is not used
 * @state: memory of @driver
 * @driver: its driver half
 * @ring: its areas
 * @kick: written when buffers are available
 * @call: read when buffers were used
 */
struct front_queue {
	uint32_t index;
	uint32_t size;
	void *state;
	struct vr_driver *driver;
	struct vr_ring ring;
	int kick;
	int call;
};

/**
 * struct front - a session
 * @path: the socket
 * @frontend: the connection
 * @shm: all memory that the device sees
 * @offer: what it offered
 * @features: what was negotiated
 * @queues: the queues; those with a size are started
 * @count: how many of them there are
 * @started: the rings are
 * @notifications: kicks sent
 * @kick_error: what one of them was answered with, or 0; front_rest() tells it
 * @patience: seconds to wait for a back end that went away, 0: an error at once
 * @inflight: memory where the back end records what is in flight; without, its fd is -1
 * @returns: how often the back end was gone and another one took over
 */
struct front {
	const char *path;
	struct vr_vu_frontend *frontend;
	struct vr_shm *shm;
	struct vr_vu_offer offer;
	uint64_t features;
	struct front_queue queues[FRONT_QUEUES_MAX];
	uint32_t count;
	bool started;
	uint64_t notifications;
	int kick_error;
	double patience;
	struct vr_vu_inflight inflight;
	uint64_t returns;
};

/**
 * front_open() - connect and negotiate
 * @f: filled
 * @path: the socket
 * @wanted: features that the driver can use; VERSION_1 is required
 * @patience: when the back end goes away, seconds to wait for another one that goes on in its place;
 *	needs INFLIGHT_SHMFD. 0: do not
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set; then front_close() is still due. Likewise for the others.
 */
int front_open(struct front *f, const char *path, uint64_t wanted, double patience, char *error);

/**
 * front_config() - read the configuration space
 * @f: an open session
 * @wire: filled
 * @bytes: how much
 * @error: TOOL_TEXT bytes
 *
 * Return: 1; 0 when the back end has none; -1 with @error set.
 */
int front_config(struct front *f, uint8_t *wire, uint32_t bytes, char *error);

/** front_ring_bytes() - shared memory that front_queue() takes for a ring of @size descriptors */
uint64_t front_ring_bytes(const struct front *f, uint32_t size);

/** front_memory() - make the shared memory, of @bytes; once */
int front_memory(struct front *f, uint64_t bytes, char *error);

/** front_area() - a piece of the shared memory, aligned to 128; 0, or -1 when it is used up */
int front_area(struct front *f, struct vr_ring_area *area, uint64_t bytes);

/** front_queue() - make ring @index, of @size descriptors, without indirect tables */
int front_queue(struct front *f, uint32_t index, uint32_t size, char *error);

/** front_start() - start the rings */
int front_start(struct front *f, char *error);

/** front_kick() - the verdict of what was published on a queue, and the kick if it is due */
void front_kick(struct front *f, struct front_queue *q);

/** front_broken() - put into @error why a queue is broken; answers -1 */
int front_broken(const struct front_queue *q, char *error);

/**
 * front_rest() - sleep until the device has used a buffer of a queue that was armed
 * @f: a started session; queues without anything outstanding are not armed
 * @ms: at most so long
 * @error: TOOL_TEXT bytes
 *
 * A device that is gone is waited for, if front_open() was told so; then @returns goes up.
 *
 * Return: 1 when there may be something, 0 when the time is over, -1 with @error set: the device is
 * gone for good, or a signal came.
 */
int front_rest(struct front *f, int ms, char *error);

/** front_close() - stop the rings, disconnect, free everything; of a zero session, nothing */
void front_close(struct front *f);

#endif
