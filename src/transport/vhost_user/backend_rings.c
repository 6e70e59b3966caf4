// SPDX-License-Identifier: BSD-3-Clause
/* Messages about rings, and what it takes to start one. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/vhost_user/backend.h"

/* Flag of a packed descriptor (virtio 2.8.1). */
#define PACKED_DESC_AVAIL (1u << 7)
#define PACKED_DESC_USED (1u << 15)

static bool is_packed(const struct vr_vu_backend *b)
{
	return b->negotiated.accepted & VR_F_RING_PACKED;
}

struct vu_ring *vri_find_ring(struct vr_vu_backend *b, uint32_t index)
{
	if (index < b->config.vrings)
		return &b->rings[index];
	vri_backend_refuse(b, -EINVAL, "ring %u, but the device has %u", index, b->config.vrings);
	return NULL;
}

/* As vri_find_ring(), for what may change only while the ring is stopped. */
static struct vu_ring *find_stopped_ring(struct vr_vu_backend *b, uint32_t index)
{
	struct vu_ring *ring = vri_find_ring(b, index);

	if (ring && (ring->view.running || ring->awaiting)) {
		vri_backend_refuse(b, -EBUSY, "ring %u is running", index);
		return NULL;
	}
	return ring;
}

/* ---- starting ---- */

struct area {
	const char *name;
	enum vr_area area;
	uint32_t access;
	uint64_t user_addr;
	struct vr_ring_area *to;
};

static int find_area(struct vr_vu_backend *b, struct vu_ring *ring, const struct area *area,
		     size_t bytes)
{
	area->to->addr = area->user_addr;
	if (vri_has_iommu(b))
		return vri_iotlb_area(b, ring, area->user_addr, bytes, area->access,
				      &area->to->host);
	area->to->host = vr_mem_user_ptr(b->mem, area->user_addr, bytes, &area->to->addr);
	if (area->to->host)
		return 0;
	return vri_backend_refuse(b, -EFAULT, "ring %u: %s area 0x%" PRIx64 "+%zu is in no region",
				  ring->view.index, area->name, area->user_addr, bytes);
}

static int resolve_area(struct vr_vu_backend *b, struct vu_ring *ring, const struct area *area)
{
	const uint64_t features = b->negotiated.accepted;
	const size_t align = vr_ring_align(features, area->area);
	int ret;

	ret = find_area(b, ring, area, vr_ring_bytes(features, ring->view.size, area->area));
	if (!ret && (uintptr_t)area->to->host % align)
		return vri_backend_refuse(b, -EINVAL,
					  "ring %u: %s area 0x%" PRIx64 " is not aligned to %zu",
					  ring->view.index, area->name, area->user_addr, align);
	return ret;
}

/* Addresses are resolved anew at each start, as the memory may have changed. */
static int resolve_ring(struct vr_vu_backend *b, struct vu_ring *ring)
{
	struct vr_ring *to = &ring->view.ring;
	const uint32_t both = VR_ACCESS_READ | VR_ACCESS_WRITE;
	const struct area areas[] = {
		{ "descriptor", VR_AREA_DESCRIPTORS, is_packed(b) ? both : VR_ACCESS_READ,
		  ring->addr.descriptors, &to->descriptors },
		{ "driver", VR_AREA_DRIVER, VR_ACCESS_READ, ring->addr.driver, &to->driver },
		{ "device", VR_AREA_DEVICE, both, ring->addr.device, &to->device },
	};
	int i, ret = 0;

	for (i = 0; i < 3 && !ret; i++)
		ret = resolve_area(b, ring, &areas[i]);
	return ret;
}

bool vri_ring_in_memory(const struct vr_vu_backend *b, const struct vu_ring *ring,
			const struct vr_mem *mem)
{
	const uint64_t addrs[] = { ring->addr.descriptors, ring->addr.driver, ring->addr.device };
	int i;

	for (i = 0; i < 3; i++) {
		size_t bytes =
			vr_ring_bytes(b->negotiated.accepted, ring->view.size, (enum vr_area)i);
		size_t align = vr_ring_align(b->negotiated.accepted, (enum vr_area)i);
		void *host = vr_mem_user_ptr(mem, addrs[i], bytes, NULL);

		if (!host || (uintptr_t)host % align)
			return false;
	}
	return true;
}

