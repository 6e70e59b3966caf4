// SPDX-License-Identifier: BSD-3-Clause
/* See link.h. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "link.h"

void link_open(struct link *link, struct check_run *run)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*link = (struct link){ .run = run, .sock = sock };
	if (sock < 0)
		check_skip(run, "no socket: %s", strerror(errno));
	if (strlen(run->target->path) >= sizeof(address.sun_path))
		check_skip(run, "the socket's name is too long");
	memcpy(address.sun_path, run->target->path, strlen(run->target->path) + 1);
	while (connect(sock, (struct sockaddr *)&address, sizeof(address))) {
		/* A full backlog needs a moment; waiting for a peer that is gone is the runner's. */
		if ((errno != EAGAIN && errno != EINTR) || !check_left_ms(run, 1))
			check_lost(run, "no connection: %s", strerror(errno));
		check_sleep_ms(10);
	}
}

int link_peer(const struct link *link)
{
	struct ucred cred = { .pid = 0 };
	socklen_t length = sizeof(cred);

	if (getsockopt(link->sock, SOL_SOCKET, SO_PEERCRED, &cred, &length))
		return 0;
	return cred.pid;
}

void link_close(struct link *link)
{
	close(link->sock);
	link->sock = -1;
}

struct wire link_message(uint32_t request)
{
	return wire_message(request, WIRE_VERSION, 0);
}

/* A message's bytes, as far as they fit in a line. */
static void note_message(struct link *link, const char *direction, const struct wire *wire)
{
	const uint32_t request = wire_get_u32(wire->bytes);
	const uint32_t most = WIRE_HEADER + 40;
	char hex[3 * (WIRE_HEADER + 40) + 1] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < wire->size && i < most; i++)
		used += (size_t)snprintf(hex + used, sizeof(hex) - used, "%s%02x",
					 i == 0		  ? "" :
					 i == WIRE_HEADER ? "  " :
					 i % 4 == 0	  ? " " :
							    "",
					 wire->bytes[i]);
	check_note(link->run, "%s %s: %s%s, %u fds", direction, wire_name(request), hex,
		   wire->size > most ? "..." : "", wire->fd_count);
}

bool link_try(struct link *link, struct wire *wire)
{
	/* A header that lies about the size has been made on purpose. */
	if (!wire_get_u32(wire->bytes + 8))
		wire_set_size(wire);
	note_message(link, "->", wire);
	return wire_send(link->sock, wire);
}

void link_send(struct link *link, struct wire *wire)
{
	if (!link_try(link, wire))
		check_lost(link->run, "the connection was closed before %s could be sent",
			   wire_name(wire_get_u32(wire->bytes)));
}

bool link_bytes(struct link *link, const void *bytes, uint32_t size)
{
	return send(link->sock, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Reads until there are @want bytes; the peer may send them one by one. */
static enum link_event take_part(struct link *link, struct wire *wire, uint32_t want, double until)
{
	while (wire->size < want) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
		} control;
		struct iovec iov = { wire->bytes + wire->size, want - wire->size };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = &control,
				      .msg_controllen = sizeof(control) };
		struct pollfd pollfd = { link->sock, POLLIN, 0 };
		const double left = (until - check_now()) * 1e3;
		const struct cmsghdr *c;
		ssize_t got;

		if (poll(&pollfd, 1, left > 0 ? (int)left + 1 : 0) <= 0)
			return LINK_SILENT;
		got = recvmsg(link->sock, &msg, MSG_CMSG_CLOEXEC);
		if (got <= 0)
			return LINK_CLOSED;
		c = CMSG_FIRSTHDR(&msg);
		if (c && c->cmsg_type == SCM_RIGHTS) {
			wire->fd_count = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(wire->fds, CMSG_DATA(c), wire->fd_count * sizeof(int));
		}
		wire->size += (uint32_t)got;
	}
	return LINK_MESSAGE;
}

enum link_event link_take(struct link *link, struct wire *reply, uint32_t ms)
{
	const double until = check_now() + check_left_ms(link->run, ms) / 1e3;
	enum link_event event;
	uint32_t size;

	reply->size = 0;
	reply->fd_count = 0;
	event = take_part(link, reply, WIRE_HEADER, until);
	if (event == LINK_MESSAGE) {
		size = wire_get_u32(reply->bytes + 8);
		if (size > WIRE_PAYLOAD)
			check_fail(link->run, "a reply with a payload of a size that is defined",
				   "its header announces %u bytes", size);
		event = take_part(link, reply, WIRE_HEADER + size, until);
	}
	if (event == LINK_MESSAGE)
		note_message(link, "<-", reply);
	else
		check_note(link->run, "<- %s",
			   event == LINK_CLOSED ? "(closed)" : "(nothing comes)");
	return event;
}

/* A reply's header has to repeat the request (VU-HDR-001..003). */
static void check_header(struct link *link, uint32_t request, const struct wire *reply)
{
	const uint32_t id = wire_get_u32(reply->bytes);
	const uint32_t flags = wire_get_u32(reply->bytes + 4);

	if (id != request)
		check_fail(link->run, "VU-HDR-003: a reply repeats the number of its request",
			   "a message %u (%s) came as the reply to %u (%s)", id, wire_name(id),
			   request, wire_name(request));
	if ((flags & 7) != (WIRE_VERSION | WIRE_REPLY))
		check_fail(link->run, "VU-HDR-003: version 1 and the reply flag in every reply",
			   "the flags of the reply to %s are 0x%x", wire_name(request), flags);
}

