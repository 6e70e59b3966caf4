// SPDX-License-Identifier: BSD-3-Clause
/* See session.h: a ring's life, and its signals. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dump/image.h"
#include "session.h"

/* An area with poison behind it: nobody may write there. */
static uint8_t *make_area(struct queue *q, uint32_t which, size_t bytes, uint64_t align)
{
	struct session *s = q->session;

	/* With EVENT_IDX off there is no event word, but nobody may know that the room is there. */
	q->area[which] = session_alloc(s, bytes + 64, align);
	memset(session_at(s, q->area[which]), 0, bytes);
	return session_at(s, q->area[which]);
}

static int make_event(struct check_run *run)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		check_skip(run, "no eventfd: %s", strerror(errno));
	return fd;
}

struct queue *queue_make(struct session *s, uint32_t index, uint32_t size)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q || size > SESSION_QUEUE_MAX || index >= SESSION_QUEUES)
		check_skip(s->run, "the check needs a ring that it cannot have");
	*q = (struct queue){
		.session = s,
		.index = index,
		.ring = { .size = size, .packed = s->features & F_RING_PACKED },
		.in_order = s->features & F_IN_ORDER,
		.event_idx = s->features & F_EVENT_IDX,
		.kick = make_event(s->run),
		.call = make_event(s->run),
		.err = make_event(s->run),
		.avail_wrap = true,
		.used_wrap = true,
		.staged = UINT32_MAX,
		.free = size,
	};
	q->ring.desc = make_area(q, 0, ring_desc_bytes(size), 4096);
	q->ring.driver = make_area(q, 1, ring_driver_bytes(size, q->ring.packed), 64);
	q->ring.device = make_area(q, 2, ring_device_bytes(size, q->ring.packed), 64);
	s->queues[index] = q;
	return q;
}

struct wire queue_address(const struct queue *q, uint32_t flags)
{
	struct wire wire = link_message(VU_SET_VRING_ADDR);

	wire_u32(&wire, q->index);
	wire_u32(&wire, flags);
	wire_u64(&wire, SESSION_USER + q->area[0]);
	wire_u64(&wire, SESSION_USER + q->area[2]);
	wire_u64(&wire, SESSION_USER + q->area[1]);
	wire_u64(&wire, 0);
	return wire;
}

uint32_t queue_base(const struct queue *q)
{
	if (!q->ring.packed)
		return q->used_idx;
	return q->next_used * 0x10001u | q->used_wrap * 0x80008000u;
}

void queue_configure(struct queue *q, uint32_t base)
{
	struct link *link = &q->session->link;
	struct wire address = queue_address(q, 0);

	link_send_fd(link, VU_SET_VRING_CALL, q->index, q->call);
	link_send_fd(link, VU_SET_VRING_ERR, q->index, q->err);
	link_send_state(link, VU_SET_VRING_NUM, q->index, q->ring.size);
	link_send_state(link, VU_SET_VRING_BASE, q->index, base);
	link_succeeds(link, &address);
}

void queue_start(struct queue *q)
{
	struct link *link = &q->session->link;

	queue_configure(q, queue_base(q));
	link_send_fd(link, VU_SET_VRING_KICK, q->index, q->kick);
	if (q->session->features & F_PROTOCOL_FEATURES)
		link_send_state(link, VU_SET_VRING_ENABLE, q->index, 1);
	q->started = true;
}

uint32_t queue_stop(struct queue *q)
{
	struct check_run *run = q->session->run;
	struct wire wire = link_message(VU_GET_VRING_BASE);
	struct wire reply;

	wire_u32(&wire, q->index);
	wire_u32(&wire, 0);
	link_ask(&q->session->link, &wire, &reply, 8);
	q->started = false;
	if (wire_get_u32(reply.bytes + WIRE_HEADER) != q->index)
		check_fail(run, "VU-BASE-007: the reply repeats the ring's index",
			   "ring %u was asked for, the reply is about %u", q->index,
			   wire_get_u32(reply.bytes + WIRE_HEADER));
	return wire_get_u32(reply.bytes + WIRE_HEADER + 4);
}

void queue_kick(struct queue *q)
{
	const uint64_t one = 1;

	if (write(q->kick, &one, sizeof(one)) < 0 && errno != EAGAIN)
		check_skip(q->session->run, "the kick cannot be written: %s", strerror(errno));
}

void queue_go(struct queue *q)
{
	queue_publish(q);
	queue_kick(q);
}

/* Is the descriptor that the device names among those from @slot on? They are walked, one by one. */
static bool packed_asked(const struct queue *q, uint32_t slot, bool wrap)
{
	const uint16_t mode = ring_load16(at_event_flags(q->ring.device));
	const uint16_t event = ring_load16(at_off_wrap(q->ring.device));

	if (mode != RING_EVENT_DESC)
		return mode != RING_EVENT_DISABLE;
	while (slot != q->next_avail || wrap != q->avail_wrap) {
		if ((slot | (wrap ? 0x8000u : 0)) == event)
			return true;
		if (++slot == q->ring.size) {
			slot = 0;
			wrap = !wrap;
		}
	}
	return false;
}

