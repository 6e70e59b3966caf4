// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where the accessors of a watching build report to, which know nothing but addresses. So here is a
 * list of all watchers of the process, the one global thing in this library; a build without -Dwatch
 * has no_tap.c in its place.
 */
#include <errno.h>
#include <pthread.h>

#include "ring/access.h"
#include "watch/state.h"

#define WATCHERS_MAX 256

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct vr_watch *watchers[WATCHERS_MAX];

bool vr_watch_possible(void)
{
	return true;
}

int watch_list_add(struct vr_watch *watch)
{
	int error = -EAGAIN;

	pthread_rwlock_wrlock(&lock);
	for (unsigned int i = 0; i < WATCHERS_MAX && error; i++) {
		if (watchers[i])
			continue;
		watchers[i] = watch;
		error = 0;
	}
	pthread_rwlock_unlock(&lock);
	return error;
}

void watch_list_remove(struct vr_watch *watch)
{
	pthread_rwlock_wrlock(&lock);
	for (unsigned int i = 0; i < WATCHERS_MAX; i++)
		if (watchers[i] == watch)
			watchers[i] = NULL;
	pthread_rwlock_unlock(&lock);
}

/* Is the field in one of the areas, and where? */
static bool in_areas(const struct vr_watch *watch, const void *field, enum vr_area *area,
		     size_t *offset)
{
	const struct vr_ring *ring = &watch->config.ring;
	const void *hosts[3] = { ring->descriptors.host, ring->driver.host, ring->device.host };

	for (int i = 0; i < 3; i++) {
		*area = (enum vr_area)i;
		*offset = (uintptr_t)field - (uintptr_t)hosts[i];
		if (*offset < vr_ring_bytes(watch->config.features, watch->size, *area))
			return true;
	}
	return false;
}

static void tell(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value,
		 unsigned int kind)
{
	bool store = kind == VR_WATCH_STORE || kind == VR_WATCH_RELEASE;

	if (watch->packed && store)
		watch_packed_store(watch, area, offset, value, kind == VR_WATCH_RELEASE);
	else if (watch->packed && kind == VR_WATCH_ACQUIRE)
		watch_packed_load(watch, area, offset, value);
	else if (!watch->packed && store)
		watch_split_store(watch, area, offset, value);
	else if (!watch->packed && kind == VR_WATCH_ACQUIRE)
		watch_split_load(watch, area, offset, value);
}

void vr_watch_access(const void *field, unsigned int bytes, uint64_t value, unsigned int kind)
{
	struct vr_watch *watch = NULL;
	enum vr_area area = VR_AREA_DESCRIPTORS;
	size_t offset = 0;

	pthread_rwlock_rdlock(&lock);
	for (unsigned int i = 0; i < WATCHERS_MAX && !watch; i++)
		if (watchers[i] && in_areas(watchers[i], field, &area, &offset))
			watch = watchers[i];
	pthread_rwlock_unlock(&lock);
	if (!watch)
		return;
	/* The watcher is of this thread, so nobody destroys it now. */
	if (bytes == 2)
		value = VR_SWAP_16(value);
	else if (bytes == 4)
		value = VR_SWAP_32(value);
	else
		value = VR_SWAP_64(value);
	tell(watch, area, offset, value, kind);
}