static int check_size(struct vr_vu_backend *b, uint32_t index, uint32_t size)
{
	if (!size || size > b->config.max_queue_size)
		return vri_backend_refuse(b, -EINVAL, "ring %u: size %u is not in 1..%u", index,
					  size, b->config.max_queue_size);
	if (b->features_set && !is_packed(b) && size & (size - 1))
		return vri_backend_refuse(b, -EINVAL, "ring %u: size %u is no power of two", index,
					  size);
	return 0;
}

/*
 * Without the used half a packed base means that nothing is in flight, so that both halves are the
 * same: DPDK sends and takes only the available half.
 */
static uint32_t complete_base(uint32_t base)
{
	return base >> 16 ? base : base | base << 16;
}

static int check_base(struct vr_vu_backend *b, struct vu_ring *ring)
{
	const uint32_t size = ring->view.size;
	uint32_t base = ring->base;

	if (!is_packed(b)) {
		if (base > UINT16_MAX)
			return vri_backend_refuse(b, -EINVAL, "ring %u: base 0x%x is above 0xffff",
						  ring->view.index, base);
	} else {
		base = complete_base(base);
		if ((base & 0x7fff) >= size || (base >> 16 & 0x7fff) >= size)
			return vri_backend_refuse(b, -EINVAL,
						  "ring %u: base 0x%x is beyond its size %u",
						  ring->view.index, base, size);
	}
	ring->view.base = base;
	return 0;
}

static uint16_t read_index(const struct vr_ring_area *area)
{
	/* Behind the flags, in the available ring and in the used ring alike (virtio 2.7.6, 2.7.8). */
	const uint16_t *index = (const uint16_t *)area->host + 1;

	return le16toh(__atomic_load_n(index, __ATOMIC_RELAXED));
}

/*
 * A front end that lost its back end may not know where that stopped; DPDK's sends 0. What lies
 * between the used and the available index was not finished by anybody, so a split ring goes on at
 * the used index when its base cannot be right: not between the two, or, in order, behind the
 * used index, as no device finishes those buffers later on.
 */
static void settle_split_base(struct vr_vu_backend *b, struct vu_ring *ring)
{
	const uint16_t used = read_index(&ring->view.ring.device);
	const uint16_t avail = read_index(&ring->view.ring.driver);
	const uint16_t base = (uint16_t)ring->view.base;
	const uint16_t ahead = (uint16_t)(base - used), waiting = (uint16_t)(avail - base);
	char text[96];

	if (ahead <= ring->view.size && waiting <= ring->view.size &&
	    (!ahead || !(b->negotiated.accepted & VR_F_IN_ORDER)))
		return;
	(void)snprintf(text, sizeof(text),
		       "ring %u: base %u cannot be right, continues at used.idx %u",
		       ring->view.index, base, used);
	vri_backend_log(b, text);
	ring->view.base = used;
}

/*
 * Was this descriptor written by a device, or by a driver in a later lap than the first? In the first
 * one it is either as it was cleared, or available: AVAIL without USED.
 */
static bool descriptor_was_used(const uint16_t *words)
{
	/* Flags are the last of the eight 16-bit words of a descriptor (virtio 2.8.13). */
	uint16_t flags = le16toh(__atomic_load_n(&words[7], __ATOMIC_RELAXED));
	uint16_t others = 0;
	uint32_t i;

	if (flags & (PACKED_DESC_AVAIL | PACKED_DESC_USED))
		return flags & PACKED_DESC_USED;
	for (i = 0; i < 8; i++)
		others |= __atomic_load_n(&words[i], __ATOMIC_RELAXED);
	return others;
}

static bool packed_ring_was_used(const struct vu_ring *ring)
{
	const uint16_t *words = ring->view.ring.descriptors.host;
	uint32_t i;

	for (i = 0; i < ring->view.size; i++)
		if (descriptor_was_used(&words[i * (size_t)8]))
			return true;
	return false;
}

/*
 * A packed ring that is at position 0 of its second lap has the base 0, and User Mode Linux gives
 * that for a new one, too. The two can be told apart: a first lap leaves used descriptors, each of
 * which has the USED bit set, and so has what a driver makes available in the lap after it. A device
 * may have used all of those, too, before it was killed: such have neither bit, but an address.
 */
