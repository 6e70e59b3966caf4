/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that driver and device share (hosted, POSIX).
 *
 * A device side maps what the other process offers: a region table, published as immutable
 * snapshots that translate addresses. A driver side creates memory and offers it: struct vr_shm.
 *
 * Every function that can fail returns 0 or a count on success and a negative errno value
 * (-EINVAL, -ENOMEM, ...) on failure; which ones is said at each function. Nothing here prints.
 */
#ifndef VIRTRING_MEMORY_H
#define VIRTRING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/** VR_MEM_MAX_REGIONS - the most regions that a table can be created for */
#define VR_MEM_MAX_REGIONS 512u

/**
 * struct vr_mem_region - one piece of the driver's memory, as the other side describes it
 * @guest_addr: device address (guest-physical address) of the first byte
 * @size: bytes, not 0
 * @user_addr: address of the first byte in the front end's own address space; opaque, never
 *	dereferenced, used to find ring areas
 * @mmap_offset: offset of the first byte in @fd, any alignment
 * @fd: file to map; only read during the call it is passed to, stays the caller's
 *
 * vhost-user specification, "Memory region description".
 */
struct vr_mem_region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
	int fd;
};

/**
 * struct vr_mem_reason - why a region was refused
 * @text: what was wrong, a string constant; NULL if nothing was
 * @region: index of the refused region in the caller's array
 */
struct vr_mem_reason {
	const char *text;
	uint32_t region;
};

struct vr_mem;
struct vr_mem_table;

/**
 * vr_mem_table_create() - create an empty region table
 * @max_regions: most regions at any time, 1 to VR_MEM_MAX_REGIONS
 * @table: receives the table
 *
 * Return: 0, -EINVAL (@max_regions out of range), -ENOMEM.
 */
int vr_mem_table_create(uint32_t max_regions, struct vr_mem_table **table);

/**
 * vr_mem_table_destroy() - destroy a table
 * @table: table, or NULL
 *
 * Snapshots that somebody still holds stay valid until they are put.
 */
void vr_mem_table_destroy(struct vr_mem_table *table);

/**
 * vr_mem_table_add() - map one more region
 * @table: table
 * @region: region to map
 * @reason: receives what was wrong on failure, may be NULL
 *
 * Publishes a new snapshot. On failure nothing changes. One thread at a time may change a table.
 *
 * A region that is there already, the same piece of the same file at the same addresses, is counted:
 * it goes when it has been removed as often. QEMU before 8.1 adds and removes each region once for
 * each queue pair of a network card.
 *
 * Return: 0, -EINVAL (size 0, a range that wraps around, a range beyond the end of the file, not
 * a regular file or memfd), -EEXIST (overlaps another region in guest or in user addresses),
 * -ENOSPC (table full), -ENOMEM, or what fstat() or mmap() failed with.
 */
int vr_mem_table_add(struct vr_mem_table *table, const struct vr_mem_region *region,
		     struct vr_mem_reason *reason);

/**
 * vr_mem_table_remove() - drop one region
 * @table: table
 * @guest_addr: guest address of the region
 * @user_addr: user address of the region
 * @size: size of the region in bytes
 *
 * All three must match one region; the offset plays no part (vhost-user, VHOST_USER_REM_MEM_REG).
 * A region that was added several times loses one of them (vr_mem_table_add()). The mapping goes away
 * when the last snapshot that has it is put.
 *
 * Return: 0, -ENOENT (no such region), -ENOMEM.
 */
int vr_mem_table_remove(struct vr_mem_table *table, uint64_t guest_addr, uint64_t user_addr,
			uint64_t size);

/**
 * vr_mem_table_replace() - replace all regions at once
 * @table: table
 * @regions: the new regions, may be NULL if @count is 0
 * @count: number of them
 * @reason: receives what was wrong on failure, may be NULL
 *
 * Publishes one new snapshot. On failure nothing changes.
 *
 * Return: 0 or as vr_mem_table_add().
 */
int vr_mem_table_replace(struct vr_mem_table *table, const struct vr_mem_region *regions,
			 uint32_t count, struct vr_mem_reason *reason);

/**
 * vr_mem_table_get() - take a reference on the current snapshot
 * @table: table
 *
 * May be called by any thread, also while another one changes the table. A worker holds its
 * snapshot until its next quiescent point and then asks vr_mem_table_generation().
 *
 * Return: the snapshot, never NULL; give it back with vr_mem_put().
 */
struct vr_mem *vr_mem_table_get(struct vr_mem_table *table);