void link_ask(struct link *link, struct wire *wire, struct wire *reply, uint32_t size)
{
	const uint32_t request = wire_get_u32(wire->bytes);

	link_send(link, wire);
	switch (link_take(link, reply, link->run->target->answer_ms)) {
	case LINK_CLOSED:
		check_lost(link->run, "the connection was closed instead of a reply to %s",
			   wire_name(request));
	case LINK_SILENT:
		check_lost(link->run, "no reply to %s came", wire_name(request));
	case LINK_MESSAGE:
		break;
	}
	check_header(link, request, reply);
	if (size != UINT32_MAX && reply->size != WIRE_HEADER + size)
		check_fail(link->run, "a reply of the size that the payload's type has",
			   "the reply to %s has %u bytes of payload, not %u", wire_name(request),
			   reply->size - WIRE_HEADER, size);
}

uint64_t link_ask_u64(struct link *link, uint32_t request)
{
	struct wire wire = link_message(request);
	struct wire reply;

	link_ask(link, &wire, &reply, 8);
	return wire_get_u64(reply.bytes + WIRE_HEADER);
}

void link_send_u64(struct link *link, uint32_t request, uint64_t value)
{
	struct wire wire = link_message(request);

	wire_u64(&wire, value);
	link_succeeds(link, &wire);
}

void link_send_state(struct link *link, uint32_t request, uint32_t index, uint32_t num)
{
	struct wire wire = link_message(request);

	wire_u32(&wire, index);
	wire_u32(&wire, num);
	link_succeeds(link, &wire);
}

void link_send_fd(struct link *link, uint32_t request, uint32_t index, int fd)
{
	struct wire wire = link_message(request);

	wire_u64(&wire, fd < 0 ? index | VU_NO_FD : index);
	wire.fd_count = fd >= 0;
	wire.fds[0] = fd;
	link_succeeds(link, &wire);
}

static void set_need_reply(struct wire *wire)
{
	const uint32_t flags = wire_get_u32(wire->bytes + 4) | WIRE_NEED_REPLY;

	memcpy(wire->bytes + 4, &flags, sizeof(flags));
}

/*
 * Whatever was sent, this is answered after it, unless the connection was closed. Its reply is told
 * from one to the request before by the number.
 */
static bool answers_next(struct link *link)
{
	struct wire ask = link_message(VU_GET_FEATURES);
	struct wire reply;

	if (!link_try(link, &ask))
		return false;
	for (;;) {
		switch (link_take(link, &reply, link->run->target->answer_ms)) {
		case LINK_CLOSED:
			return false;
		case LINK_SILENT:
			check_lost(link->run, "it neither answers nor closes the connection");
		case LINK_MESSAGE:
			if (wire_get_u32(reply.bytes) == VU_GET_FEATURES)
				return true;
		}
	}
}

bool link_refuses(struct link *link, struct wire *wire)
{
	const uint32_t request = wire_get_u32(wire->bytes);
	struct wire reply;

	if (!link->acks)
		return !link_try(link, wire) || !answers_next(link);
	set_need_reply(wire);
	if (!link_try(link, wire))
		return true;
	switch (link_take(link, &reply, link->run->target->answer_ms)) {
	case LINK_CLOSED:
		return true;
	case LINK_SILENT:
		check_lost(link->run, "no answer to a %s with need_reply", wire_name(request));
	case LINK_MESSAGE:
		break;
	}
	check_header(link, request, &reply);
	return reply.size >= WIRE_HEADER + 8 && wire_get_u64(reply.bytes + WIRE_HEADER) != 0;
}

void link_succeeds(struct link *link, struct wire *wire)
{
	const uint32_t request = wire_get_u32(wire->bytes);
	struct wire reply;

	if (!link->acks) {
		link_send(link, wire);
		return;
	}
	set_need_reply(wire);
	link_ask(link, wire, &reply, 8);
	if (wire_get_u64(reply.bytes + WIRE_HEADER) != 0)
		check_fail(link->run, "success (0): there is nothing wrong with the request",
			   "%s was answered with 0x%" PRIx64, wire_name(request),
			   wire_get_u64(reply.bytes + WIRE_HEADER));
}

bool link_alive(struct link *link)
{
	return answers_next(link);
}

uint64_t link_offer(struct link *link, uint64_t *protocol)
{
	struct wire owner = link_message(VU_SET_OWNER);
	uint64_t features;

	link_send(link, &owner);
	features = link_ask_u64(link, VU_GET_FEATURES);
	*protocol = features & F_PROTOCOL_FEATURES ? link_ask_u64(link, VU_GET_PROTOCOL_FEATURES) :
						     0;
	return features;
}

uint64_t link_negotiate_protocol(struct link *link, uint64_t offered, uint64_t wanted)
{
	const uint64_t take = offered & (wanted | PF_REPLY_ACK);
	struct wire wire = link_message(VU_SET_PROTOCOL_FEATURES);

	if (!offered)
		return 0;
	wire_u64(&wire, take);
	link_send(link, &wire);
	link->acks = take & PF_REPLY_ACK;
	return take;
}
