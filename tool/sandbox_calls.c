// SPDX-License-Identifier: BSD-3-Clause
/*
 * The system calls of a program that serves, once its socket, its image and its devices are open.
 *
 * What is not here cannot be done: open a file, make a network connection, start a program, a
 * thread or a process, trace or signal another one, map code, change who one is. io_uring makes
 * calls of its own that no filter sees; the ring of a disk is restricted to reading and writing its
 * own image when it is made (src/blk/disk_uring.c).
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define WORD 0xffffffffull

/* A table reads better with an entry a line. */
/* clang-format off */
#define ALL(name, why) { name, SANDBOX_ALL, 0, 0, 0, why }
#define BLK(name, why) { name, SANDBOX_BLK, 0, 0, 0, why }
#define ONLY(name, argument, mask, value, why) { name, SANDBOX_ALL, mask, value, argument, why }
#define BLK_ONLY(name, argument, mask, value, why) { name, SANDBOX_BLK, mask, value, argument, why }
#define NET_ONLY(name, argument, mask, value, why) { name, SANDBOX_NET, mask, value, argument, why }

static const struct sandbox_call calls[] = {
	/* waiting */
	ALL("epoll_create1", "the back end's descriptor is an epoll set"),
	ALL("epoll_ctl", "front ends, kicks and timers come and go in it"),
	ALL("epoll_pwait", "wait"),
	ALL("epoll_wait", "wait"),
	ALL("poll", "wait"),
	ALL("ppoll", "wait, with signals let in"),
	ALL("clock_gettime", "time limits, where the vDSO has no clock"),
	ALL("clock_nanosleep", "pauses"),
	ALL("nanosleep", "pauses of older C libraries"),
	ALL("timerfd_create", "timers in an event loop"),
	ALL("timerfd_settime", "timers in an event loop"),
	ALL("eventfd2", "wake-ups between parts of an event loop"),
	ALL("sched_yield", "polite polling"),
	ALL("futex", "locks of the C library"),
	ALL("restart_syscall", "a wait goes on after a stop and SIGCONT"),

	/* the front end's connection */
	ALL("accept", "the next front end"),
	ALL("accept4", "the next front end"),
	ALL("recvmsg", "messages and their descriptors"),
	ALL("sendmsg", "replies and their descriptors"),
	ALL("recvfrom", "kicks and calls that are sockets"),
	ALL("sendto", "kicks and calls that are sockets"),
	ALL("getsockopt", "what became of a connection; what a descriptor is"),
	ALL("shutdown", "the end of a connection"),
	ALL("close", "descriptors of a front end that has gone"),
	ALL("dup3", "a call descriptor takes the place of another"),
	ALL("unlink", "the socket file goes when the server does"),
	ALL("unlinkat", "the same on machines without unlink"),
	ONLY("fcntl", 1, WORD, F_GETFD, "flags of received descriptors"),
	ONLY("fcntl", 1, WORD, F_SETFD, "flags of received descriptors"),
	ONLY("fcntl", 1, WORD, F_GETFL, "flags of received descriptors"),
	ONLY("fcntl", 1, WORD, F_SETFL, "received descriptors must not block"),
	ONLY("fcntl", 1, WORD, F_DUPFD_CLOEXEC, "a descriptor that is kept and handed out"),
	ONLY("fcntl", 1, WORD, F_GET_SEALS, "can a front end cut this memory?"),
	ONLY("fcntl", 1, WORD, F_ADD_SEALS, "our own shared memory is not to be cut"),
	ALL("fstat", "what a received descriptor is"),
	ALL("newfstatat", "the same in the C library of today"),
	ALL("fstatfs", "what file system a received descriptor is of"),
	ALL("lseek", "pcap files; how long a received file is"),

	/* memory */
	ONLY("mmap", 2, PROT_EXEC, 0, "memory of front ends and our own, never code"),
	ONLY("mprotect", 2, PROT_EXEC, 0, "the allocator's areas, never code"),
	ALL("munmap", "memory of a front end that has gone"),
	ALL("mremap", "the allocator"),
	ALL("madvise", "the allocator; the pages of a guest that moves"),
	ALL("brk", "the allocator"),
	ALL("getrandom", "the allocator"),
	ALL("sysinfo", "qsort() of many requests in flight asks how much memory there is"),
	ALL("memfd_create", "memory that is shared: requests in flight"),
	ALL("ftruncate", "its size"),

	/* data: kicks, calls, taps, files, messages to the terminal */
	ALL("read", "kicks, taps, disks"),
	ALL("write", "calls, taps, disks, messages"),
	ALL("readv", "taps"),
	ALL("writev", "taps, messages"),
	BLK("preadv2", "a disk without io_uring"),
	BLK("pwritev2", "a disk without io_uring"),
	BLK("preadv", "the same in some C libraries"),
	BLK("pwritev", "the same in some C libraries"),
	BLK("fdatasync", "a disk without io_uring"),
	BLK("fallocate", "discards and zeroes without io_uring"),
	BLK("io_uring_enter", "a disk; what the ring can do was restricted before"),
	ONLY("ioctl", 1, WORD, TCGETS, "stdio asks whether it writes to a terminal"),
	BLK_ONLY("ioctl", 1, WORD, BLKGETSIZE64, "a block device that has grown or shrunk"),
	NET_ONLY("ioctl", 1, WORD, TUNSETOFFLOAD,
		 "what a front end takes from a tap is negotiated"),
	NET_ONLY("ioctl", 1, WORD, TUNSETQUEUE, "queue pairs of a tap come and go"),
	NET_ONLY("ioctl", 1, WORD, TUNSETVNETHDRSZ, "so does the header of its packets"),

	/* signals, and the end */
	ALL("rt_sigaction", "handlers are put back at the end"),
	ALL("rt_sigprocmask", "signals are let in only while waiting"),
	ALL("rt_sigreturn", "the end of a signal handler"),
	ALL("sigaltstack", "the C library and sanitizers take theirs down"),
	ALL("getpid", "abort()"),
	ALL("gettid", "abort()"),
	ALL("tgkill", "abort()"),
	ALL("exit", "the end of a thread"),
	ALL("exit_group", "the end"),

#ifdef SANITIZED
	/* A build that looks for faults: its report reads files and stops all threads. */
	ALL("clone", "sanitizers: the leak checker's own thread"),
	ALL("getdents", "sanitizers: the list of threads, in older ones"),
	ALL("getdents64", "sanitizers: the list of threads"),
	ALL("getppid", "sanitizers: the leak checker's own thread"),
	ALL("gettimeofday", "sanitizers: the thread sanitizer's own thread"),
	ALL("mincore", "sanitizers: is that memory there?"),
	ALL("open", "sanitizers: maps, programs and symbols for a report"),
	ALL("openat", "sanitizers: maps, programs and symbols for a report"),
	ALL("pipe", "sanitizers: to the symbolizer"),
	ALL("pipe2", "sanitizers: to the symbolizer"),
	ALL("prctl", "sanitizers: the leak checker attaches to its parent"),
	ALL("prlimit64", "sanitizers: size of the stack"),
	ALL("process_vm_readv", "sanitizers: reading memory that may not be there"),
	ALL("ptrace", "sanitizers: the leak checker stops all threads"),
	ALL("readlink", "sanitizers: name of the program"),
	ALL("rseq", "sanitizers: their own thread may start after the sandbox"),
	ALL("sched_getaffinity", "sanitizers: number of CPUs"),
	ALL("set_robust_list", "sanitizers: their own thread may start after the sandbox"),
	ALL("stat", "sanitizers: is there a symbolizer?"),
	ALL("wait4", "sanitizers: the leak checker's own thread"),
#endif

#ifdef VR_COVERAGE
	/* A build that counts what is reached: the counters are files, written at the end. */
	ALL("openat", "coverage: the files of the counters"),
	ALL("fcntl", "coverage: others count in the same files"),
	ALL("mkdir", "coverage: the folders of the files"),
#endif
};
/* clang-format on */

const struct sandbox_call *sandbox_calls(unsigned int *count)
{
	*count = sizeof(calls) / sizeof(calls[0]);
	return calls;
}