static void settle_packed_base(struct vr_vu_backend *b, struct vu_ring *ring)
{
	char text[96];

	if (ring->view.base || packed_ring_was_used(ring))
		return;
	(void)snprintf(text, sizeof(text), "ring %u: base 0, but it was never used: starts anew",
		       ring->view.index);
	vri_backend_log(b, text);
	ring->view.base = VR_VU_BASE_FRESH_PACKED;
}

static int check_complete(struct vr_vu_backend *b, const struct vu_ring *ring)
{
	const char *missing = !b->features_set ? "SET_FEATURES" :
			      !ring->num_set   ? "SET_VRING_NUM" :
			      !ring->base_set  ? "SET_VRING_BASE" :
			      !ring->addr_set  ? "SET_VRING_ADDR" :
						 NULL;

	if (missing)
		return vri_backend_refuse(b, -EINVAL, "ring %u: no %s came before",
					  ring->view.index, missing);
	return check_size(b, ring->view.index, ring->view.size);
}

static int run_ring(struct vr_vu_backend *b, struct vu_ring *ring)
{
	ring->mem = vri_iotlb_view(b, ring);
	if (!ring->mem)
		return vri_backend_refuse(b, -ENOMEM, "ring %u: no memory", ring->view.index);
	ring->view.running = true;
	if (b->ops.ring_start(b->config.ring_context, &ring->view, ring->mem) >= 0)
		return 0;
	ring->view.running = false;
	vri_iotlb_release(b, ring);
	return vri_backend_refuse(b, -EIO, "ring %u: the device cannot start it", ring->view.index);
}

/*
 * Before DRIVER_OK the device takes no buffer (virtio 2.1.2). QEMU tells no status before that one,
 * and older front ends never tell any: those are ready when they start a ring.
 */
static bool driver_is_ready(const struct vr_vu_backend *b)
{
	return !b->status || b->status & VR_STATUS_DRIVER_OK;
}

int vri_ring_start(struct vr_vu_backend *b, struct vu_ring *ring)
{
	int ret;

	ring->awaiting = false;
	ret = check_complete(b, ring);
	if (!ret)
		ret = check_base(b, ring);
	if (!ret)
		ret = resolve_ring(b, ring);
	if (ret == VU_PENDING || (!ret && !driver_is_ready(b))) {
		ring->awaiting = true;
		return 0;
	}
	if (ret)
		return ret;
	if (is_packed(b))
		settle_packed_base(b, ring);
	else
		settle_split_base(b, ring);
	ret = vri_inband_start(b, ring);
	if (ret)
		return ret;
	return run_ring(b, ring);
}

static void close_slot(int *slot)
{
	if (*slot >= 0)
		close(*slot);
	*slot = -1;
}

void vri_ring_clear(struct vu_ring *ring)
{
	const uint32_t index = ring->view.index;

	close_slot(&ring->view.kick_fd);
	close_slot(&ring->view.call_fd);
	close_slot(&ring->view.err_fd);
	*ring = (struct vu_ring){
		.view = { .index = index, .kick_fd = -1, .call_fd = -1, .err_fd = -1 },
	};
}

void vri_ring_enable(struct vr_vu_backend *b, struct vu_ring *ring, bool enabled)
{
	if (ring->view.enabled == enabled)
		return;
	ring->view.enabled = enabled;
	if (ring->view.running && b->ops.ring_enable)
		b->ops.ring_enable(b->config.ring_context, ring->view.index, enabled);
}

bool vri_any_ring_runs(const struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++)
		if (b->rings[i].view.running || b->rings[i].awaiting)
			return true;
	return false;
}

/* ---- size, position, addresses, enabled ---- */

int vri_set_vring_num(struct vr_vu_backend *b)
{
	const struct vu_vring_state *state = &b->rx.payload.state;
	struct vu_ring *ring = find_stopped_ring(b, state->index);

	if (!ring || check_size(b, state->index, state->num))
		return -EINVAL;
	ring->view.size = state->num;
	ring->num_set = true;
	return 0;
}

int vri_set_vring_base(struct vr_vu_backend *b)
{
	const struct vu_vring_state *state = &b->rx.payload.state;
	struct vu_ring *ring = find_stopped_ring(b, state->index);

	if (!ring)
		return -EINVAL;
	ring->base = state->num;
	ring->base_set = true;
	return 0;
}