bool queue_go_if_asked(struct queue *q)
{
	const uint16_t old = q->published_idx;
	const uint32_t slot = q->staged;
	const bool wrap = q->staged_flags & RING_AVAIL;
	bool asked;

	if (q->published == q->order_count)
		return false;
	queue_publish(q);
	if (q->ring.packed)
		asked = packed_asked(q, slot, wrap);
	else if (q->event_idx)
		asked = ring_passed(ring_load16(at_avail_event(&q->ring)), old, q->avail_idx);
	else
		asked = !(ring_load16(at_used_flags(&q->ring)) & RING_NO_NOTIFY);
	if (asked)
		queue_kick(q);
	return asked;
}

static uint64_t events(struct queue *q, int fd, uint32_t ms)
{
	struct pollfd pollfd = { fd, POLLIN, 0 };
	uint64_t count = 0;

	if (poll(&pollfd, 1, check_left_ms(q->session->run, ms)) <= 0)
		return 0;
	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

uint64_t queue_calls(struct queue *q, uint32_t ms)
{
	return events(q, q->call, ms);
}

uint64_t queue_errors(struct queue *q, uint32_t ms)
{
	return events(q, q->err, ms);
}

bool queue_wait_done(struct queue *q, uint32_t count, uint32_t ms)
{
	const double until = check_now() + check_left_ms(q->session->run, ms) / 1e3;

	for (;;) {
		queue_poll(q);
		session_background(q->session);
		if (q->done_count >= count)
			return true;
		if (check_now() > until)
			return false;
		usleep(20);
	}
}

void queue_wait(struct queue *q)
{
	struct check_run *run = q->session->run;
	const uint32_t expected = q->done_count + q->order_count;

	if (queue_wait_done(q, expected, run->target->answer_ms))
		return;
	if (!link_alive(&q->session->link))
		check_lost(run, "%u of %u buffers came back, then the connection was closed",
			   q->done_count, expected);
	check_fail(run, "the device uses every buffer that is available and was notified of",
		   "%u of %u came back within %u ms", q->done_count, expected,
		   run->target->answer_ms);
}

void queue_forget(struct queue *q)
{
	q->done_count = 0;
	q->entries = 0;
}

/* ---- words ---- */

/* Where the driver that we play stands. */
static void note_cursors(const struct queue *q, struct ring_image *image)
{
	const uint32_t wrap = 0x8000u;

	if (!q->ring.packed) {
		ring_image_cursor(image, RING_AT_SEEN, q->used_idx);
		return;
	}
	ring_image_cursor(image, RING_AT_MADE,
			  (uint16_t)(q->next_avail | (q->avail_wrap ? wrap : 0)));
	ring_image_cursor(image, RING_AT_SEEN,
			  (uint16_t)(q->next_used | (q->used_wrap ? wrap : 0)));
}

/* A page is enough to see what happened, and leaves room for the messages. */
static void note_lines(struct check_run *run, char *text)
{
	char *rest = text;
	const char *line;
	uint32_t lines = 0;

	while ((line = strsep(&rest, "\n")) && *line && lines++ < 40)
		check_note(run, "  %s", line);
	if (line && *line)
		check_note(run, "  ...");
}

void queue_note(struct queue *q)
{
	struct vr_ring ring = {
		{ q->ring.desc, session_addr(q->area[0]) },
		{ q->ring.driver, session_addr(q->area[1]) },
		{ q->ring.device, session_addr(q->area[2]) },
	};
	struct ring_image image;
	char *text = NULL;
	char name[32];
	size_t size;
	FILE *to;

	(void)snprintf(name, sizeof(name), "ring %u", q->index);
	if (ring_image_init(&image, name, q->session->features, q->ring.size))
		return;
	ring_image_take(&image, &ring);
	note_cursors(q, &image);
	to = open_memstream(&text, &size);
	if (to) {
		(void)ring_text(to, &image);
		(void)fclose(to);
		note_lines(q->session->run, text);
	}
	free(text);
	ring_image_free(&image);
	check_note(q->session->run, "  %u buffers are outstanding, %u of them published",
		   q->order_count, q->published);
}

/* ---- notifications wanted ---- */

static void want_packed(struct queue *q, uint16_t off_wrap, uint16_t mode)
{
	ring_store16(at_off_wrap(q->ring.driver), off_wrap);
	ring_store16(at_event_flags(q->ring.driver), mode);
}

void queue_want_none(struct queue *q)
{
	if (q->ring.packed)
		want_packed(q, 0, RING_EVENT_DISABLE);
	else if (q->event_idx)
		ring_store16(at_used_event(&q->ring), (uint16_t)(q->used_idx - 1));
	else
		ring_store16(at_avail_flags(&q->ring), RING_NO_INTERRUPT);
	ring_full_fence();
}

void queue_want_all(struct queue *q)
{
	if (q->ring.packed)
		want_packed(q, 0, RING_EVENT_ENABLE);
	else if (q->event_idx)
		ring_store16(at_used_event(&q->ring), q->used_idx);
	else
		ring_store16(at_avail_flags(&q->ring), 0);
	ring_full_fence();
}

void queue_want_after(struct queue *q, uint32_t skip)
{
	const uint32_t slot = q->next_used + skip;
	const bool wrap = q->used_wrap != (slot / q->ring.size) % 2;

	if (q->ring.packed)
		want_packed(q, (uint16_t)(slot % q->ring.size | (wrap ? 0x8000u : 0)),
			    RING_EVENT_DESC);
	else
		ring_store16(at_used_event(&q->ring), (uint16_t)(q->used_idx + skip));
	ring_full_fence();
}
