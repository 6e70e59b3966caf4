/* SPDX-License-Identifier: BSD-3-Clause */
/* A device on the ready loop that answers with what it reads, now or later; for tests. */
#ifndef TEST_VU_ECHO_H
#define TEST_VU_ECHO_H

#include <pthread.h>
#include <stdatomic.h>

#include <virtring/vhost_user_loop.h>

#include "form.h"
#include "vu_rig.h"

#define ECHO_SIZE 16u
#define ECHO_PIECES 8u

/**
 * struct held - a buffer that the echo device keeps for later
 * @chain: what was popped
 * @segments: its pieces
 */
struct held {
	struct vr_chain chain;
	struct vr_iovec segments[ECHO_PIECES];
};

/**
 * struct echo - a device that answers with what it reads
 * @loop: whose it is
 * @thread: where the loop runs
 * @hold: buffers are kept until @release_fd is signalled
 * @refuse: no queue is started
 * @fail: queue_work() answers so
 * @release_fd: see there
 * @held: what is kept, of all queues
 * @held_of: and whose each is
 * @held_count: how many
 * @starts: queues started
 * @stops: queues stopped
 * @broken: queues found broken
 * @dropped: buffers taken on a disabled ring
 * @works: calls of queue_work()
 */
struct echo {
	struct vr_vu_loop *loop;
	pthread_t thread;
	atomic_bool hold;
	atomic_bool refuse;
	atomic_int fail;
	int release_fd;
	struct held held[ECHO_SIZE * VU_RIG_QUEUES];
	struct vr_vu_queue *held_of[ECHO_SIZE * VU_RIG_QUEUES];
	atomic_uint held_count;
	atomic_uint starts;
	atomic_uint stops;
	atomic_uint broken;
	atomic_uint dropped;
	atomic_uint works;
};

/* What it does with its queues. */
extern const struct vr_vu_loop_ops echo_ops;
/* Nothing: what is left to the loop. */
extern const struct vr_vu_backend_ops echo_no_rings;

/* A back end of VU_RIG_QUEUES rings. */
struct vr_vu_backend_config echo_backend(void *context);
/* Answers a buffer. */
void echo_answer(struct vr_vu_queue *queue, const struct vr_chain *chain);
/* A loop that nobody is connected to. */
void echo_create(struct echo *echo);
/* Runs the loop in a thread of its own. */
void echo_run(struct echo *echo);
/* Serves a connection, which becomes the loop's, in a thread of its own. */
void echo_serve(struct echo *echo, int fd);
/* Ends that thread. */
void echo_stop(struct echo *echo);
/* Frees everything; nothing may be left over. */
void echo_destroy(struct echo *echo);

/* Both ends, with drivers. */
void echo_begin(struct echo *echo, struct vu_rig *rig);
void echo_end(struct echo *echo, struct vu_rig *rig);

/* A front end for a form, with rings of ECHO_SIZE. */
struct vu_rig echo_rig(const struct form *form, uint32_t count);
/* Adds a buffer of 100 bytes each way, whose content depends on @number. */
void echo_put(struct vu_rig *rig, uint32_t queue, uint32_t slot, uint32_t number);
/* Takes one back, and compares. */
void echo_get(struct vu_rig *rig, uint32_t queue);
/* Some rounds of a few buffers each on every queue. */
void echo_exchange(struct vu_rig *rig, uint32_t rounds);

#endif
