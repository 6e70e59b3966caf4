// SPDX-License-Identifier: BSD-3-Clause
/* Memory of a front end: a sealed memfd, of huge pages where there are any. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <virtring/memory.h>

#define SHM_ALIGN_MAX 4096u

/**
 * struct vr_shm - the memory
 * @fd: memfd
 * @huge_error: why there are no huge pages
 * @page_size: of the pages in use
 * @base: where it is mapped
 * @size: bytes, whole pages
 * @used: bytes given out
 * @guest_addr: device address of @base
 */
struct vr_shm {
	int fd;
	int huge_error;
	uint64_t page_size;
	unsigned char *base;
	uint64_t size;
	uint64_t used;
	uint64_t guest_addr;
};

/* Neither side can resize it from here on, nor undo that. */
static int shm_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ? -errno : 0;
}

/* Only for huge pages st_blksize is the page; on tmpfs it may be what the kernel would like best. */
static int shm_page(int fd, bool huge, uint64_t *page)
{
	struct stat st;

	*page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (!huge)
		return 0;
	if (fstat(fd, &st))
		return -errno;
	*page = (uint64_t)st.st_blksize;
	return 0;
}

static int shm_map(struct vr_shm *shm, uint64_t size, uint32_t flags, bool huge)
{
	int map_flags = MAP_SHARED | (flags & VR_SHM_POPULATE ? MAP_POPULATE : 0);
	uint64_t page;
	void *base;
	int ret;

	ret = shm_page(shm->fd, huge, &page);
	if (ret)
		return ret;
	size = (size + page - 1) / page * page;
	if (size > SIZE_MAX)
		return -ENOMEM;
	if (ftruncate(shm->fd, (off_t)size))
		return -errno;
	base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, map_flags, shm->fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	shm->base = base;
	shm->size = size;
	shm->page_size = page;
	return shm_seal(shm->fd);
}

static void shm_close(struct vr_shm *shm)
{
	if (shm->base)
		munmap(shm->base, (size_t)shm->size);
	if (shm->fd >= 0)
		close(shm->fd);
	shm->base = NULL;
	shm->fd = -1;
}

static int shm_open_pages(struct vr_shm *shm, const struct vr_shm_config *config, bool huge)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge ? MFD_HUGETLB : 0);
	int ret;

	shm->fd = memfd_create("virtring", flags);
	if (shm->fd < 0)
		return -errno;
	ret = shm_map(shm, config->size, config->flags, huge);
	if (ret)
		shm_close(shm);
	return ret;
}

static int shm_open_any(struct vr_shm *shm, const struct vr_shm_config *config)
{
	int ret;

	if (config->flags & (VR_SHM_HUGE | VR_SHM_HUGE_ONLY)) {
		/* The pages are reserved by mmap(): success means that they are there. */
		ret = shm_open_pages(shm, config, true);
		if (!ret || config->flags & VR_SHM_HUGE_ONLY)
			return ret;
		shm->huge_error = -ret;
	}
	return shm_open_pages(shm, config, false);
}

static bool shm_config_valid(const struct vr_shm_config *config)
{
	const uint32_t known = VR_SHM_HUGE | VR_SHM_HUGE_ONLY | VR_SHM_POPULATE;

	return config->struct_size == sizeof(*config) && !(config->flags & ~known) &&
	       config->size && config->size <= INT64_MAX / 2 &&
	       config->guest_addr % SHM_ALIGN_MAX == 0 &&
	       config->guest_addr <= UINT64_MAX - INT64_MAX;
}

int vr_shm_create(const struct vr_shm_config *config, struct vr_shm **shm)
{
	struct vr_shm *s;
	int ret;

	if (!shm_config_valid(config))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->guest_addr = config->guest_addr;
	ret = shm_open_any(s, config);
	if (ret) {
		free(s);
		return ret;
	}
	*shm = s;
	return 0;
}

void vr_shm_destroy(struct vr_shm *shm)
{
	if (!shm)
		return;
	shm_close(shm);
	free(shm);
}

void vr_shm_info(const struct vr_shm *shm, struct vr_shm_info *info)
{
	*info = (struct vr_shm_info){
		.page_size = shm->page_size,
		.huge_error = shm->huge_error,
		.size = shm->size,
		.free = shm->size - shm->used,
	};
}

void vr_shm_region(const struct vr_shm *shm, struct vr_mem_region *region)
{
	*region = (struct vr_mem_region){
		.guest_addr = shm->guest_addr,
		.size = shm->size,
		.user_addr = (uint64_t)(uintptr_t)shm->base,
		.mmap_offset = 0,
		.fd = shm->fd,
	};
}

void *vr_shm_alloc(struct vr_shm *shm, uint64_t size, uint64_t align)
{
	uint64_t start;

	if (!size || !align || align & (align - 1) || align > SHM_ALIGN_MAX)
		return NULL;
	/* Host and device address are both multiples of the largest alignment at offset 0. */
	start = (shm->used + align - 1) & ~(align - 1);
	if (start > shm->size || size > shm->size - start)
		return NULL;
	shm->used = start + size;
	return shm->base + start;
}

void vr_shm_reset(struct vr_shm *shm)
{
	shm->used = 0;
}

uint64_t vr_shm_addr(const struct vr_shm *shm, const void *host)
{
	uintptr_t at = (uintptr_t)host, base = (uintptr_t)shm->base;

	if (at < base || at - base >= shm->size)
		return UINT64_MAX;
	return shm->guest_addr + (at - base);
}

void *vr_shm_ptr(const struct vr_shm *shm, uint64_t addr, uint64_t len)
{
	uint64_t skip = addr - shm->guest_addr;

	if (!len || addr < shm->guest_addr || skip >= shm->size || len > shm->size - skip)
		return NULL;
	return shm->base + skip;
}
