// SPDX-License-Identifier: BSD-3-Clause
/* See session.h: connection, features, memory. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "session.h"

#define STATUS_DRIVER 3u
#define STATUS_FEATURES_OK 11u
#define STATUS_DRIVER_OK 15u

static void describe(struct check_run *run, void *described)
{
	struct session *s = described;

	(void)run;
	for (uint32_t i = 0; i < SESSION_QUEUES; i++)
		if (s->queues[i])
			queue_note(s->queues[i]);
}

static void set_features(struct session *s)
{
	if (s->protocol & PF_STATUS)
		link_send_u64(&s->link, VU_SET_STATUS, STATUS_DRIVER);
	link_send_u64(&s->link, VU_SET_FEATURES, s->features);
	if (s->protocol & PF_STATUS)
		link_send_u64(&s->link, VU_SET_STATUS, STATUS_FEATURES_OK);
}

struct session *session_connect(struct check_run *run, uint64_t features, uint64_t protocol)
{
	struct session *s = calloc(1, sizeof(*s));
	uint64_t offered, needs, forbids;

	if (!s)
		check_skip(run, "no memory");
	s->run = run;
	s->memfd = -1;
	run->describe = describe;
	run->described = s;
	link_open(&s->link, run);
	check_form_features(run->form, &needs, &forbids);
	s->features = link_offer(&s->link, &offered) &
		      (needs | features | F_VERSION_1 | F_PROTOCOL_FEATURES);
	s->protocol = link_negotiate_protocol(&s->link, offered, protocol | PF_MQ | PF_STATUS);
	set_features(s);
	return s;
}

static void make_memory(struct session *s)
{
	void *base;

	s->memfd = memfd_create("virtring-check", MFD_CLOEXEC);
	if (s->memfd < 0 || ftruncate(s->memfd, (off_t)SESSION_BYTES))
		check_skip(s->run, "no memory to share: %s", strerror(errno));
	base = mmap(NULL, SESSION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->memfd, 0);
	if (base == MAP_FAILED)
		check_skip(s->run, "no memory to share: %s", strerror(errno));
	s->base = base;
}

void session_region(const struct session *s, struct wire *wire)
{
	wire_u64(wire, SESSION_GUEST);
	wire_u64(wire, SESSION_BYTES);
	wire_u64(wire, SESSION_USER);
	wire_u64(wire, 0);
	wire->fds[wire->fd_count++] = s->memfd;
}

void session_share(struct session *s)
{
	struct wire wire = link_message(VU_SET_MEM_TABLE);

	if (s->memfd < 0)
		make_memory(s);
	wire_u32(&wire, 1);
	wire_u32(&wire, 0);
	session_region(s, &wire);
	link_succeeds(&s->link, &wire);
}

struct session *session_new(struct check_run *run, uint64_t features, uint64_t protocol)
{
	struct session *s = session_connect(run, features, protocol);

	session_share(s);
	return s;
}

uint64_t session_alloc(struct session *s, uint64_t bytes, uint64_t align)
{
	const uint64_t offset = (s->used + align - 1) / align * align;

	if (s->memfd < 0)
		make_memory(s);
	if (offset + bytes > SESSION_BYTES)
		check_skip(s->run, "the check needs more memory than it has");
	s->used = offset + bytes;
	memset(s->base + offset, POISON, bytes);
	return offset;
}

void session_ready(struct session *s)
{
	if (s->protocol & PF_STATUS)
		link_send_u64(&s->link, VU_SET_STATUS, STATUS_DRIVER_OK);
}

void session_end(struct session *s)
{
	for (uint32_t i = 0; i < SESSION_QUEUES; i++)
		if (s->queues[i] && s->queues[i]->started)
			queue_stop(s->queues[i]);
	link_close(&s->link);
}