/**
 * vr_mem_table_generation() - number of the current snapshot
 * @table: table
 *
 * One relaxed load, for any thread.
 *
 * Return: a number that grows with every snapshot that is published; compare it with
 * vr_mem_generation() of the snapshot in hand.
 */
uint64_t vr_mem_table_generation(const struct vr_mem_table *table);

/**
 * vr_mem_ref() - take one more reference on a snapshot
 * @mem: snapshot that the caller holds
 *
 * Return: @mem.
 */
struct vr_mem *vr_mem_ref(struct vr_mem *mem);

/**
 * vr_mem_put() - give a snapshot back
 * @mem: snapshot, or NULL
 *
 * The last put of a snapshot unmaps the regions that no other snapshot has. Any thread.
 */
void vr_mem_put(struct vr_mem *mem);

/**
 * vr_mem_generation() - number of a snapshot
 * @mem: snapshot
 *
 * Return: the number; 0 is the empty snapshot that a table starts with.
 */
uint64_t vr_mem_generation(const struct vr_mem *mem);

/**
 * vr_mem_count() - number of regions
 * @mem: snapshot
 *
 * Return: the number of regions in @mem.
 */
uint32_t vr_mem_count(const struct vr_mem *mem);

/**
 * vr_mem_map() - the snapshot as the map of a ring's device half
 * @mem: snapshot
 *
 * Return: ranges sorted by device address; valid as long as the caller holds @mem.
 */
const struct vr_map *vr_mem_map(const struct vr_mem *mem);

/**
 * vr_mem_translate() - find the host memory of a range of device addresses
 * @mem: snapshot
 * @addr: device address (guest-physical)
 * @len: bytes, not 0
 * @iov: receives the pieces in order
 * @max: room in @iov
 *
 * A range that spans regions which are adjacent in device addresses comes back in one piece per
 * region. Any thread that holds @mem.
 *
 * Return: number of pieces, -EFAULT (part of the range is in no region, or it wraps around),
 * -EINVAL (@len is 0), -ENOSPC (more than @max pieces).
 */
int vr_mem_translate(const struct vr_mem *mem, uint64_t addr, uint64_t len, struct vr_iovec *iov,
		     uint32_t max);

/**
 * vr_mem_guest_ptr() - host pointer of a range of device addresses that is in one region
 * @mem: snapshot
 * @addr: device address
 * @len: bytes, not 0
 *
 * Return: host pointer, or NULL if the range is not within one region.
 */
void *vr_mem_guest_ptr(const struct vr_mem *mem, uint64_t addr, uint64_t len);

/**
 * vr_mem_user_ptr() - host pointer of a range of the front end's addresses
 * @mem: snapshot
 * @user_addr: address in the front end's address space
 * @len: bytes, not 0
 * @guest_addr: receives the device address of the same byte, may be NULL
 *
 * For ring areas, which must lie within one region.
 *
 * Return: host pointer, or NULL if the range is not within one region.
 */
void *vr_mem_user_ptr(const struct vr_mem *mem, uint64_t user_addr, uint64_t len,
		      uint64_t *guest_addr);

/**
 * vr_mem_lost() - has the other side truncated a region?
 * @mem: snapshot
 *
 * Needs vr_sigbus_install(). Once true, the contents of the truncated region are zeros that the
 * other side does not see; the session should end.
 *
 * Return: true if a region of @mem has faulted.
 */
bool vr_mem_lost(const struct vr_mem *mem);

/**
 * vr_sigbus_install() - survive a peer that truncates its memory
 *
 * A peer that shrinks the file behind a mapped region makes the next access raise SIGBUS. The
 * handler that this installs for the whole process maps zero pages over the faulting region and
 * flags it, see vr_mem_lost(); the access is then repeated. A fault outside the regions goes to
 * the handler that was installed before. There is no cost until a fault happens.
 *
 * For a program, not for a library inside one, to decide. Regions mapped before the call are not
 * watched. Not thread-safe against itself or vr_sigbus_remove().
 *
 * Return: 0, -EALREADY (is installed), or what sigaction() failed with.
 */
int vr_sigbus_install(void);

/**
 * vr_sigbus_remove() - put the previous SIGBUS handler back
 *
 * Return: 0, -ENOENT (not installed), -EBUSY (another handler was installed on top).
 */
int vr_sigbus_remove(void);

/* ---- shared memory for a front end ---- */

/* flags of struct vr_shm_config */
#define VR_SHM_HUGE 1u /* use huge pages if the machine has free ones */
#define VR_SHM_HUGE_ONLY 2u /* fail rather than use normal pages */
#define VR_SHM_POPULATE 4u /* back all pages with memory now */

