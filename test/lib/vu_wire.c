// SPDX-License-Identifier: BSD-3-Clause
/* See vu_wire.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "vu_wire.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
};

/* Exactly @want bytes (no CHECK here: another thread calls this, too); descriptors are looked for with the first of them. */
static bool take_part(int sock, struct wire *wire, uint32_t want, int flags)
{
	struct iovec iov = { wire->bytes + wire->size, want };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	ssize_t got;

	got = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	if (got != want || msg.msg_flags & MSG_CTRUNC)
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c) {
		wire->fd_count = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(wire->fds, CMSG_DATA(c), wire->fd_count * sizeof(int));
	}
	wire->size += want;
	return true;
}

bool wire_take(int sock, struct wire *wire)
{
	uint32_t size;

	wire->size = 0;
	wire->fd_count = 0;
	if (!take_part(sock, wire, WIRE_HEADER, MSG_DONTWAIT))
		return false;
	size = wire_get_u32(wire->bytes + 8);
	if (size > WIRE_PAYLOAD)
		return false;
	return !size || take_part(sock, wire, size, MSG_WAITALL);
}

bool wire_closed(int sock)
{
	char byte;
	/* A reset is what it looks like when the other side had not read everything. */
	const ssize_t got = recv(sock, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	return !got || (got < 0 && errno == ECONNRESET);
}

void wire_close_fds(struct wire *wire)
{
	for (uint32_t i = 0; i < wire->fd_count; i++)
		close(wire->fds[i]);
	wire->fd_count = 0;
}

/* ---- a back end of bytes ---- */

static const struct wire_request *request_of(uint32_t id)
{
	return id && id <= WIRE_REQUESTS ? &wire_requests[id - 1] : NULL;
}

static void write_down(struct stub *stub, const struct wire *wire)
{
	struct stub_message *m = &stub->log[stub->count];

	if (stub->count == STUB_LOG)
		abort();
	m->request = wire_get_u32(wire->bytes);
	m->flags = wire_get_u32(wire->bytes + 4);
	m->size = wire_get_u32(wire->bytes + 8);
	memcpy(m->payload, wire->bytes + WIRE_HEADER,
	       m->size < sizeof(m->payload) ? m->size : sizeof(m->payload));
	m->fd_count = wire->fd_count;
	stub->count++;
}

static uint64_t value_of(const struct stub *stub, uint32_t request)
{
	switch (request) {
	case 1:
		return stub->features;
	case 15:
		return stub->protocol;
	case 17:
		return stub->queue_num;
	case 36:
		return stub->slots;
	case 40:
		return stub->status;
	default:
		return request == stub->fail;
	}
}

/* Memory for a record of buffers in flight; any descriptor stands for it. */
static void put_inflight(const struct stub *stub, const struct stub_message *m, struct wire *answer)
{
	wire_u64(answer, 4096);
	wire_bytes(answer, m->payload + 8, 16);
	answer->fd_count = 1;
	answer->fds[0] = stub->sock;
}

static void put_payload(const struct stub *stub, const struct stub_message *m, struct wire *answer)
{
	const uint32_t index = wire_get_u32(m->payload);

	if (m->request == 31) {
		put_inflight(stub, m, answer);
	} else if (m->request == 11) {
		wire_u32(answer, index);
		wire_u32(answer, stub->bases[index % STUB_RINGS]);
	} else if (m->request == 24) {
		wire_bytes(answer, m->payload, m->size);
	} else {
		wire_u64(answer, value_of(stub, m->request));
	}
}

static void answer(struct stub *stub, const struct stub_message *m)
{
	const struct wire_request *request = request_of(m->request);
	struct wire reply;

	if (m->request == 16)
		stub->acks = wire_get_u64(m->payload) & 1u << 3;
	if (m->request == 39)
		stub->status = m->payload[0];
	if (!(request && request->answered) && !(m->flags & WIRE_NEED_REPLY && stub->acks))
		return;
	reply = wire_message(m->request, WIRE_VERSION | WIRE_REPLY, 0);
	put_payload(stub, m, &reply);
	wire_set_size(&reply);
	if (!stub->dribble) {
		(void)wire_send(stub->sock, &reply);
		return;
	}
	for (uint32_t i = 0; i < reply.size; i++) {
		(void)send(stub->sock, reply.bytes + i, 1, MSG_NOSIGNAL);
		sched_yield();
	}
}

static void keep_channel(struct stub *stub, struct wire *wire)
{
	if (wire_get_u32(wire->bytes) != 21 || wire->fd_count != 1)
		return;
	if (stub->channel >= 0)
		close(stub->channel);
	stub->channel = wire->fds[0];
	wire->fd_count = 0;
}

static void *serve(void *arg)
{
	struct stub *stub = arg;
	struct pollfd pollfd = { stub->sock, POLLIN, 0 };
	struct wire wire;

	while (poll(&pollfd, 1, -1) == 1 && wire_take(stub->sock, &wire)) {
		write_down(stub, &wire);
		keep_channel(stub, &wire);
		wire_close_fds(&wire);
		answer(stub, &stub->log[stub->count - 1]);
	}
	return NULL;
}

struct vr_vu_frontend *stub_start(struct stub *stub, uint64_t protocol, uint32_t rings_per_queue)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = protocol,
		.rings_per_queue = rings_per_queue,
	};
	struct vr_vu_frontend *frontend;
	int socks[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	stub->sock = socks[0];
	stub->acks = false;
	stub->channel = -1;
	stub->count = 0;
	CHECK_EQ(pthread_create(&stub->thread, NULL, serve, stub), 0);
	CHECK_EQ(vr_vu_frontend_create(&config, &frontend), 0);
	CHECK_EQ(vr_vu_frontend_adopt(frontend, socks[1]), 0);
	return frontend;
}

void stub_finish(struct stub *stub, struct vr_vu_frontend *frontend)
{
	vr_vu_frontend_destroy(frontend);
	CHECK_EQ(pthread_join(stub->thread, NULL), 0);
	close(stub->sock);
	if (stub->channel >= 0)
		close(stub->channel);
}

const struct stub_message *stub_find(const struct stub *stub, uint32_t request, uint32_t nth)
{
	for (uint32_t i = 0; i < stub->count; i++)
		if (stub->log[i].request == request && !nth--)
			return &stub->log[i];
	return NULL;
}

uint32_t stub_seen(const struct stub *stub, uint32_t request)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < stub->count; i++)
		seen += stub->log[i].request == request;
	return seen;
}
