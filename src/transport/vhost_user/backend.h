/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The back end, as its files see it:
 *   backend.c          life, sockets, what to wait for
 *   backend_session.c  one message after another; errors; the end of a session
 *   backend_stop.c     stopping rings, which may take its time, and what follows then
 *   backend_defer.c    other answers of the device that may take their time
 *   backend_rings.c    messages about rings
 *   backend_memory.c   messages about memory
 *   backend_inflight.c messages about the record of buffers in flight
 *   backend_log.c      messages about the dirty log
 *   backend_postcopy.c memory whose pages come later
 *   backend_device.c   messages about the device: features, status, configuration
 *   backend_channel.c  our own requests to the front end
 *   backend_inband.c   kicks, calls and errors as messages
 *   backend_iotlb.c    translations, with ACCESS_PLATFORM
 *   backend_state.c    the device's internal state, to and from another back end
 */
#ifndef VR_SRC_VHOST_USER_BACKEND_H
#define VR_SRC_VHOST_USER_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include "memory/iotlb.h"
#include "transport/vhost_user/back_message.h"
#include "transport/vhost_user/channel.h"
#include "transport/vhost_user/dirty.h"
#include "transport/vhost_user/socket.h"

/* A handler's answer when vri_stop_rings() has not finished. */
#define VU_PENDING 1

/**
 * struct vu_miss - what a ring's worker found no translation for
 * @backend: for the worker
 * @lock: for the rest
 * @wanted: it waits for a translation of @iova
 * @sent: the front end was asked
 * @refused: and has none
 * @denied: @iova may not be accessed like that, which is to be told
 * @iova: address
 * @access: VR_ACCESS_* bit
 */
struct vu_miss {
	struct vr_vu_backend *backend;
	pthread_mutex_t lock;
	bool wanted;
	bool sent;
	bool refused;
	bool denied;
	uint64_t iova;
	uint32_t access;
};

/* Descriptors of a ring, as bits. */
#define VU_KICK 1u
#define VU_CALL 2u
#define VU_ERR 4u

/**
 * struct vu_ring - a ring
 * @view: what the device sees; host pointers and position are made when the ring starts
 * @base: position as SET_VRING_BASE or the last stop gave it
 * @addr: addresses in the front end
 * @num_set: SET_VRING_NUM was seen
 * @base_set: SET_VRING_BASE was seen, or the ring was stopped once
 * @addr_set: SET_VRING_ADDR was seen
 * @paused: to be started again when the stop is done
 * @awaiting: was started, but runs later: when its areas have translations, and when a driver that
 *            tells its status has set DRIVER_OK
 * @mem: with ACCESS_PLATFORM, what the device has instead of the snapshot while the ring runs
 * @recover: the record of buffers in flight has what was not finished
 * @told_fds: VU_KICK and so on: the front end said what is to be used, a descriptor or none
 * @own_fds: likewise: a descriptor is an eventfd of ours that stands for messages
 * @due: likewise, VU_CALL and VU_ERR: messages to be sent
 */
struct vu_ring {
	struct vr_vu_vring view;
	uint32_t base;
	struct vu_vring_addr addr;
	bool num_set;
	bool base_set;
	bool addr_set;
	bool paused;
	bool awaiting;
	struct vr_mem *mem;
	bool recover;
	uint8_t told_fds;
	uint8_t own_fds;
	uint8_t due;
};

/**
 * struct vu_stop - rings being stopped, one after the other
 * @active: something is being done
 * @waiting: the device has deferred its answer about ring @next
 * @why: the reason for the device
 * @next: ring to look at next
 * @end: ring to end before
 * @then: what to do when all are stopped; its result is that of the message
 */
struct vu_stop {
	bool active;
	bool waiting;
	enum vr_vu_stop why;
	uint32_t next;
	uint32_t end;
	int (*then)(struct vr_vu_backend *backend);
};

/**
 * struct vu_resume - the device's deferred answer, which may come from any thread
 * @lock: for the rest
 * @expected: an answer about @index may come
 * @done: it has come
 * @index: ring
 * @base: its position
 */
