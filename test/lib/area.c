// SPDX-License-Identifier: BSD-3-Clause
/* Memory that driver and device see at different addresses, with guards around it. */
#define _GNU_SOURCE
#include "area.h"

#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define AREA_PATTERN 0xa5

/* Maps @fd with an inaccessible page behind it. */
static uint8_t *map_guarded(int fd, size_t bytes, size_t page)
{
	uint8_t *map = mmap(NULL, bytes + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED);
	CHECK(mmap(map, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == map);
	return map;
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void area_open(struct area *area, size_t bytes, size_t align)
{
	size_t page = page_bytes();
	size_t padded = (bytes + align - 1) & ~(align - 1);
	size_t map_bytes = (padded + page - 1) & ~(page - 1);
	int fd = memfd_create("virtring-test", MFD_CLOEXEC);

	if (!map_bytes)
		map_bytes = page;
	CHECK(fd >= 0);
	CHECK(ftruncate(fd, (off_t)map_bytes) == 0);
	area->bytes = bytes;
	area->map_bytes = map_bytes;
	area->driver_map = map_guarded(fd, map_bytes, page);
	area->device_map = map_guarded(fd, map_bytes, page);
	close(fd);
	area->driver = area->driver_map + map_bytes - padded;
	area->device = area->device_map + map_bytes - padded;
	memset(area->driver_map, AREA_PATTERN, map_bytes);
	memset(area->driver, 0, bytes);
}

void area_driver_read_only(struct area *area, bool read_only)
{
	int protection = read_only ? PROT_READ : PROT_READ | PROT_WRITE;

	CHECK(mprotect(area->driver_map, area->map_bytes, protection) == 0);
}

void area_device_read_only(struct area *area, bool read_only)
{
	int protection = read_only ? PROT_READ : PROT_READ | PROT_WRITE;

	CHECK(mprotect(area->device_map, area->map_bytes, protection) == 0);
}

void area_check(const struct area *area)
{
	const uint8_t *end = area->driver_map + area->map_bytes;

	for (const uint8_t *p = area->driver_map; p < area->driver; p++)
		CHECK_EQ(*p, AREA_PATTERN);
	for (const uint8_t *p = area->driver + area->bytes; p < end; p++)
		CHECK_EQ(*p, AREA_PATTERN);
}

void area_close(struct area *area)
{
	size_t page = page_bytes();

	if (!area->driver_map)
		return;
	area_check(area);
	munmap(area->driver_map, area->map_bytes + page);
	munmap(area->device_map, area->map_bytes + page);
	area->driver_map = NULL;
}
