// SPDX-License-Identifier: BSD-3-Clause
/* Images made: of nothing, and of a live queue. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

static void take_text(char *to, const char *text)
{
	size_t i;

	for (i = 0; text[i] && i < RING_NAME - 1; i++)
		to[i] = (char)(text[i] < ' ' || text[i] > '~' ? '?' : text[i]);
	to[i] = '\0';
}

int ring_image_init(struct ring_image *image, const char *name, uint64_t features, uint32_t size)
{
	memset(image, 0, sizeof(*image));
	take_text(image->name, name);
	image->features = features;
	image->size = size;
	for (int i = 0; i < 3; i++) {
		struct ring_part *part = &image->part[i];

		part->length = vr_ring_bytes(features, size, (enum vr_area)i);
		part->bytes = part->length ? calloc(1, part->length) : NULL;
		if (!part->bytes) {
			ring_image_free(image);
			return -1;
		}
	}
	return 0;
}

void ring_image_free(struct ring_image *image)
{
	for (int i = 0; i < 3; i++)
		free(image->part[i].bytes);
	memset(image, 0, sizeof(*image));
}

void ring_image_cursor(struct ring_image *image, enum ring_cursor cursor, uint16_t value)
{
	image->known |= 1u << cursor;
	image->cursor[cursor] = value;
}

void ring_image_broken(struct ring_image *image, const char *why)
{
	take_text(image->broken, why);
}

/* All areas are aligned to two bytes and have an even length; what the peer writes is whole then. */
static void copy(struct ring_part *part, const struct vr_ring_area *area)
{
	const uint16_t *from = area->host;

	part->addr = area->addr;
	for (size_t i = 0; i < part->length / 2; i++) {
		uint16_t word = __atomic_load_n(&from[i], __ATOMIC_RELAXED);

		memcpy(part->bytes + 2 * i, &word, 2);
	}
}

/* The index of a split area; in a packed ring the descriptors themselves tell that they moved. */
static uint16_t index_now(const struct vr_ring_area *area)
{
	return __atomic_load_n((const uint16_t *)area->host + 1, __ATOMIC_ACQUIRE);
}

static bool packed_same(const struct ring_part *part, const struct vr_ring_area *area)
{
	const uint16_t *now = area->host;

	for (size_t i = 0; i < part->length / 2; i++) {
		uint16_t word = __atomic_load_n(&now[i], __ATOMIC_RELAXED);

		if (memcmp(part->bytes + 2 * i, &word, 2) != 0)
			return false;
	}
	return true;
}

void ring_image_take(struct ring_image *image, const struct vr_ring *ring)
{
	bool packed = ring_image_is_packed(image);
	uint16_t avail = 0;
	uint16_t used = 0;

	if (!packed) {
		avail = index_now(&ring->driver);
		used = index_now(&ring->device);
	}
	copy(&image->part[VR_AREA_DESCRIPTORS], &ring->descriptors);
	copy(&image->part[VR_AREA_DRIVER], &ring->driver);
	copy(&image->part[VR_AREA_DEVICE], &ring->device);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (packed)
		image->moved = !packed_same(&image->part[VR_AREA_DESCRIPTORS], &ring->descriptors);
	else
		image->moved = index_now(&ring->driver) != avail ||
			       index_now(&ring->device) != used;
}