struct vu_resume {
	pthread_mutex_t lock;
	bool expected;
	bool done;
	uint32_t index;
	uint32_t base;
};

/**
 * struct vu_defer - what the device was asked and may answer later, from any thread
 * @lock: for @expected, @done and @answer
 * @expected: an answer may come
 * @done: it has come
 * @answer: what the operation would have returned
 * @then: goes on with it; NULL: nothing is being waited for
 */
struct vu_defer {
	pthread_mutex_t lock;
	bool expected;
	bool done;
	int answer;
	int (*then)(struct vr_vu_backend *backend, int answer);
};

/**
 * struct vu_back_channel - the socket for our own requests
 * @sock: it, or -1
 * @sock_events: what is waited for at it, 0 if it is not in the epoll set
 * @rx: acknowledgement being received
 * @tx: request being sent
 * @awaited: request that has not been acknowledged yet, or 0; the next one is sent after that
 * @turn: ring whose messages are next
 * @miss_awaited: @awaited is a miss
 * @miss: its address
 * @config_changed: CONFIG_CHANGE_MSG is to be sent; set by any thread
 */
struct vu_back_channel {
	int sock;
	uint32_t sock_events;
	struct vu_rx rx;
	struct vu_tx tx;
	uint32_t awaited;
	uint32_t turn;
	bool miss_awaited;
	uint64_t miss;
	atomic_bool config_changed;
};

/**
 * struct vu_log_state - the dirty log
 * @mapping: the log, or NULL
 * @next: the log to be switched to, or NULL
 * @bytes: of @mapping
 * @fd: SET_LOG_FD, or -1
 */
struct vu_log_state {
	struct mem_mapping *mapping;
	struct mem_mapping *next;
	uint64_t bytes;
	int fd;
};

/**
 * struct vu_inflight_state - memory for buffers in flight
 * @mapping: the memory, or NULL
 * @shape: as SET_INFLIGHT_FD gave it
 */
struct vu_inflight_state {
	struct mem_mapping *mapping;
	struct vu_inflight_memory shape;
};

/**
 * struct vu_postcopy - a guest that moves here before its memory does
 * @uffd: userfaultfd, or -1
 * @listening: memory is registered with it
 * @table: memory to be used when the front end has acknowledged it, or NULL
 */
struct vu_postcopy {
	int uffd;
	bool listening;
	struct vr_mem_table *table;
};

/**
 * struct vr_vu_backend - a back end and its session
 * @config: as given; @path of it is not used
 * @ops: as given
 * @path: socket, "" if there is none
 * @rings: config.vrings of them
 * @misses: likewise: translations that they lack
 * @epoll_fd: what the program polls
 * @wake_fd: eventfd for vr_vu_backend_resume() and _wake()
 * @listener: listening socket
 * @listening: it is in the epoll set
 * @sock: connection, or -1
 * @sock_events: what is waited for at it, 0 if it is not in the epoll set
 * @closing: the session is being ended
 * @failed: by an error
 * @rx: message being received, or handled
 * @tx: message being sent
 * @stop: rings being stopped
 * @resume: the device's answer
 * @defer: its answer to anything else
 * @negotiated: features
 * @features_set: SET_FEATURES was accepted
 * @status: device status
 * @mtu: NET_SET_MTU
 * @channel: from SET_BACKEND_REQ_FD
 * @table: memory
 * @next_table: memory to be switched to, or NULL
 * @mem: the snapshot that the rings use
 * @iotlb: translations, NULL if there was no need of any yet
 * @fd_slot: descriptor to be exchanged when its ring is paused
 * @fd: its new value
 * @log: the dirty log
 * @inflight: memory for buffers in flight
 * @reply: answer of the message being handled
 * @reply_size: bytes of it
 * @reply_now: the message has an answer now that it usually has not
 * @reply_fd: goes with it; kept until the next one, or -1
 * @reply_has_fd: it goes with this one
 * @postcopy: see there
 * @messages: handled in this session
 * @sessions: counted
 * @error: see vr_vu_backend_error()
 */
