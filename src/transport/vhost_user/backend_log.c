// SPDX-License-Identifier: BSD-3-Clause
/* Messages about the dirty log. A change while rings run is made while they are paused. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "memory/mem.h"
#include "transport/vhost_user/backend.h"

static uint64_t log_pages(const struct vr_vu_backend *b)
{
	return b->log.bytes * 8;
}

bool vri_log_view(const struct vr_vu_backend *b, struct vu_dirty *dirty)
{
	if (!(b->negotiated.accepted & VR_VU_F_LOG_ALL) || !b->log.mapping)
		return false;
	*dirty = (struct vu_dirty){
		.bits = b->log.mapping->base,
		.pages = log_pages(b),
		.mem = b->mem,
	};
	return true;
}

bool vri_log_has(const struct vr_vu_backend *b, uint64_t addr, uint64_t bytes)
{
	const uint64_t end = log_pages(b) << VU_PAGE_BITS;

	return !b->log.mapping || (addr < end && bytes <= end - addr);
}

static void drop(struct mem_mapping **mapping)
{
	if (*mapping)
		vri_mapping_put(*mapping);
	*mapping = NULL;
}

void vri_log_close(struct vr_vu_backend *b)
{
	drop(&b->log.mapping);
	drop(&b->log.next);
	b->log.bytes = 0;
	if (b->log.fd >= 0)
		close(b->log.fd);
	b->log.fd = -1;
}

/* Every running ring is still. */
static int switch_log(struct vr_vu_backend *b)
{
	const uint64_t done = 0;

	drop(&b->log.mapping);
	b->log.mapping = b->log.next;
	b->log.next = NULL;
	b->log.bytes = b->rx.payload.log.size;
	vri_reply(b, &done, sizeof(done));
	return 0;
}

int vri_set_log_base(struct vr_vu_backend *b)
{
	const struct vu_log *log = &b->rx.payload.log;
	const struct vr_mem_region region = {
		.size = log->size,
		.mmap_offset = log->offset,
		.fd = b->rx.fds[0],
	};
	const char *why = "";
	int ret;

	/* No log is that large: its pages would not have addresses. */
	if (!log->size || log->size > UINT64_MAX >> (VU_PAGE_BITS + 3) ||
	    log->offset > INT64_MAX - log->size)
		return vri_backend_refuse(b, -EINVAL, "size 0x%" PRIx64 ", offset 0x%" PRIx64,
					  log->size, log->offset);
	ret = vri_mapping_create(&region, &b->log.next, &why);
	if (ret)
		return vri_backend_refuse(b, ret, "%s (size 0x%" PRIx64 " offset 0x%" PRIx64 ")",
					  why, log->size, log->offset);
	return vri_stop_rings(b, 0, b->config.vrings, VR_VU_STOP_PAUSE, switch_log);
}

int vri_set_log_fd(struct vr_vu_backend *b)
{
	/* What is written there would not be read: the front end looks into the log when it likes. */
	if (b->log.fd >= 0)
		close(b->log.fd);
	b->log.fd = vri_rx_take_fd(&b->rx, 0);
	return 0;
}
