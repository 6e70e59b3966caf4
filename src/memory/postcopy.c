// SPDX-License-Identifier: BSD-3-Clause
/* Postcopy: regions and a userfaultfd. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory/mem.h"
#include "memory/postcopy.h"

int vri_userfault_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd, error;

	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (!ioctl(fd, UFFDIO_API, &api))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static int register_mapping(const struct mem_mapping *mapping, int uffd)
{
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)mapping->start, .len = mapping->length },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	/* Whole huge pages would be filled although only a part of them is there. */
	(void)madvise(mapping->start, mapping->length, MADV_NOHUGEPAGE);
	if (ioctl(uffd, UFFDIO_REGISTER, &range))
		return -errno;
	/* Files of some kinds can be watched but not filled: nobody would ever be woken. */
	return range.ioctls & 1ull << _UFFDIO_COPY ? 0 : -EOPNOTSUPP;
}

void vri_userfault_unregister(const struct vr_mem *mem, int uffd)
{
	uint32_t i;

	for (i = 0; i < mem->map.count; i++) {
		const struct mem_mapping *mapping = mem->entries[i].mapping;
		struct uffdio_range range = { (uintptr_t)mapping->start, mapping->length };

		/* Of those that were not registered nothing changes. */
		(void)ioctl(uffd, UFFDIO_UNREGISTER, &range);
	}
}

int vri_userfault_register(const struct vr_mem *mem, int uffd)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < mem->map.count && !ret; i++)
		ret = register_mapping(mem->entries[i].mapping, uffd);
	if (ret)
		vri_userfault_unregister(mem, uffd);
	return ret;
}
