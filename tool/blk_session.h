/* SPDX-License-Identifier: BSD-3-Clause */
/* A session with somebody's block device: memory, queues, and commands in flight. */
#ifndef BLK_SESSION_H
#define BLK_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <virtring/blk.h>
#include <virtring/memory.h>
#include <virtring/vhost_user.h>

#include "tool.h"

#define SESSION_QUEUES_MAX 16u
#define SESSION_DEPTH_MAX 256u

/**
 * struct session_options - how to talk to it
 * @path: the socket
 * @mask: feature bits not to be wanted
 * @queues: request queues
 * @size: descriptors of each
 * @depth: commands in flight in all, up to SESSION_DEPTH_MAX
 * @block: bytes of data of each, a multiple of 512
 * @segment: bytes of the segments that data is cut into; 0: as large as the device takes
 */
struct session_options {
	const char *path;
	uint64_t mask;
	uint32_t queues;
	uint32_t size;
	uint32_t depth;
	uint32_t block;
	uint32_t segment;
};

struct session_queue {
	void *driver_state;
	void *blk_state;
	struct vr_driver *driver;
	struct vr_blk_driver *blk;
	struct vr_ring ring;
	int kick;
	int call;
	bool added;
};

/**
 * struct session - an open session
 * @options: as given
 * @frontend: the connection
 * @shm: all memory that the device sees
 * @offer: what it offered
 * @features: what was negotiated
 * @space: its configuration space
 * @data: one block for each command in flight
 * @epoll: what to wait for: the call descriptors, and the end of the connection
 * @queues: the queues
 * @notifications: kicks sent
 * @inflight: memory where the back end records what is in flight; without, its fd is -1
 * @returns: how often the back end was gone and another one took over
 */
struct session {
	struct session_options options;
	struct vr_vu_frontend *frontend;
	struct vr_shm *shm;
	struct vr_vu_offer offer;
	uint64_t features;
	struct vr_blk_space space;
	uint8_t *data;
	int epoll;
	struct session_queue queues[SESSION_QUEUES_MAX];
	bool started;
	uint64_t notifications;
	struct vr_vu_inflight inflight;
	uint64_t returns;
};

/**
 * session_open() - connect, negotiate, start the queues
 * @s: zero
 * @options: copied
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set; then session_close() is still due.
 */
int session_open(struct session *s, const struct session_options *options, char *error);

/** session_close() - stop the queues, disconnect, free everything; of a zero session, nothing */
void session_close(struct session *s);

/** session_block() - the data of a slot, 0..depth-1 */
uint8_t *session_block(const struct session *s, uint32_t slot);

/**
 * session_transfer() - have a read or a write of a slot's data staged
 * @s: the session
 * @slot: whose data; its queue is @slot modulo the number of queues
 * @type: VR_BLK_T_IN or VR_BLK_T_OUT
 * @sector: first sector
 * @bytes: how much, up to the block size
 *
 * The result's token is @slot.
 *
 * Return: 1, 0 when the queue is full, or a negative enum vr_error.
 */
int session_transfer(struct session *s, uint32_t slot, uint32_t type, uint64_t sector,
		     uint32_t bytes);

/**
 * session_zero() - have zeroes written, without sending them
 * @s: the session
 * @slot: as session_transfer()
 * @sector: first sector
 * @bytes: how much
 *
 * The device may free the blocks if it can.
 *
 * Return: as session_transfer(); 0 also when the device does not take this, and the zeroes have to
 * be sent.
 */
int session_zero(struct session *s, uint32_t slot, uint64_t sector, uint32_t bytes);

/** session_look() - as session_wait(), but answers 0 instead of waiting */
int session_look(struct session *s, struct vr_blk_result *results, unsigned int count, char *error);

/**
 * session_wait() - publish what is staged, and wait for results
 * @s: the session
 * @results: filled
 * @count: capacity of @results
 * @error: TOOL_TEXT bytes
 *
 * Return: 1.. results, or -1 with @error set (nothing comes for 30 seconds, the device is gone, a
 * queue is broken, a signal came).
 */
int session_wait(struct session *s, struct vr_blk_result *results, unsigned int count, char *error);

/**
 * session_command() - one command without data, from beginning to end
 * @s: a session with nothing in flight
 * @command: the command
 * @result: filled
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set; the status is the caller's to judge.
 */
int session_command(struct session *s, const struct vr_blk_command *command,
		    struct vr_blk_result *result, char *error);

/** session_bytes() - size of the disk */
uint64_t session_bytes(const struct session *s);

#endif