/**
 * struct vr_shm_config - what memory to create
 * @struct_size: sizeof(struct vr_shm_config)
 * @flags: VR_SHM_*
 * @size: bytes wanted, rounded up to whole pages of the kind used
 * @guest_addr: device address of the first byte, a multiple of 4096; not 0 is wise, as then an
 *	address that was forgotten is found out
 */
struct vr_shm_config {
	size_t struct_size;
	uint32_t flags;
	uint64_t size;
	uint64_t guest_addr;
};

/**
 * struct vr_shm_info - what memory was created
 * @page_size: bytes of the pages used
 * @huge_error: 0, or the errno value why huge pages were asked for and not used
 * @size: bytes
 * @free: bytes not yet given out by vr_shm_alloc()
 */
struct vr_shm_info {
	uint64_t page_size;
	int huge_error;
	uint64_t size;
	uint64_t free;
};

struct vr_shm;

/**
 * vr_shm_create() - create memory to share with a device
 * @config: what is wanted
 * @shm: receives the memory, all zeros
 *
 * A memfd, sealed so that nobody, the receiver of the descriptor included, can resize it. Without
 * free huge pages it falls back to normal pages and says so in vr_shm_info().
 *
 * Return: 0, -EINVAL (config), -ENOMEM (also: VR_SHM_HUGE_ONLY and too few huge pages), or what
 * memfd_create() or mmap() failed with.
 */
int vr_shm_create(const struct vr_shm_config *config, struct vr_shm **shm);

/**
 * vr_shm_destroy() - unmap the memory and close its descriptor
 * @shm: memory, or NULL
 */
void vr_shm_destroy(struct vr_shm *shm);

/**
 * vr_shm_info() - what was created and what is left
 * @shm: memory
 * @info: receives the facts
 */
void vr_shm_info(const struct vr_shm *shm, struct vr_shm_info *info);

/**
 * vr_shm_region() - describe the memory for a region table
 * @shm: memory
 * @region: receives addresses, size and descriptor (which stays with @shm)
 *
 * The user address is the address of the memory in this process.
 */
void vr_shm_region(const struct vr_shm *shm, struct vr_mem_region *region);

/**
 * vr_shm_alloc() - give out a piece of the memory
 * @shm: memory
 * @size: bytes, not 0
 * @align: alignment in bytes of host and device address, a power of two up to 4096
 *
 * Pieces are not given back singly, see vr_shm_reset(). One thread at a time.
 *
 * Return: host pointer to zeros (unless vr_shm_reset() recycled them), or NULL if there is not
 * enough left or @align is no power of two up to 4096.
 */
void *vr_shm_alloc(struct vr_shm *shm, uint64_t size, uint64_t align);

/**
 * vr_shm_reset() - take all pieces back
 * @shm: memory
 *
 * The contents stay as they are.
 */
void vr_shm_reset(struct vr_shm *shm);

/**
 * vr_shm_addr() - device address of a host pointer
 * @shm: memory
 * @host: pointer into the memory
 *
 * Return: device address; for a pointer outside the memory UINT64_MAX.
 */
uint64_t vr_shm_addr(const struct vr_shm *shm, const void *host);

/**
 * vr_shm_ptr() - host pointer of a device address
 * @shm: memory
 * @addr: device address
 * @len: bytes, not 0
 *
 * Return: host pointer, or NULL if the range is not within the memory.
 */
void *vr_shm_ptr(const struct vr_shm *shm, uint64_t addr, uint64_t len);

/* ---- scattered buffers ---- */

/**
 * vr_iov_size() - bytes in all elements
 * @iov: elements
 * @count: number of elements
 *
 * Return: the sum of the lengths.
 */
size_t vr_iov_size(const struct vr_iovec *iov, size_t count);

/**
 * vr_iov_read() - copy out of scattered elements
 * @iov: elements
 * @count: number of elements
 * @offset: bytes to skip first
 * @buf: receives the bytes
 * @len: bytes wanted
 *
 * Return: bytes copied; fewer than @len if the elements end first.
 */
size_t vr_iov_read(const struct vr_iovec *iov, size_t count, size_t offset, void *buf, size_t len);

/**
 * vr_iov_write() - copy into scattered elements
 * @iov: elements
 * @count: number of elements
 * @offset: bytes to skip first
 * @buf: bytes to copy
 * @len: number of bytes
 *
 * Return: bytes copied; fewer than @len if the elements end first.
 */
size_t vr_iov_write(const struct vr_iovec *iov, size_t count, size_t offset, const void *buf,
		    size_t len);

#ifdef __cplusplus
}
#endif

#endif /* VIRTRING_MEMORY_H */
