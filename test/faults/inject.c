// SPDX-License-Identifier: BSD-3-Clause
/*
 * Preloaded into a program, it has the n-th call that can fail do so: allocations, descriptors,
 * mappings, messages, files, io_uring. Every such call of the program and of libvirtring is counted;
 * where it came from is noted, so that a run without a fault tells what there is to try. At the end it
 * notes what was left behind. What other libraries do is theirs (libseccomp, for one, ends with
 * SIGSEGV when an allocation of its own fails); what they answer is seen by our calls.
 *
 * libfiu has such a library, too, but it chooses calls by chance or all of a kind, and does not
 * know eventfd, memfd_create, accept4, aligned_alloc, preadv2, dup3 and io_uring.
 *
 *   VR_INJECT=FILE   struct report, mapped: what to do, and what came of it (inject.py has the layout)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's are reserved names
 * NOLINTBEGIN(bugprone-macro-parentheses): arguments that are lists or names cannot have any
 */

#define SITES 16384u
#define BLOCKS 8192u
#define MODULES 32u
#define FDS 256

/* What happens to a call. */
enum mode {
	COUNT,
	FAIL, /* with the error that such a call has when the machine is exhausted */
	PART, /* less than was asked for */
	INTERRUPT
};

/**
 * struct report - in a file, shared with who runs the program
 * @target: the call to have fail, from 1; 0: none
 * @mode: enum mode
 * @calls: made yet
 * @fired: the target was reached, and could fail that way
 * @ended: the program came to its end
 * @leaked: blocks that its own code had allocated and not freed then
 * @leak_site: where the first of them was
 * @open_fds: descriptors beyond those that it began with
 * @name: of the call that failed
 * @site: what was called, and where: name hash and address within the module
 */
struct report {
	uint32_t target;
	uint32_t mode;
	atomic_uint calls;
	uint32_t fired;
	uint32_t ended;
	uint32_t leaked;
	uint64_t leak_site;
	uint32_t open_fds;
	uint32_t reserved;
	char name[32];
	uint64_t site[SITES];
};

static struct report *report;

/* Code of a module, as [begin, end). */
struct module {
	uintptr_t begin;
	uintptr_t end;
	uintptr_t base;
	bool own; /* the program or the library under test */
};

static struct module modules[MODULES];
static unsigned int module_count;
static bool fd_was_open[FDS];

static int note_module(struct dl_phdr_info *info, size_t size, void *data)
{
	const char *name = info->dlpi_name;

	(void)size;
	(void)data;
	for (int i = 0; i < info->dlpi_phnum && module_count < MODULES; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		modules[module_count++] = (struct module){
			.begin = info->dlpi_addr + p->p_vaddr,
			.end = info->dlpi_addr + p->p_vaddr + p->p_memsz,
			.base = info->dlpi_addr,
			.own = !*name || strstr(name, "libvirtring"),
		};
	}
	return 0;
}

