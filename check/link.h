/* SPDX-License-Identifier: BSD-3-Clause */
/* A vhost-user connection of a check: messages of bytes, with deadlines, all noted. */
#ifndef CHECK_LINK_H
#define CHECK_LINK_H

#include "check.h"
#include "wire.h"

/* Requests of the front end (their numbers are in the names' order in wire.c). */
enum {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES,
	VU_SET_OWNER,
	VU_RESET_OWNER,
	VU_SET_MEM_TABLE,
	VU_SET_LOG_BASE,
	VU_SET_LOG_FD,
	VU_SET_VRING_NUM,
	VU_SET_VRING_ADDR,
	VU_SET_VRING_BASE,
	VU_GET_VRING_BASE,
	VU_SET_VRING_KICK,
	VU_SET_VRING_CALL,
	VU_SET_VRING_ERR,
	VU_GET_PROTOCOL_FEATURES,
	VU_SET_PROTOCOL_FEATURES,
	VU_GET_QUEUE_NUM,
	VU_SET_VRING_ENABLE,
	VU_SET_BACKEND_REQ_FD = 21,
	VU_GET_CONFIG = 24,
	VU_SET_CONFIG,
	VU_GET_INFLIGHT_FD = 31,
	VU_SET_INFLIGHT_FD,
	VU_RESET_DEVICE = 34,
	VU_GET_MAX_MEM_SLOTS = 36,
	VU_ADD_MEM_REG,
	VU_REM_MEM_REG,
	VU_SET_STATUS,
	VU_GET_STATUS,
};

/* Virtio features, and what vhost-user adds to them. */
#define F_LOG_ALL (1ull << 26)
#define F_INDIRECT_DESC (1ull << 28)
#define F_EVENT_IDX (1ull << 29)
#define F_PROTOCOL_FEATURES (1ull << 30)
#define F_VERSION_1 (1ull << 32)
#define F_ACCESS_PLATFORM (1ull << 33)
#define F_RING_PACKED (1ull << 34)
#define F_IN_ORDER (1ull << 35)

/* Protocol features. */
#define PF_MQ (1ull << 0)
#define PF_LOG_SHMFD (1ull << 1)
#define PF_REPLY_ACK (1ull << 3)
#define PF_BACKEND_REQ (1ull << 5)
#define PF_CONFIG (1ull << 9)
#define PF_INFLIGHT_SHMFD (1ull << 12)
#define PF_RESET_DEVICE (1ull << 13)
#define PF_INBAND (1ull << 14)
#define PF_MEM_SLOTS (1ull << 15)
#define PF_STATUS (1ull << 16)

/* Instead of a descriptor (bit 8 of SET_VRING_KICK, CALL, ERR). */
#define VU_NO_FD 0x100u

/**
 * struct link - a connection
 * @run: the check that uses it
 * @sock: the socket
 * @acks: REPLY_ACK was negotiated
 */
struct link {
	struct check_run *run;
	int sock;
	bool acks;
};

/** enum link_event - what comes from the peer */
enum link_event {
	LINK_MESSAGE,
	LINK_CLOSED,
	LINK_SILENT
};

/** link_open() - connect to the peer's socket; a peer that cannot be reached is LOST */
void link_open(struct link *link, struct check_run *run);

/** link_peer() - the process that listens, or 0 */
int link_peer(const struct link *link);

/** link_close() - close it, before the check has ended */
void link_close(struct link *link);

/** link_message() - begin a message, without need_reply; append with wire_u32() and the like */
struct wire link_message(uint32_t request);

/** link_try() - send a message whose size is then set; false when the peer has closed */
bool link_try(struct link *link, struct wire *wire);

/** link_send() - send a message; a peer that has closed is LOST */
void link_send(struct link *link, struct wire *wire);

/** link_bytes() - send bytes as they are; false when the peer has closed */
bool link_bytes(struct link *link, const void *bytes, uint32_t size);

/** link_take() - wait at most @ms for a message */
enum link_event link_take(struct link *link, struct wire *reply, uint32_t ms);

/**
 * link_ask() - send a request and take its reply
 * @link: the connection
 * @wire: the request
 * @reply: the reply; a wrong header or size fails the check, none at all is LOST
 * @size: bytes of payload that it has to have; UINT32_MAX: any
 */
void link_ask(struct link *link, struct wire *wire, struct wire *reply, uint32_t size);

/** link_ask_u64() - ask for a 64-bit value with a request without payload */
uint64_t link_ask_u64(struct link *link, uint32_t request);

/** link_send_u64() - a request with a 64-bit value */
void link_send_u64(struct link *link, uint32_t request, uint64_t value);

/** link_send_state() - a request with a ring's index and a number */
void link_send_state(struct link *link, uint32_t request, uint32_t index, uint32_t num);

/** link_send_fd() - SET_VRING_KICK, CALL or ERR; -1: without a descriptor */
void link_send_fd(struct link *link, uint32_t request, uint32_t index, int fd);

/**
 * link_refuses() - send a request that must not succeed
 * @link: the connection
 * @wire: the request; need_reply is set if REPLY_ACK was negotiated
 *
 * Return: true when it was answered with a failure or the connection was closed. False: it was
 * answered with success, or ignored: the connection goes on, and answers.
 */
bool link_refuses(struct link *link, struct wire *wire);

/** link_succeeds() - send a request that must succeed; anything else fails the check */
void link_succeeds(struct link *link, struct wire *wire);

/** link_alive() - does the peer still answer on this connection? */
bool link_alive(struct link *link);

/**
 * link_offer() - SET_OWNER and what the peer offers
 * @link: a new connection
 * @protocol: filled; 0 without PROTOCOL_FEATURES
 *
 * Return: features.
 */
uint64_t link_offer(struct link *link, uint64_t *protocol);

/** link_negotiate_protocol() - set what of @wanted and REPLY_ACK is offered; answers which */
uint64_t link_negotiate_protocol(struct link *link, uint64_t offered, uint64_t wanted);

#endif
