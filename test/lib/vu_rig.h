/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A front end with drivers for tests of a back end that is built from the library's parts: shared
 * memory, rings, the core's driver half on each, and a session. Calls fail the test when they fail.
 */
#ifndef TEST_VU_RIG_H
#define TEST_VU_RIG_H

#include <virtring/driver.h>
#include <virtring/memory.h>
#include <virtring/vhost_user.h>

#define VU_RIG_QUEUES 4u
#define VU_RIG_SLOT 256u /* bytes of a buffer's half: that to read, and that to write */
#define VU_RIG_MS 60000

/**
 * struct vu_rig_queue - one of the rings
 * @ring: its memory
 * @driver: its driver half
 * @state: memory of that
 * @vring: as the session knows it
 * @out: queue size times what a buffer has to be read
 * @in: queue size times what it has to be written
 */
struct vu_rig_queue {
	struct vr_ring ring;
	struct vr_driver *driver;
	void *state;
	struct vr_vu_vring vring;
	unsigned char *out;
	unsigned char *in;
};

/**
 * struct vu_rig - a front end
 * @features: negotiated, of those that the rings know
 * @size: descriptors of each ring
 * @count: rings
 * @protocol: what a session may accept, as vr_vu_frontend_config; used by echo_begin()
 * @poll: rings have no kick descriptor
 * @shm: all shared memory
 * @frontend: the session
 * @offer: what was negotiated
 * @queues: rings
 */
struct vu_rig {
	uint64_t features;
	uint32_t size;
	uint32_t count;
	uint64_t protocol;
	bool poll;
	struct vr_shm *shm;
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct vu_rig_queue queues[VU_RIG_QUEUES];
};

/* Memory and drivers; @rig has features, size and count. */
void vu_rig_create(struct vu_rig *rig);
/* A session over @fd, which becomes the front end's: everything is sent and all rings run. */
void vu_rig_start(struct vu_rig *rig, int fd, uint64_t protocol);
/* Sends everything again in a session that has negotiated. */
void vu_rig_restart(struct vu_rig *rig);
/* GET_VRING_BASE of every ring. */
void vu_rig_stop(struct vu_rig *rig);
/* Other drivers on the same, stopped rings; at most as large as the rings were made. */
void vu_rig_resize(struct vu_rig *rig, uint32_t size);
/* Ends the session. */
void vu_rig_disconnect(struct vu_rig *rig);
/* Frees everything. */
void vu_rig_destroy(struct vu_rig *rig);

/* The halves of buffer @slot of a ring. */
unsigned char *vu_rig_out(struct vu_rig *rig, uint32_t queue, uint32_t slot);
unsigned char *vu_rig_in(struct vu_rig *rig, uint32_t queue, uint32_t slot);
/*
 * Adds a buffer of @slot: @out bytes to read in up to two descriptors, @in bytes to write in one.
 * False if there is no room.
 */
bool vu_rig_add(struct vu_rig *rig, uint32_t queue, uint32_t slot, uint32_t out, uint32_t in);
/* Publishes, and kicks if the device wants that. */
void vu_rig_kick(struct vu_rig *rig, uint32_t queue);
/* Takes one used buffer, waiting for it up to @timeout_ms. False if there is none. */
bool vu_rig_get(struct vu_rig *rig, uint32_t queue, struct vr_used *used, int timeout_ms);

#endif