static const struct module *module_of(const void *site)
{
	for (unsigned int i = 0; i < module_count; i++)
		if ((uintptr_t)site >= modules[i].begin && (uintptr_t)site < modules[i].end)
			return &modules[i];
	return NULL;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("VR_INJECT");
	int fd;

	if (!path)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		_exit(99);
	/* Its programs are not to be tested. */
	unsetenv("LD_PRELOAD");
	unsetenv("VR_INJECT");
	dl_iterate_phdr(note_module, NULL);
	for (int i = 0; i < FDS; i++)
		fd_was_open[i] = i != fd && syscall(SYS_fcntl, i, F_GETFD) >= 0;
	report = (struct report *)syscall(SYS_mmap, NULL, sizeof(*report), PROT_READ | PROT_WRITE,
					  MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if ((intptr_t)report < 0 && (intptr_t)report > -4096)
		_exit(99);
}

/* ---- what is to happen ---- */

static uint64_t hash(const char *name)
{
	uint64_t h = 0;

	while (*name)
		h = h * 31 + (unsigned char)*name++;
	return h & 0xffff;
}

/* Counts a call from @site; is it the one? @can: the modes that it knows, as bits. */
static bool strikes(const char *name, const void *site, unsigned int can)
{
	const struct module *module;
	unsigned int number;

	if (!report)
		return false;
	module = module_of(site);
	if (!module || !module->own)
		return false;
	number = atomic_fetch_add(&report->calls, 1) + 1;
	if (number <= SITES)
		report->site[number - 1] = hash(name) << 48 | (uint64_t)can << 44 |
					   ((uint64_t)(module - modules) << 36) |
					   ((uintptr_t)site - module->base);
	if (number != report->target || !(can & 1u << report->mode))
		return false;
	strncpy(report->name, name, sizeof(report->name) - 1);
	report->fired = 1;
	return true;
}

#define CAN_FAIL (1u << FAIL)
#define CAN_PART (1u << FAIL | 1u << PART | 1u << INTERRUPT)
#define CAN_INTERRUPT (1u << FAIL | 1u << INTERRUPT)

#define HERE __builtin_return_address(0)

/* The function of this name that the program would have had. */
#define REAL(name) \
	({ \
		static __typeof__(&name) real_##name; \
		if (!real_##name) \
			real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
		real_##name; \
	})

/* A call that fails with @error and @result, or is interrupted, and else is made. */
#define MAY_FAIL(name, error, result, call) \
	do { \
		if (strikes(#name, HERE, CAN_FAIL)) { \
			errno = (error); \
			return (result); \
		} \
		return REAL(name) call; \
	} while (0)

#define MAY_BE_INTERRUPTED(name, error, call) \
	do { \
		if (strikes(#name, HERE, CAN_INTERRUPT)) { \
			errno = report->mode == INTERRUPT ? EINTR : (error); \
			return -1; \
		} \
		return REAL(name) call; \
	} while (0)

/* ---- memory ---- */

/* Blocks of the code under test: there are few enough at a time to look through them. */
static struct {
	_Atomic(void *) block;
	const void *site;
} blocks[BLOCKS];

static void *remember(void *block, const void *site)
{
	const struct module *module = report && block ? module_of(site) : NULL;

	if (!module || !module->own)
		return block;
	for (unsigned int i = 0; i < BLOCKS; i++) {
		void *none = NULL;

		if (atomic_compare_exchange_strong(&blocks[i].block, &none, block)) {
			blocks[i].site = site;
			break;
		}
	}
	return block;
}

static void forget(void *block)
{
	for (unsigned int i = 0; report && block && i < BLOCKS; i++) {
		void *it = block;

		if (atomic_compare_exchange_strong(&blocks[i].block, &it, NULL))
			return;
	}
}

/* The C library's own, which need no look-up; the allocator is wanted by dlsym() itself. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);
extern void __libc_free(void *block);

void *malloc(size_t bytes)
{
	if (strikes("malloc", HERE, CAN_FAIL)) {
		errno = ENOMEM;
		return NULL;
	}
	return remember(__libc_malloc(bytes), HERE);
}

void *calloc(size_t count, size_t bytes)
{
	if (strikes("calloc", HERE, CAN_FAIL)) {
		errno = ENOMEM;
		return NULL;
	}
	return remember(__libc_calloc(count, bytes), HERE);
}

void *realloc(void *old, size_t bytes)
{
	void *block;

	if (strikes("realloc", HERE, CAN_FAIL)) {
		errno = ENOMEM;
		return NULL;
	}
	block = __libc_realloc(old, bytes);
	if (block) {
		forget(old);
		remember(block, HERE);
	}
	return block;
}

void *aligned_alloc(size_t align, size_t bytes)
{
	if (strikes("aligned_alloc", HERE, CAN_FAIL)) {
		errno = ENOMEM;
		return NULL;
	}
	return remember(__libc_memalign(align, bytes), HERE);
}

char *strdup(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy;

	if (strikes("strdup", HERE, CAN_FAIL)) {
		errno = ENOMEM;
		return NULL;
	}
	copy = remember(__libc_malloc(bytes), HERE);
	return copy ? memcpy(copy, text, bytes) : NULL;
}

void free(void *block)
{
	forget(block);
	__libc_free(block);
}

void *mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	MAY_FAIL(mmap, ENOMEM, MAP_FAILED, (at, bytes, prot, flags, fd, offset));
}

void *mmap64(void *at, size_t bytes, int prot, int flags, int fd, off64_t offset)
{
	MAY_FAIL(mmap64, ENOMEM, MAP_FAILED, (at, bytes, prot, flags, fd, offset));
}

int ftruncate64(int fd, off64_t bytes)
{
	MAY_BE_INTERRUPTED(ftruncate64, ENOSPC, (fd, bytes));
}

/* ---- descriptors ---- */

int socket(int domain, int type, int protocol)
{
	MAY_FAIL(socket, EMFILE, -1, (domain, type, protocol));
}

int socketpair(int domain, int type, int protocol, int ends[2])
{
	MAY_FAIL(socketpair, EMFILE, -1, (domain, type, protocol, ends));
}

int accept4(int fd, struct sockaddr *addr, socklen_t *bytes, int flags)
{
	MAY_BE_INTERRUPTED(accept4, EMFILE, (fd, addr, bytes, flags));
}

int bind(int fd, const struct sockaddr *addr, socklen_t bytes)
{
	MAY_FAIL(bind, EACCES, -1, (fd, addr, bytes));
}

int listen(int fd, int backlog)
{
	MAY_FAIL(listen, EADDRINUSE, -1, (fd, backlog));
}

int connect(int fd, const struct sockaddr *addr, socklen_t bytes)
{
	MAY_BE_INTERRUPTED(connect, ECONNREFUSED, (fd, addr, bytes));
}

int eventfd(unsigned int value, int flags)
{
	MAY_FAIL(eventfd, EMFILE, -1, (value, flags));
}

int memfd_create(const char *name, unsigned int flags)
{
	MAY_FAIL(memfd_create, EMFILE, -1, (name, flags));
}

int epoll_create1(int flags)
{
	MAY_FAIL(epoll_create1, EMFILE, -1, (flags));
}

int epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
	/* Removing needs no memory. */
	if (what == EPOLL_CTL_DEL)
		return REAL(epoll_ctl)(set, what, fd, event);
	MAY_FAIL(epoll_ctl, ENOSPC, -1, (set, what, fd, event));
}

int pipe2(int ends[2], int flags)
{
	MAY_FAIL(pipe2, EMFILE, -1, (ends, flags));
}

int dup3(int from, int to, int flags)
{
	MAY_BE_INTERRUPTED(dup3, EMFILE, (from, to, flags));
}

int open64(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	MAY_BE_INTERRUPTED(open64, EMFILE, (path, flags, mode));
}

int fcntl64(int fd, int command, ...)
{
	va_list list;
	void *argument;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	/* The others cannot fail on a descriptor that is open. */
	if (command != F_DUPFD_CLOEXEC && command != F_ADD_SEALS)
		return REAL(fcntl64)(fd, command, argument);
	MAY_FAIL(fcntl64, command == F_ADD_SEALS ? EPERM : EMFILE, -1, (fd, command, argument));
}

FILE *fopen64(const char *path, const char *mode)
{
	MAY_FAIL(fopen64, EMFILE, NULL, (path, mode));
}

FILE *fdopen(int fd, const char *mode)
{
	MAY_FAIL(fdopen, ENOMEM, NULL, (fd, mode));
}

int fstat64(int fd, struct stat64 *stat)
{
	MAY_FAIL(fstat64, EIO, -1, (fd, stat));
}

/* ---- bytes ---- */

/* Half of @bytes, at least one. */
static size_t part(size_t bytes)
{
	return bytes > 1 ? bytes / 2 : bytes;
}

#define MAY_BE_PART(name, error, whole, less) \
	do { \
		if (!strikes(#name, HERE, CAN_PART)) \
			return REAL(name) whole; \
		if (report->mode == PART) \
			return REAL(name) less; \
		errno = report->mode == INTERRUPT ? EINTR : (error); \
		return -1; \
	} while (0)

ssize_t read(int fd, void *to, size_t bytes)
{
	MAY_BE_PART(read, EIO, (fd, to, bytes), (fd, to, part(bytes)));
}

ssize_t write(int fd, const void *from, size_t bytes)
{
	MAY_BE_PART(write, ENOSPC, (fd, from, bytes), (fd, from, part(bytes)));
}

ssize_t recv(int fd, void *to, size_t bytes, int flags)
{
	MAY_BE_PART(recv, ECONNRESET, (fd, to, bytes, flags), (fd, to, part(bytes), flags));
}

ssize_t send(int fd, const void *from, size_t bytes, int flags)
{
	MAY_BE_PART(send, ENOBUFS, (fd, from, bytes, flags), (fd, from, part(bytes), flags));
}

/* The first half of the first piece. */
static struct msghdr less(const struct msghdr *msg, struct iovec *piece)
{
	struct msghdr some = *msg;

	if (!msg->msg_iovlen)
		return some;
	*piece = msg->msg_iov[0];
	piece->iov_len = part(piece->iov_len);
	some.msg_iov = piece;
	some.msg_iovlen = 1;
	return some;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct iovec piece;
	struct msghdr some;
	ssize_t got;

	if (!strikes("recvmsg", HERE, CAN_PART))
		return REAL(recvmsg)(fd, msg, flags);
	if (report->mode != PART) {
		errno = report->mode == INTERRUPT ? EINTR : ENOMEM;
		return -1;
	}
	some = less(msg, &piece);
	got = REAL(recvmsg)(fd, &some, flags);
	msg->msg_controllen = some.msg_controllen;
	msg->msg_flags = some.msg_flags;
	return got;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct iovec piece;
	struct msghdr some;

	if (!strikes("sendmsg", HERE, CAN_PART))
		return REAL(sendmsg)(fd, msg, flags);
	if (report->mode != PART) {
		errno = report->mode == INTERRUPT ? EINTR : ENOBUFS;
		return -1;
	}
	some = less(msg, &piece);
	return REAL(sendmsg)(fd, &some, flags);
}

ssize_t preadv64v2(int fd, const struct iovec *pieces, int count, off64_t at, int flags)
{
	struct iovec half = *pieces;

	half.iov_len = part(half.iov_len);
	MAY_BE_PART(preadv64v2, EIO, (fd, pieces, count, at, flags), (fd, &half, 1, at, flags));
}

ssize_t pwritev64v2(int fd, const struct iovec *pieces, int count, off64_t at, int flags)
{
	struct iovec half = *pieces;

	half.iov_len = part(half.iov_len);
	MAY_BE_PART(pwritev64v2, ENOSPC, (fd, pieces, count, at, flags), (fd, &half, 1, at, flags));
}

int fdatasync(int fd)
{
	MAY_BE_INTERRUPTED(fdatasync, EIO, (fd));
}

/* ---- waiting ---- */

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	MAY_BE_INTERRUPTED(poll, ENOMEM, (fds, count, timeout));
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	MAY_BE_INTERRUPTED(ppoll, ENOMEM, (fds, count, timeout, mask));
}

int epoll_pwait(int set, struct epoll_event *events, int count, int timeout, const sigset_t *mask)
{
	/* It has nothing to run out of. */
	if (strikes("epoll_pwait", HERE, 1u << INTERRUPT)) {
		errno = EINTR;
		return -1;
	}
	return REAL(epoll_pwait)(set, events, count, timeout, mask);
}

/* ---- io_uring, which answers with negative error codes ---- */

struct io_uring;
int io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags);
int io_uring_register_files(struct io_uring *ring, const int *files, unsigned int count);
int io_uring_submit(struct io_uring *ring);

int io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags)
{
	if (strikes("io_uring_queue_init", HERE, CAN_FAIL))
		return -ENOMEM;
	return REAL(io_uring_queue_init)(entries, ring, flags);
}

int io_uring_register_files(struct io_uring *ring, const int *files, unsigned int count)
{
	if (strikes("io_uring_register_files", HERE, CAN_FAIL))
		return -ENOMEM;
	return REAL(io_uring_register_files)(ring, files, count);
}

int io_uring_submit(struct io_uring *ring)
{
	if (strikes("io_uring_submit", HERE, CAN_INTERRUPT))
		return report->mode == INTERRUPT ? -EINTR : -EAGAIN;
	return REAL(io_uring_submit)(ring);
}

/* ---- the end ---- */

__attribute__((destructor)) static void end(void)
{
	if (!report)
		return;
	for (unsigned int i = 0; i < BLOCKS; i++) {
		const struct module *module;

		if (!atomic_load(&blocks[i].block))
			continue;
		module = module_of(blocks[i].site);
		if (!report->leaked++ && module)
			report->leak_site = ((uint64_t)(module - modules) << 36) |
					    ((uintptr_t)blocks[i].site - module->base);
	}
	for (int i = 0; i < FDS; i++)
		report->open_fds += syscall(SYS_fcntl, i, F_GETFD) >= 0 && !fd_was_open[i];
	report->ended = 1;
}

/*
 * NOLINTEND(bugprone-macro-parentheses)
 * NOLINTEND(readability-inconsistent-declaration-parameter-name)
 */