struct vr_vu_backend {
	struct vr_vu_backend_config config;
	struct vr_vu_backend_ops ops;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct vu_ring *rings;
	struct vu_miss *misses;
	int epoll_fd;
	int wake_fd;
	struct vu_listener listener;
	bool listening;
	int sock;
	uint32_t sock_events;
	bool closing;
	bool failed;
	struct vu_rx rx;
	struct vu_tx tx;
	struct vu_stop stop;
	struct vu_resume resume;
	struct vu_defer defer;
	struct vu_negotiated negotiated;
	bool features_set;
	uint8_t status;
	uint16_t mtu;
	struct vu_back_channel channel;
	struct vr_mem_table *table;
	struct vr_mem_table *next_table;
	struct vr_mem *mem;
	struct mem_iotlb *iotlb;
	int *fd_slot;
	int fd;
	struct vu_log_state log;
	struct vu_inflight_state inflight;
	union vu_payload reply;
	uint32_t reply_size;
	bool reply_now;
	int reply_fd;
	bool reply_has_fd;
	struct vu_postcopy postcopy;
	uint64_t messages;
	uint64_t sessions;
	char error[256];
};

/* backend.c */

/* Has @fd in the epoll set, or not any more. 0 or -errno. */
int vri_backend_listen(struct vr_vu_backend *b, int fd, bool listen);
/* Changes what is waited for at @fd from @have to @want, epoll events; notes it. 0 or -errno. */
int vri_backend_watch(struct vr_vu_backend *b, int fd, uint32_t *have, uint32_t want);
/* Offers more protocol features, and what goes with them. */
void vri_backend_offer(struct vr_vu_backend *b, uint64_t protocol);
/* Accepts nobody any more; the session, if there is one, goes on. */
void vri_backend_unlisten(struct vr_vu_backend *b);
/* Closes the connection. */
void vri_backend_forget_socket(struct vr_vu_backend *b);

/* backend_session.c */

