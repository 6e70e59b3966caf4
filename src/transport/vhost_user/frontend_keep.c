// SPDX-License-Identifier: BSD-3-Clause
/* What the front end keeps for the back end: the dirty log, and the record of buffers in flight. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transport/vhost_user/dirty.h"
#include "transport/vhost_user/frontend.h"

/* ---- buffers in flight ---- */

static struct vu_inflight_memory shape_of(const struct vr_vu_inflight *inflight)
{
	return (struct vu_inflight_memory){
		.size = inflight->size,
		.offset = inflight->offset,
		.queues = inflight->queues,
		.queue_size = inflight->queue_size,
	};
}

int vr_vu_frontend_get_inflight(struct vr_vu_frontend *frontend, struct vr_vu_inflight *inflight,
				int timeout_ms)
{
	const struct vu_inflight_memory shape = shape_of(inflight);
	const struct vu_inflight_memory *answer = &frontend->rx.payload.inflight;
	int ret;

	ret = vri_frontend_call(frontend, &(struct vu_call){
						  .request = VU_GET_INFLIGHT_FD,
						  .size = sizeof(shape),
						  .payload = &shape,
						  .timeout_ms = timeout_ms,
					  });
	if (ret)
		return ret;
	if (!answer->size || !frontend->rx.fd_count)
		return vri_frontend_refuse(frontend, -EREMOTEIO,
					   "GET_INFLIGHT_FD: the back end has no memory to give");
	inflight->size = answer->size;
	inflight->offset = answer->offset;
	inflight->fd = vri_rx_take_fd(&frontend->rx, 0);
	return 0;
}

int vr_vu_frontend_set_inflight(struct vr_vu_frontend *frontend,
				const struct vr_vu_inflight *inflight, int timeout_ms)
{
	const struct vu_inflight_memory shape = shape_of(inflight);

	return vri_frontend_call(frontend, &(struct vu_call){
						   .request = VU_SET_INFLIGHT_FD,
						   .size = sizeof(shape),
						   .payload = &shape,
						   .fds = &inflight->fd,
						   .fd_count = 1,
						   .timeout_ms = timeout_ms,
					   });
}

/* ---- the dirty log ---- */

/**
 * struct vr_vu_log - a dirty log
 * @fd: memfd
 * @bits: its memory
 * @bytes: size
 */
struct vr_vu_log {
	int fd;
	unsigned char *bits;
	uint64_t bytes;
};

static int map_log(struct vr_vu_log *log)
{
	log->fd = memfd_create("virtring-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (log->fd < 0)
		return -errno;
	if (ftruncate(log->fd, (off_t)log->bytes) ||
	    fcntl(log->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	log->bits = mmap(NULL, log->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, log->fd, 0);
	return log->bits == MAP_FAILED ? -errno : 0;
}

int vr_vu_log_create(uint64_t end, struct vr_vu_log **log)
{
	const uint64_t pages = (end >> VU_PAGE_BITS) + !!(end & ((1u << VU_PAGE_BITS) - 1));
	struct vr_vu_log *l;
	int ret;

	if (!end)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	/* Whole pages, as it is mapped by two. */
	l->bytes = (pages / 8 + 4096) / 4096 * 4096;
	l->bits = MAP_FAILED;
	ret = map_log(l);
	if (ret) {
		vr_vu_log_destroy(l);
		return ret;
	}
	*log = l;
	return 0;
}

void vr_vu_log_destroy(struct vr_vu_log *log)
{
	if (!log)
		return;
	if (log->bits != MAP_FAILED)
		munmap(log->bits, log->bytes);
	if (log->fd >= 0)
		close(log->fd);
	free(log);
}

uint64_t vr_vu_log_take(struct vr_vu_log *log, uint64_t from)
{
	uint64_t page = from >> VU_PAGE_BITS;

	for (; page / 8 < log->bytes; page++) {
		const unsigned char bit = (unsigned char)(1u << page % 8);
		const unsigned char seen = __atomic_load_n(&log->bits[page / 8], __ATOMIC_RELAXED);

		if (!seen && page % 8 == 0) {
			page += 7;
			continue;
		}
		/* Acquire: what the device wrote before it set the bit can be read now. */
		if (seen & bit && __atomic_fetch_and(&log->bits[page / 8], (unsigned char)~bit,
						     __ATOMIC_ACQUIRE) &
					  bit)
			return page << VU_PAGE_BITS;
	}
	return UINT64_MAX;
}

int vr_vu_frontend_set_log(struct vr_vu_frontend *frontend, const struct vr_vu_log *log,
			   int timeout_ms)
{
	const struct vu_log payload = { .size = log->bytes };

	return vri_frontend_call(frontend, &(struct vu_call){
						   .request = VU_SET_LOG_BASE,
						   .size = sizeof(payload),
						   .payload = &payload,
						   .fds = &log->fd,
						   .fd_count = 1,
						   .timeout_ms = timeout_ms,
					   });
}
