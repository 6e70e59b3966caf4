/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user front end made of raw bytes, and a device that notes what is asked of it: two ends of
 * a socket pair in one thread. For tests of the back end that a well-behaved front end cannot make.
 */
#ifndef VR_TEST_VU_PEER_H
#define VR_TEST_VU_PEER_H

#include <virtring/vhost_user.h>

#include "transport/vhost_user/message.h"
#include "vu_wire.h"

#define PEER_RINGS 4u
#define PEER_MEMORY 0x40000u
#define PEER_GUEST 0x100000u
#define PEER_USER 0x7f0000000000ull

/**
 * struct peer - both ends
 * @backend: the back end under test
 * @sock: the front end's end of the connection, -1 when it has been closed
 * @memory_fd: memfd of PEER_MEMORY bytes
 * @dribble: send one byte at a time
 * @defer: ring_stop answers VR_VU_DEFER
 * @later: the operations that may, but ring_stop, answer VR_VU_DEFER
 * @at_once: and give their answer before they return
 * @deferred: how many did
 * @later_data: where the last config_read was to write
 * @refuse_start: ring_start answers -1
 * @refuse_features: features answers -1
 * @refuse_status: status answers -1 for values with this bit
 * @refuse_state: state_transfer and state_check answer -1
 * @state_load: of the last state_transfer that was accepted
 * @state_fd: likewise, the test's to close
 * @rings: what the last ring_start of each said
 * @starts: calls of ring_start
 * @stops: calls of ring_stop
 * @enables: calls of ring_enable
 * @last_stop: reason of the last ring_stop
 * @stop_base: what ring_stop answers, by ring
 * @mem: what the last ring_start of each gave, until ring_stop
 * @regions: regions at the last ring_start
 * @status: last status
 * @status_resets: how often it became 0
 * @status_cleared: how often bits went that were not all of them
 * @mtu: last MTU
 * @mac: last address of SEND_RARP
 * @config: configuration space
 * @connects: sessions begun
 * @disconnects: sessions ended
 * @clean: of those, without an error
 * @start: what ring_start does instead of touching the ring, or NULL
 * @stop: what ring_stop does with it then
 */
struct peer {
	struct vr_vu_backend *backend;
	int sock;
	int memory_fd;
	bool dribble;
	bool defer;
	bool later;
	bool at_once;
	uint32_t deferred;
	void *later_data;
	bool refuse_start;
	bool refuse_features;
	uint8_t refuse_status;
	bool refuse_state;
	bool state_load;
	int state_fd;
	struct vr_vu_vring rings[PEER_RINGS];
	uint32_t starts;
	uint32_t stops;
	uint32_t enables;
	enum vr_vu_stop last_stop;
	uint32_t stop_base[PEER_RINGS];
	struct vr_mem *mem[PEER_RINGS];
	uint32_t regions;
	uint8_t status;
	unsigned int status_resets;
	unsigned int status_cleared;
	uint16_t mtu;
	uint8_t mac[6];
	uint8_t config[16];
	uint32_t connects;
	uint32_t disconnects;
	uint32_t clean;
	void (*start)(struct peer *peer, const struct vr_vu_vring *vring, struct vr_mem *mem);
	void (*stop)(struct peer *peer, uint32_t index, uint32_t *base);
};

/* Features that the device offers. */
#define PEER_FEATURES \
	(VR_F_VERSION_1 | VR_F_INDIRECT_DESC | VR_F_EVENT_IDX | VR_F_RING_PACKED | VR_F_IN_ORDER | \
	 (1ull << 3))

/* Protocol features that peer_negotiate() sets: descriptors notify, not messages. */
#define PEER_PROTOCOL (VR_VU_PF_SUPPORTED & ~VR_VU_PF_INBAND_NOTIFICATIONS)