/* Notes what is wrong with the message being handled. Returns @error. */
int vri_backend_refuse(struct vr_vu_backend *b, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Notes what is wrong with the session, and ends it. */
void vri_backend_fail(struct vr_vu_backend *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Begins a session on @sock, which becomes the back end's. */
int vri_session_begin(struct vr_vu_backend *b, int sock);
/* Ends it; 0, or -EINPROGRESS when the device takes its time. */
int vri_session_end(struct vr_vu_backend *b);
/* One step: true when there may be more to do at once. */
bool vri_session_step(struct vr_vu_backend *b);
/* Sets the answer of the message being handled. */
void vri_reply(struct vr_vu_backend *b, const void *payload, uint32_t size);
/* With this descriptor, which becomes the back end's. */
void vri_reply_fd(struct vr_vu_backend *b, int fd);
/* Has the front end truncated memory that is in use? */
bool vri_backend_lost(const struct vr_vu_backend *b);
/* Gives the log a line, if there is one. */
void vri_backend_log(struct vr_vu_backend *b, const char *text);

/* backend_stop.c */

/* Stops running rings from @first to before @end, then does @then. Its result, or VU_PENDING. */
int vri_stop_rings(struct vr_vu_backend *b, uint32_t first, uint32_t end, enum vr_vu_stop why,
		   int (*then)(struct vr_vu_backend *));
/* Goes on when the device has answered. As vri_stop_rings(). */
int vri_stop_continue(struct vr_vu_backend *b);

/* backend_defer.c */

/* Before an operation that may answer VR_VU_DEFER is called: the answer may come during the call. */
void vri_defer_expect(struct vr_vu_backend *b);
/* After it: goes on with @then if it has answered. The result of @then, or VU_PENDING. */
int vri_defer_settle(struct vr_vu_backend *b, int answer,
		     int (*then)(struct vr_vu_backend *, int answer));
/* Goes on when the device has answered. As vri_defer_settle(). */
int vri_defer_continue(struct vr_vu_backend *b);
/* Does a message wait for the device? */
bool vri_backend_waits(const struct vr_vu_backend *b);

/* backend_rings.c */

/* The ring that a message names, or NULL after noting what is wrong. */
struct vu_ring *vri_find_ring(struct vr_vu_backend *b, uint32_t index);
/* Has the device look into a running ring, as if it had been kicked. 0, -errno or VU_PENDING. */
int vri_ring_poke(struct vr_vu_backend *b, struct vu_ring *ring);
/* Can its kick descriptor be written to by us, too? */
bool vri_kick_is_eventfd(const struct vu_ring *ring);
/* Starts a stopped ring, or has it wait for translations; what it needs is checked. 0 or -errno. */
int vri_ring_start(struct vr_vu_backend *b, struct vu_ring *ring);
/*
 * Starts the rings that wait, as far as they can by now; a start that fails then can only be told by
 * their err_fd.
 */
void vri_start_awaiting(struct vr_vu_backend *b);
/* Forgets all about a stopped ring and closes its descriptors. */
void vri_ring_clear(struct vu_ring *ring);
/* Sets the enabled attribute and tells the device if the ring runs. */
void vri_ring_enable(struct vr_vu_backend *b, struct vu_ring *ring, bool enabled);
/* Are the ring's areas within @mem? */
bool vri_ring_in_memory(const struct vr_vu_backend *b, const struct vu_ring *ring,
			const struct vr_mem *mem);

/* Does any ring run, or would if it could? If not, the device is suspended: nothing is sent unasked. */
bool vri_any_ring_runs(const struct vr_vu_backend *b);

/* backend_channel.c */

/* Sends and receives what there is. */
void vri_channel_run(struct vr_vu_backend *b);
/* Brings the epoll set in line. 0 or -errno. */
int vri_channel_watch(struct vr_vu_backend *b);
/* Closes it; what was to be sent is forgotten. */
void vri_channel_close(struct vr_vu_backend *b);

/* Has this descriptor not block, if that can be had: eventfds, pipes and sockets. */
bool vri_make_nonblocking(int fd);

/* backend_inband.c */

/* Eventfds of ours for a ring that starts, where messages take the place of the peer's. */
int vri_inband_start(struct vr_vu_backend *b, struct vu_ring *ring);
/* The front end says what to use for @bit; if there was an eventfd of ours, it is one no more. */
void vri_inband_told(struct vr_vu_backend *b, struct vu_ring *ring, uint8_t bit);
/* Looks which of our eventfds were signalled. */
void vri_inband_collect(struct vr_vu_backend *b);
/* The next message that is due, VU_BACK_VRING_*, and what goes with it; 0 when there is none. */
uint32_t vri_inband_next(struct vr_vu_backend *b, struct vu_vring_state *state);

/* backend_iotlb.c */

/* Are addresses translated? */
bool vri_has_iommu(const struct vr_vu_backend *b);
/* When the features have been accepted. 0 or -ENOMEM. */
int vri_iotlb_begin(struct vr_vu_backend *b);
/* When no ring runs: all translations are forgotten. */
void vri_iotlb_end(struct vr_vu_backend *b);
/*
 * The host address of a ring area, and notes what is missing. 0, VU_PENDING (it has to wait), or
 * -errno after vri_backend_refuse().
 */
int vri_iotlb_area(struct vr_vu_backend *b, struct vu_ring *ring, uint64_t iova, size_t bytes,
		   uint32_t access, void **host);
/* What the device of a ring that starts may use: the snapshot, or a view. NULL without memory. */
struct vr_mem *vri_iotlb_view(struct vr_vu_backend *b, struct vu_ring *ring);
/* The ring is still, or never was started. */
void vri_iotlb_release(struct vr_vu_backend *b, struct vu_ring *ring);
/* The next IOTLB_MSG to be sent; false if there is none. */
bool vri_iotlb_next(struct vr_vu_backend *b, struct vu_iotlb *message);
/* The front end has no translation of b->channel.miss. */
void vri_iotlb_refused(struct vr_vu_backend *b);
/* The channel is another one: ask again. */
void vri_iotlb_resend(struct vr_vu_backend *b);

/* backend_memory.c */

/* An empty table and snapshot. 0 or -ENOMEM. */
int vri_memory_reset(struct vr_vu_backend *b);
/* Pauses running rings and switches them to @table. 0, -errno or VU_PENDING. */
int vri_memory_switch(struct vr_vu_backend *b, struct vr_mem_table *table);

/* backend_postcopy.c */

/* Answers a table with our addresses; it waits for vri_postcopy_ack(). 0. */
int vri_postcopy_table(struct vr_vu_backend *b, struct vr_mem_table *table);
/* Must the next message be the acknowledgement of a table? */
bool vri_postcopy_awaits(const struct vr_vu_backend *b);
/* Takes it. */
int vri_postcopy_ack(struct vr_vu_backend *b);
/* Forgets all about it; nobody waits for pages any more. */
void vri_postcopy_close(struct vr_vu_backend *b);

/* backend_log.c */

/* Where to log; false when nothing is logged now. */
bool vri_log_view(const struct vr_vu_backend *b, struct vu_dirty *dirty);
/* Does the log, if there is one, cover these bytes? */
bool vri_log_has(const struct vr_vu_backend *b, uint64_t addr, uint64_t bytes);
/* Forgets it. */
void vri_log_close(struct vr_vu_backend *b);

/* backend_inflight.c */

/* A ring's record of buffers in flight, NULL if there is none. 0 or -EINVAL. */
int vri_inflight_view(struct vr_vu_backend *b, uint32_t index, void **memory);
/*
 * There is none because the ring has more entries than the front end said when it asked for the memory:
 * the firmware of QEMU 10 uses 256 where QEMU expects 128.
 */
bool vri_inflight_too_small(const struct vr_vu_backend *b, uint32_t index);
/*
 * The front end has stopped the ring and knows its position. With nothing in flight the record begins
 * anew next time, perhaps for a ring of the other layout.
 */
void vri_inflight_forget(struct vr_vu_backend *b, uint32_t index);
/* Forgets it. */
void vri_inflight_close(struct vr_vu_backend *b);

/* Handlers of messages, see message.c. */
int vri_get_features(struct vr_vu_backend *b);
int vri_set_features(struct vr_vu_backend *b);
int vri_set_owner(struct vr_vu_backend *b);
int vri_reset_owner(struct vr_vu_backend *b);
int vri_reset_device(struct vr_vu_backend *b);
int vri_get_protocol_features(struct vr_vu_backend *b);
int vri_set_protocol_features(struct vr_vu_backend *b);
int vri_get_queue_num(struct vr_vu_backend *b);
int vri_get_status(struct vr_vu_backend *b);
int vri_set_status(struct vr_vu_backend *b);
int vri_get_config(struct vr_vu_backend *b);
int vri_set_config(struct vr_vu_backend *b);
int vri_net_set_mtu(struct vr_vu_backend *b);
int vri_send_rarp(struct vr_vu_backend *b);
int vri_set_backend_req_fd(struct vr_vu_backend *b);
int vri_set_log_base(struct vr_vu_backend *b);
int vri_set_log_fd(struct vr_vu_backend *b);
int vri_get_inflight_fd(struct vr_vu_backend *b);
int vri_set_inflight_fd(struct vr_vu_backend *b);
int vri_set_mem_table(struct vr_vu_backend *b);
int vri_get_max_mem_slots(struct vr_vu_backend *b);
int vri_add_mem_reg(struct vr_vu_backend *b);
int vri_rem_mem_reg(struct vr_vu_backend *b);
int vri_set_vring_num(struct vr_vu_backend *b);
int vri_set_vring_addr(struct vr_vu_backend *b);
int vri_set_vring_base(struct vr_vu_backend *b);
int vri_get_vring_base(struct vr_vu_backend *b);
int vri_set_vring_kick(struct vr_vu_backend *b);
int vri_set_vring_call(struct vr_vu_backend *b);
int vri_set_vring_err(struct vr_vu_backend *b);
int vri_set_vring_enable(struct vr_vu_backend *b);
int vri_vring_kick(struct vr_vu_backend *b);
int vri_iotlb_msg(struct vr_vu_backend *b);
int vri_postcopy_advise(struct vr_vu_backend *b);
int vri_postcopy_listen(struct vr_vu_backend *b);
int vri_postcopy_end(struct vr_vu_backend *b);
int vri_set_device_state_fd(struct vr_vu_backend *b);
int vri_check_device_state(struct vr_vu_backend *b);

#endif
