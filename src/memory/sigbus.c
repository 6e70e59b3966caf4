// SPDX-License-Identifier: BSD-3-Clause
/*
 * The one piece of process-wide state in the library, because signals are: a SIGBUS handler that
 * the program asks for. The list of watched regions grows by whole blocks that are never freed, so
 * the handler walks it with plain atomic loads and needs no lock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "memory/mem.h"

#define WATCHES_PER_BLOCK 64

/**
 * struct mem_watch - a watched region; free while @start is 0
 * @start: first byte, stored last and cleared first
 * @length: bytes
 * @lost: flag to raise
 * @busy: taken by somebody; under the lock
 */
struct mem_watch {
	_Atomic uintptr_t start;
	_Atomic size_t length;
	atomic_bool *_Atomic lost;
	bool busy;
};

struct watch_block {
	struct mem_watch watch[WATCHES_PER_BLOCK];
	struct watch_block *_Atomic next;
};

static struct watch_block first_block;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool installed;
static struct sigaction previous;

static bool watch_hit(struct mem_watch *watch, uintptr_t addr)
{
	uintptr_t start = atomic_load(&watch->start);
	size_t length = atomic_load(&watch->length);
	atomic_bool *lost = atomic_load(&watch->lost);

	/* Read again: an entry that was given to another region meanwhile is not ours to judge. */
	if (!start || addr < start || addr - start >= length || atomic_load(&watch->start) != start)
		return false;
	if (mmap((void *)start, length, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
		return false;
	atomic_store(lost, true);
	return true;
}

static bool recover(uintptr_t addr)
{
	struct watch_block *block;
	int i;

	for (block = &first_block; block; block = atomic_load(&block->next))
		for (i = 0; i < WATCHES_PER_BLOCK; i++)
			if (watch_hit(&block->watch[i], addr))
				return true;
	return false;
}

/* Not ours: as if this handler were not there. */
static void chain(int sig, siginfo_t *info, void *context)
{
	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(sig, info, context);
	} else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
		/* A fault cannot be ignored: it comes back at once and ends the process. */
		sigaction(sig, &previous, NULL);
		if (info->si_code <= 0)
			(void)raise(sig);
	} else {
		previous.sa_handler(sig);
	}
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int error = errno;

	/* Only BUS_ADRERR is what a truncated file raises, and only then is the address one. */
	if (info->si_code != BUS_ADRERR || !recover((uintptr_t)info->si_addr))
		chain(sig, info, context);
	errno = error;
}

int vr_sigbus_install(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (installed)
		return -EALREADY;
	action.sa_sigaction = on_sigbus;
	sigemptyset(&action.sa_mask);
	/* First: the handler may run before sigaction() has returned. */
	if (sigaction(SIGBUS, NULL, &previous) || sigaction(SIGBUS, &action, NULL))
		return -errno;
	installed = true;
	return 0;
}

int vr_sigbus_remove(void)
{
	struct sigaction now;

	if (!installed)
		return -ENOENT;
	if (sigaction(SIGBUS, NULL, &now))
		return -errno;
	if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_sigbus)
		return -EBUSY;
	if (sigaction(SIGBUS, &previous, NULL))
		return -errno;
	installed = false;
	return 0;
}

/* A free entry, with the lock held; the list grows if there is none. */
static struct mem_watch *find_free(void)
{
	struct watch_block *block = &first_block, *next;
	int i;

	for (;;) {
		for (i = 0; i < WATCHES_PER_BLOCK; i++)
			if (!block->watch[i].busy)
				return &block->watch[i];
		next = atomic_load(&block->next);
		if (!next) {
			next = calloc(1, sizeof(*next));
			if (!next)
				return NULL;
			atomic_store(&block->next, next);
		}
		block = next;
	}
}

int vri_sigbus_watch(struct mem_mapping *mapping)
{
	struct mem_watch *watch;

	if (!installed)
		return 0;
	pthread_mutex_lock(&lock);
	watch = find_free();
	if (watch) {
		watch->busy = true;
		atomic_store(&watch->length, mapping->length);
		atomic_store(&watch->lost, &mapping->lost);
		atomic_store(&watch->start, (uintptr_t)mapping->start);
	}
	pthread_mutex_unlock(&lock);
	mapping->watch = watch;
	return watch ? 0 : -ENOMEM;
}

void vri_sigbus_unwatch(struct mem_mapping *mapping)
{
	if (!mapping->watch)
		return;
	pthread_mutex_lock(&lock);
	atomic_store(&mapping->watch->start, 0);
	mapping->watch->busy = false;
	pthread_mutex_unlock(&lock);
}