/* What the back end makes of it: with bit 30, and with the dirty log. */
#define PEER_OFFERED (PEER_FEATURES | VR_VU_F_PROTOCOL_FEATURES | VR_VU_F_LOG_ALL)

/* Creates both ends; the first connection is made. */
void peer_create(struct peer *peer);
/* Likewise; the device offers @features beside PEER_FEATURES. */
void peer_create_with(struct peer *peer, uint64_t features);
/* Likewise, and @protocol as protocol features. */
void peer_create_offering(struct peer *peer, uint64_t features, uint64_t protocol);
/* Ends it all; fails the test if a descriptor leaked since peer_create(). */
void peer_destroy(struct peer *peer);
/* Closes the connection, if it is still there, and makes a new one. */
void peer_reconnect(struct peer *peer);

/* Number of open descriptors of this process. */
int count_fds(void);

/* Has the back end do all that there is to do. */
void peer_run(struct peer *peer);

/* Sends a message as it stands; the descriptors stay the caller's. False if that is impossible. */
bool peer_send(struct peer *peer, uint32_t request, uint32_t flags, const void *payload,
	       uint32_t size, const int *fds, uint32_t fd_count);

/**
 * struct answer - what came back
 * @header: of the answer
 * @payload: likewise
 * @got: an answer came
 * @closed: the connection has been closed
 */
struct answer {
	struct vu_header header;
	union vu_payload payload;
	bool got;
	bool closed;
};

/* Takes what there is, without waiting. */
struct answer peer_receive(struct peer *peer);

/*
 * The same with bytes: sends, has the back end work, and takes what came back. False: no answer. For
 * a message without need_reply see peer_silent().
 */
bool peer_exchange(struct peer *peer, const struct wire *message, struct wire *answer);
/* Is a message taken without an answer, and the connection kept? */
bool peer_silent(struct peer *peer, const struct wire *message);

/* Sends, runs and receives: asks with need_reply set. */
struct answer peer_ask(struct peer *peer, uint32_t request, const void *payload, uint32_t size,
		       const int *fds, uint32_t fd_count);
struct answer peer_ask_u64(struct peer *peer, uint32_t request, uint64_t value);
struct answer peer_ask_state(struct peer *peer, uint32_t request, uint32_t index, uint32_t num);

/* As above for what must be acknowledged with success, or refused; fail the test otherwise. */
void peer_u64(struct peer *peer, uint32_t request, uint64_t value);
void peer_state(struct peer *peer, uint32_t request, uint32_t index, uint32_t num);
void peer_refuses_u64(struct peer *peer, uint32_t request, uint64_t value);
void peer_refuses_state(struct peer *peer, uint32_t request, uint32_t index, uint32_t num);

/* SET_BACKEND_REQ_FD; the front end's end of the channel. */
int peer_channel(struct peer *peer);
/* As peer_receive(), for any socket: the next message on it, with the flags that it has. */
struct answer take_message(int sock);
/* Sends a message on any socket. */
void put_message(int sock, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
		 int fd);

/* Is it an acknowledgement of this kind? */
bool is_ok(const struct answer *answer);
bool is_refused(const struct answer *answer);

/* SET_OWNER, PEER_PROTOCOL, @features and bit 30. */
void peer_negotiate(struct peer *peer, uint64_t features);
/* SET_MEM_TABLE with one region at PEER_GUEST and PEER_USER. */
void peer_memory(struct peer *peer);
/* The message that places ring @index into the memory. */
struct vu_vring_addr peer_addr(uint32_t index);
/* NUM, BASE, ADDR. */
void peer_ring(struct peer *peer, uint32_t index, uint32_t size, uint32_t base);
/* SET_VRING_KICK, _CALL or _ERR with an eventfd (or without one). */
struct answer peer_ring_fd(struct peer *peer, uint32_t request, uint32_t index, bool with_fd);
/* All of the above: ring @index runs, size 16. */
void peer_start(struct peer *peer, uint32_t index);

#endif