static bool same_areas(const struct vu_vring_addr *a, const struct vu_vring_addr *b)
{
	return a->descriptors == b->descriptors && a->driver == b->driver && a->device == b->device;
}

/* Its device area, as far as its size is known by now. */
static bool log_covers(const struct vr_vu_backend *b, const struct vu_ring *ring, uint64_t log)
{
	const size_t bytes = vr_ring_bytes(b->negotiated.accepted, ring->view.size, VR_AREA_DEVICE);

	return vri_log_has(b, log, bytes ? bytes : 1);
}

/* The ring is still; only what is logged changes. */
static int switch_addr(struct vr_vu_backend *b)
{
	b->rings[b->rx.payload.addr.index].addr = b->rx.payload.addr;
	return 0;
}

int vri_set_vring_addr(struct vr_vu_backend *b)
{
	const struct vu_vring_addr *addr = &b->rx.payload.addr;
	struct vu_ring *ring = vri_find_ring(b, addr->index);

	if (!ring)
		return -EINVAL;
	if (addr->flags & ~VU_VRING_ADDR_LOG)
		return vri_backend_refuse(b, -EINVAL, "ring %u: unknown flags 0x%x", addr->index,
					  addr->flags);
	if ((ring->view.running || ring->awaiting) && !same_areas(addr, &ring->addr))
		return vri_backend_refuse(b, -EBUSY, "ring %u is running", addr->index);
	if (addr->flags && !log_covers(b, ring, addr->log))
		return vri_backend_refuse(b, -EINVAL,
					  "ring %u: address 0x%" PRIx64 " is not in the log",
					  addr->index, addr->log);
	if (ring->view.running && (addr->flags != ring->addr.flags || addr->log != ring->addr.log))
		return vri_stop_rings(b, addr->index, addr->index + 1, VR_VU_STOP_PAUSE,
				      switch_addr);
	ring->addr = *addr;
	ring->addr_set = true;
	return 0;
}

static int reply_base(struct vr_vu_backend *b)
{
	const uint32_t index = b->rx.payload.state.index;
	const struct vu_ring *ring = &b->rings[index];
	struct vu_vring_state state = { index, ring->base };

	/* One that waits for translations was started: it is no more. */
	if (b->rings[index].awaiting)
		vri_iotlb_release(b, &b->rings[index]);
	if (!ring->base_set)
		state.num = is_packed(b) ? VR_VU_BASE_FRESH_PACKED : VR_VU_BASE_FRESH_SPLIT;
	vri_reply(b, &state, sizeof(state));
	return 0;
}

int vri_get_vring_base(struct vr_vu_backend *b)
{
	const uint32_t index = b->rx.payload.state.index;

	if (!vri_find_ring(b, index))
		return -EINVAL;
	/* A ring that does not run has its position already. */
	return vri_stop_rings(b, index, index + 1, VR_VU_STOP_REQUEST, reply_base);
}

int vri_set_vring_enable(struct vr_vu_backend *b)
{
	const struct vu_vring_state *state = &b->rx.payload.state;
	struct vu_ring *ring = vri_find_ring(b, state->index);

	if (!ring)
		return -EINVAL;
	if (state->num > 1)
		return vri_backend_refuse(b, -EINVAL, "ring %u: %u is neither 0 nor 1",
					  state->index, state->num);
	/* Before SET_FEATURES too: DPDK begins a session after a lost one with disabling. */
	if (b->features_set && !(b->negotiated.accepted & VR_VU_F_PROTOCOL_FEATURES))
		return vri_backend_refuse(b, -EPERM, "the protocol features bit was not accepted");
	vri_ring_enable(b, ring, state->num);
	return 0;
}

/* ---- descriptors ---- */

/*
 * Writing to an eventfd, a pipe or a socket (User Mode Linux has these) can be kept from waiting;
 * what else a peer may send (a file of its own file system, say) can not.
 */
