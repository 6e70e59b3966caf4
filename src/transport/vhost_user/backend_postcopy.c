// SPDX-License-Identifier: BSD-3-Clause
/*
 * PAGEFAULT: a guest that moves here before its memory does. Accesses to pages that are not there yet
 * wait for the front end, which has the userfaultfd, too, and puts them in. A memory table is answered
 * with our addresses and taken into use when the front end has said that it is ready for faults.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "memory/postcopy.h"
#include "transport/vhost_user/backend.h"

/* The specification keeps the two ways to give memory apart. */
static int check_slots(struct vr_vu_backend *b)
{
	if (b->negotiated.protocol & VR_VU_PF_CONFIGURE_MEM_SLOTS)
		return vri_backend_refuse(b, -EPERM, "not with CONFIGURE_MEM_SLOTS");
	return 0;
}

int vri_postcopy_advise(struct vr_vu_backend *b)
{
	int fd, copy;

	if (check_slots(b))
		return -EPERM;
	fd = vri_userfault_open();
	if (fd < 0)
		return vri_backend_refuse(b, fd, "no userfaultfd: %s", strerror(-fd));
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0) {
		close(fd);
		return vri_backend_refuse(b, -EMFILE, "no descriptor");
	}
	vri_postcopy_close(b);
	b->postcopy.uffd = fd;
	vri_reply(b, NULL, 0);
	vri_reply_fd(b, copy);
	return 0;
}

int vri_postcopy_listen(struct vr_vu_backend *b)
{
	int ret;

	if (check_slots(b))
		return -EPERM;
	if (b->postcopy.uffd < 0)
		return vri_backend_refuse(b, -EINVAL, "no POSTCOPY_ADVISE came before");
	if (vri_any_ring_runs(b))
		return vri_backend_refuse(b, -EBUSY, "rings run");
	/* What is there already; usually nothing is. */
	ret = vri_userfault_register(b->mem, b->postcopy.uffd);
	if (ret)
		return vri_backend_refuse(b, ret, "memory cannot be watched: %s", strerror(-ret));
	b->postcopy.listening = true;
	return 0;
}

static int answer(struct vr_vu_backend *b, uint64_t value)
{
	vri_reply(b, &value, sizeof(value));
	return 0;
}

int vri_postcopy_end(struct vr_vu_backend *b)
{
	if (check_slots(b))
		return -EPERM;
	if (!b->postcopy.listening) {
		vri_backend_refuse(b, 0, "no POSTCOPY_LISTEN came before");
		return answer(b, 1);
	}
	vri_postcopy_close(b);
	return answer(b, 0);
}

void vri_postcopy_close(struct vr_vu_backend *b)
{
	struct vu_postcopy *postcopy = &b->postcopy;

	vr_mem_table_destroy(postcopy->table);
	postcopy->table = NULL;
	postcopy->listening = false;
	if (postcopy->uffd < 0)
		return;
	/* The front end may keep its copy; nobody is to wait for it any more. */
	if (b->mem)
		vri_userfault_unregister(b->mem, postcopy->uffd);
	close(postcopy->uffd);
	postcopy->uffd = -1;
}

/* ---- the memory table ---- */

int vri_postcopy_table(struct vr_vu_backend *b, struct vr_mem_table *table)
{
	struct vu_region_table *wire = &b->rx.payload.table;
	struct vr_mem *mem = vr_mem_table_get(table);
	uint32_t i;

	for (i = 0; i < wire->count; i++)
		wire->regions[i].user_addr = (uintptr_t)vr_mem_guest_ptr(
			mem, wire->regions[i].guest_addr, wire->regions[i].size);
	vr_mem_put(mem);
	b->postcopy.table = table;
	vri_reply(b, wire, b->rx.header.size);
	b->reply_now = true;
	return 0;
}

bool vri_postcopy_awaits(const struct vr_vu_backend *b)
{
	return b->postcopy.table;
}

/* What must follow: the same message, with nothing or with a zero. */
static const char *no_acknowledgement(const struct vr_vu_backend *b)
{
	const struct vu_rx *rx = &b->rx;

	if (rx->header.request != VU_SET_MEM_TABLE)
		return "the acknowledgement of a memory table is due";
	if (rx->fd_count || (rx->header.size && rx->header.size != sizeof(uint64_t)))
		return "no acknowledgement";
	return rx->header.size && rx->payload.u64 ? "the front end failed" : NULL;
}

int vri_postcopy_ack(struct vr_vu_backend *b)
{
	struct vr_mem_table *table = b->postcopy.table;
	const char *why = no_acknowledgement(b);
	struct vr_mem *mem;
	int ret;

	if (why) {
		/* Nobody knows what memory there is now. */
		b->failed = true;
		return vri_backend_refuse(b, -EPROTO, "%s", why);
	}
	b->postcopy.table = NULL;
	mem = vr_mem_table_get(table);
	ret = vri_userfault_register(mem, b->postcopy.uffd);
	vr_mem_put(mem);
	if (ret) {
		vr_mem_table_destroy(table);
		b->failed = true;
		return vri_backend_refuse(b, ret, "memory cannot be watched: %s", strerror(-ret));
	}
	return vri_memory_switch(b, table);
}
