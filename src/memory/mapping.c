// SPDX-License-Identifier: BSD-3-Clause
/* One region of another process's memory: checked against its file, mapped, counted. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "memory/mem.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

/* The file must hold the whole region: a byte beyond its end is SIGBUS for whoever touches it. */
static int check_file(struct mem_mapping *m, const struct vr_mem_region *region, const char **why)
{
	struct stat st;

	if (fstat(region->fd, &st)) {
		*why = "descriptor is not a file";
		return -errno;
	}
	if (!S_ISREG(st.st_mode)) {
		*why = "descriptor is neither a memfd nor a regular file";
		return -EINVAL;
	}
	if ((uint64_t)st.st_size < region->mmap_offset + region->size) {
		*why = "region reaches beyond the end of its file";
		return -EINVAL;
	}
	m->device = st.st_dev;
	m->inode = st.st_ino;
	m->offset = region->mmap_offset;
	return 0;
}

/* Pages that offset and length of a mapping have to be multiples of; 0 if it must not be mapped. */
static uint64_t mapping_granule(int fd, const char **why)
{
	struct statfs fs;

	if (!fstatfs(fd, &fs)) {
		if (fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > 0)
			return (uint64_t)fs.f_bsize;
		if (fs.f_type == FUSE_SUPER_MAGIC) {
			/* The peer may serve that file system and let an access wait for ever. */
			*why = "file is on a FUSE file system";
			return 0;
		}
	}
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static int map_file(struct mem_mapping *m, const struct vr_mem_region *region, const char **why)
{
	uint64_t granule, lead, length;

	granule = mapping_granule(region->fd, why);
	if (!granule)
		return -EINVAL;
	lead = region->mmap_offset % granule;
	/* size + offset fits, as check_file() knows a file of that size; rounding may still not. */
	length = (lead + region->size + granule - 1) / granule * granule;
	if (length < region->size || length > SIZE_MAX) {
		*why = "region is too large to be mapped";
		return -ENOMEM;
	}
	m->length = (size_t)length;
	m->start = mmap(NULL, m->length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			region->fd, (off_t)(region->mmap_offset - lead));
	if (m->start == MAP_FAILED) {
		*why = "region cannot be mapped";
		return -errno;
	}
	m->base = (unsigned char *)m->start + lead;
	return 0;
}

int vri_mapping_create(const struct vr_mem_region *region, struct mem_mapping **mapping,
		       const char **why)
{
	struct mem_mapping *m;
	int ret;

	m = calloc(1, sizeof(*m));
	if (!m) {
		*why = "no memory";
		return -ENOMEM;
	}
	atomic_init(&m->refs, 1);
	ret = check_file(m, region, why);
	if (!ret)
		ret = map_file(m, region, why);
	if (ret) {
		free(m);
		return ret;
	}
	ret = vri_sigbus_watch(m);
	if (ret) {
		*why = "no memory";
		munmap(m->start, m->length);
		free(m);
		return ret;
	}
	*mapping = m;
	return 0;
}

bool vri_mapping_is_of(const struct mem_mapping *mapping, const struct vr_mem_region *region)
{
	struct stat st;

	return !fstat(region->fd, &st) && st.st_dev == mapping->device &&
	       st.st_ino == mapping->inode && region->mmap_offset == mapping->offset;
}

void vri_mapping_get(struct mem_mapping *mapping)
{
	atomic_fetch_add_explicit(&mapping->refs, 1, memory_order_relaxed);
}

void vri_mapping_put(struct mem_mapping *mapping)
{
	if (atomic_fetch_sub_explicit(&mapping->refs, 1, memory_order_acq_rel) != 1)
		return;
	vri_sigbus_unwatch(mapping);
	munmap(mapping->start, mapping->length);
	free(mapping);
}