bool vri_make_nonblocking(int fd)
{
	struct stat st;
	int flags;

	if (fstat(fd, &st) ||
	    (st.st_mode & S_IFMT && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return false;
	flags = fcntl(fd, F_GETFL);
	return flags >= 0 && !fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* The ring and the descriptor (-1: none) that a message brings, which is about @bit. */
static struct vu_ring *take_ring_fd(struct vr_vu_backend *b, uint8_t bit, int *fd)
{
	const uint64_t value = b->rx.payload.u64;
	const bool no_fd = value & VU_VRING_NO_FD;
	struct vu_ring *ring;

	if (value & ~(uint64_t)(VU_VRING_INDEX_MASK | VU_VRING_NO_FD)) {
		vri_backend_refuse(b, -EINVAL, "unknown bits in 0x%" PRIx64, value);
		return NULL;
	}
	ring = vri_find_ring(b, (uint32_t)(value & VU_VRING_INDEX_MASK));
	if (!ring)
		return NULL;
	if (b->rx.fd_count != !no_fd) {
		vri_backend_refuse(b, -EINVAL, "ring %u: %u descriptors, but bit 8 is %d",
				   ring->view.index, b->rx.fd_count, no_fd);
		return NULL;
	}
	if (!no_fd && !vri_make_nonblocking(b->rx.fds[0])) {
		vri_backend_refuse(b, -EINVAL, "ring %u: neither an eventfd, a pipe nor a socket",
				   ring->view.index);
		return NULL;
	}
	*fd = no_fd ? -1 : vri_rx_take_fd(&b->rx, 0);
	vri_inband_told(b, ring, bit);
	return ring;
}

static int put_fd(struct vr_vu_backend *b)
{
	close_slot(b->fd_slot);
	*b->fd_slot = b->fd;
	b->fd = -1;
	return 0;
}

/* Exchanges a descriptor; one that the device may be using only while its ring is paused. */
static int exchange_fd(struct vr_vu_backend *b, struct vu_ring *ring, int *slot, int fd)
{
	const uint32_t index = ring->view.index;

	b->fd_slot = slot;
	b->fd = fd;
	return vri_stop_rings(b, index, index + 1, VR_VU_STOP_PAUSE, put_fd);
}

/*
 * A descriptor that the device only writes to: the number stays, what it stands for changes, and
 * the device needs no pause. Front ends mask interrupts that way, often.
 */
static int set_signal_fd(struct vr_vu_backend *b, struct vu_ring *ring, int *slot, int fd)
{
	int ret;

	if (fd < 0 || *slot < 0)
		return exchange_fd(b, ring, slot, fd);
	ret = dup3(fd, *slot, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	if (ret)
		vri_backend_refuse(b, ret, "ring %u: the descriptor cannot be exchanged",
				   ring->view.index);
	return ret;
}

int vri_set_vring_call(struct vr_vu_backend *b)
{
	struct vu_ring *ring;
	int fd;

	ring = take_ring_fd(b, VU_CALL, &fd);
	return ring ? set_signal_fd(b, ring, &ring->view.call_fd, fd) : -EINVAL;
}

int vri_set_vring_err(struct vr_vu_backend *b)
{
	struct vu_ring *ring;
	int fd;

	ring = take_ring_fd(b, VU_ERR, &fd);
	return ring ? set_signal_fd(b, ring, &ring->view.err_fd, fd) : -EINVAL;
}

int vri_set_vring_kick(struct vr_vu_backend *b)
{
	struct vu_ring *ring;
	int fd, ret;

	ring = take_ring_fd(b, VU_KICK, &fd);
	if (!ring)
		return -EINVAL;
	if (ring->view.running)
		return exchange_fd(b, ring, &ring->view.kick_fd, fd);
	close_slot(&ring->view.kick_fd);
	ring->view.kick_fd = fd;
	ret = vri_ring_start(b, ring);
	if (ret)
		close_slot(&ring->view.kick_fd);
	return ret;
}

/* The ring is still; starting it again has the device look into it. */
static int poked(struct vr_vu_backend *b)
{
	(void)b;
	return 0;
}

bool vri_kick_is_eventfd(const struct vu_ring *ring)
{
	struct stat st;

	/* It is neither a pipe nor a socket, and nothing else is taken. */
	return !fstat(ring->view.kick_fd, &st) && !(st.st_mode & S_IFMT);
}

int vri_ring_poke(struct vr_vu_backend *b, struct vu_ring *ring)
{
	const uint32_t index = ring->view.index;

	/* Who has no descriptor polls. */
	if (ring->view.kick_fd < 0)
		return 0;
	if (vri_kick_is_eventfd(ring))
		return vr_vu_notify(ring->view.kick_fd);
	return vri_stop_rings(b, index, index + 1, VR_VU_STOP_PAUSE, poked);
}
