/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring/watch.h - a watcher of the other side of a queue, for who looks for a fault in it.
 *
 * A watcher follows what one half of ours reads and writes, works out what the other side may do,
 * and reports each thing that it may not, as it happens and once. It changes nothing. Being told of
 * every access costs much, so that a half tells only in a build for it (meson's -Dwatch=true); in all
 * others vr_watch_create() answers -ENOTSUP. vr_watch_look() needs no half and no such build.
 *
 * A watcher belongs to the thread of its queue.
 */
#ifndef VIRTRING_WATCH_H
#define VIRTRING_WATCH_H

#include "ring.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vr_watch;

/**
 * enum vr_watch_what - what the other side did
 * @VR_WATCH_INDEX: its index moved backwards, or past what it may reach (2.7.6, 2.7.8)
 * @VR_WATCH_BUFFER: the device used a buffer that was not available, or the driver made one
 *	available that was (2.7.8.2, 2.7.13.1, 2.8.13)
 * @VR_WATCH_ORDER: in order, buffers were used or descriptors taken out of order (2.7.9, 2.8.9)
 * @VR_WATCH_LENGTH: the device says that it wrote more than there was room for (2.7.8.2)
 * @VR_WATCH_WRAP: a descriptor was changed and is neither available nor used at this wrap counter
 *	(2.8.1)
 * @VR_WATCH_SUPPRESSED: it notified though that was not wanted (2.7.7, 2.7.10, 2.8.14)
 * @VR_WATCH_MISSED: it did not notify though that was wanted (2.7.7, 2.7.10, 2.8.14)
 */
enum vr_watch_what {
	VR_WATCH_INDEX,
	VR_WATCH_BUFFER,
	VR_WATCH_ORDER,
	VR_WATCH_LENGTH,
	VR_WATCH_WRAP,
	VR_WATCH_SUPPRESSED,
	VR_WATCH_MISSED
};

/**
 * vr_watch_text() - that in words
 * @what: any number
 *
 * Return: a static string, never NULL. Any thread.
 */
const char *vr_watch_text(enum vr_watch_what what);

/**
 * struct vr_watch_config - what is watched
 * @struct_size: sizeof(struct vr_watch_config)
 * @features: negotiated feature bits
 * @ring: the areas, as our half has them
 * @queue_size: descriptors
 * @driver: our half is the driver's
 * @tables: indirect tables of our driver half, .addr what the device knows them by; or no host
 * @table_bytes: how large they are
 * @base: where our half starts, in the format of vr_device_save(), 0x80008000 for a fresh packed ring;
 *	a split ring says it itself
 * @report: called with each violation: an index, a slot or an id, and the bound that it missed, as
 *	far as there is one. On the thread of the queue, out of the middle of one of its calls: it
 *	must not call the queue.
 * @context: for @report
 */
struct vr_watch_config {
	size_t struct_size;
	uint64_t features;
	struct vr_ring ring;
	uint32_t queue_size;
	bool driver;
	struct vr_ring_area tables;
	size_t table_bytes;
	uint32_t base;
	void (*report)(void *context, enum vr_watch_what what, uint32_t value, uint32_t bound);
	void *context;
};

/**
 * vr_watch_possible() - was the library built with what a watcher needs?
 *
 * Return: true when vr_watch_create() can do something. Any thread.
 */
bool vr_watch_possible(void);

/**
 * vr_watch_create() - watch the other side of a half that begins now
 * @config: copied
 * @result: set on success
 *
 * To be called when the half has been made and nothing is outstanding: before the first buffer, or
 * where a device half was restored to a position with nothing in flight. Accesses are told apart by
 * their addresses: where both halves of a queue are in one process, they have to see it at different
 * ones.
 *
 * Return: 0, -ENOTSUP (the build has no watcher), -EINVAL, -EAGAIN (too many are watched), -ENOMEM.
 */
int vr_watch_create(const struct vr_watch_config *config, struct vr_watch **result);

/**
 * vr_watch_destroy() - watch no more
 * @watch: the watcher, or NULL
 */
void vr_watch_destroy(struct vr_watch *watch);

/**
 * vr_watch_notified() - the other side has notified: its descriptor was read, with something in it
 * @watch: the watcher
 *
 * One notification may have been decided on before it could be seen that none is wanted, and one
 * may lie in the descriptor since earlier; from the third on, that excuses nothing.
 */
void vr_watch_notified(struct vr_watch *watch);

/**
 * vr_watch_quiet() - we have slept for as long as any notification takes, and there was none
 * @watch: the watcher
 *
 * Reports what should have been notified of, if the ring holds such a thing. How long that takes is
 * the caller's to know.
 */
void vr_watch_quiet(struct vr_watch *watch);

/**
 * vr_watch_look() - what the memory of a split queue proves by itself
 * @features: negotiated feature bits
 * @ring: the areas
 * @queue_size: descriptors
 * @report: as in struct vr_watch_config
 * @context: for @report
 *
 * For anybody's queue, while both sides run. An index is read before and after what it stands for; only
 * when both are the same is anything said. That leaves: an index too far ahead of the other, and a
 * newest entry that names no descriptor.
 *
 * Return: the number of reports, -EAGAIN when the index did not stand still, -ENOTSUP for a packed
 * queue, whose memory proves nothing without the private cursors, or -EINVAL. Any thread.
 */
int vr_watch_look(uint64_t features, const struct vr_ring *ring, uint32_t queue_size,
		  void (*report)(void *context, enum vr_watch_what what, uint32_t value,
				 uint32_t bound),
		  void *context);

#ifdef __cplusplus
}
#endif

#endif
