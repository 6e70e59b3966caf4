/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring/vhost_user.h - vhost-user over a Unix socket, both ends.
 *
 * The front end has the driver and owns the memory; the back end is the device. The back end here
 * fits any event loop (one descriptor to poll, one call that never blocks); the front end's calls
 * wait for their answers, each with a time limit.
 *
 * Every function that can fail returns 0 or a count on success and a negative errno value on
 * failure. Times are milliseconds. Nothing here prints; a log callback may be set. Unless said
 * otherwise an object belongs to one thread at a time.
 */
#ifndef VIRTRING_VHOST_USER_H
#define VIRTRING_VHOST_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Vrings that a session can address: the index in a message has eight bits. */
#define VR_VU_MAX_VRINGS 256u

/* Virtio feature bits that vhost-user takes for itself; no driver sees them. */
#define VR_VU_F_LOG_ALL (1ull << 26)
#define VR_VU_F_PROTOCOL_FEATURES (1ull << 30)

/* Protocol features. */
#define VR_VU_PF_MQ (1ull << 0)
#define VR_VU_PF_LOG_SHMFD (1ull << 1)
#define VR_VU_PF_RARP (1ull << 2)
#define VR_VU_PF_REPLY_ACK (1ull << 3)
#define VR_VU_PF_MTU (1ull << 4)
#define VR_VU_PF_BACKEND_REQ (1ull << 5)
#define VR_VU_PF_CROSS_ENDIAN (1ull << 6)
#define VR_VU_PF_CRYPTO_SESSION (1ull << 7)
#define VR_VU_PF_PAGEFAULT (1ull << 8)
#define VR_VU_PF_CONFIG (1ull << 9)
#define VR_VU_PF_BACKEND_SEND_FD (1ull << 10)
#define VR_VU_PF_HOST_NOTIFIER (1ull << 11)
#define VR_VU_PF_INFLIGHT_SHMFD (1ull << 12)
#define VR_VU_PF_RESET_DEVICE (1ull << 13)
#define VR_VU_PF_INBAND_NOTIFICATIONS (1ull << 14)
#define VR_VU_PF_CONFIGURE_MEM_SLOTS (1ull << 15)
#define VR_VU_PF_STATUS (1ull << 16)
#define VR_VU_PF_XEN_MMAP (1ull << 17)
#define VR_VU_PF_SHARED_OBJECT (1ull << 18)
#define VR_VU_PF_DEVICE_STATE (1ull << 19)
#define VR_VU_PF_GET_VRING_BASE_INFLIGHT (1ull << 20)
#define VR_VU_PF_GPA_ADDRESSES (1ull << 21)
#define VR_VU_PF_SHMEM (1ull << 22)
#define VR_VU_PF_GET_VRING_BASE_SKIP_DRAIN (1ull << 23)

/* What this library implements, either end. */
#define VR_VU_PF_SUPPORTED \
	(VR_VU_PF_MQ | VR_VU_PF_LOG_SHMFD | VR_VU_PF_RARP | VR_VU_PF_REPLY_ACK | VR_VU_PF_MTU | \
	 VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG | VR_VU_PF_BACKEND_SEND_FD | \
	 VR_VU_PF_INFLIGHT_SHMFD | VR_VU_PF_RESET_DEVICE | VR_VU_PF_INBAND_NOTIFICATIONS | \
	 VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_STATUS | VR_VU_PF_DEVICE_STATE)

/*
 * Of these, what struct vr_vu_queue does for a device: offered by default with vhost_user_loop.h, and
 * otherwise for who makes one for each ring.
 */
#define VR_VU_PF_QUEUE (VR_VU_PF_LOG_SHMFD | VR_VU_PF_INFLIGHT_SHMFD)

/* Of a back end, also postcopy. */
#define VR_VU_PF_BACKEND_SUPPORTED (VR_VU_PF_SUPPORTED | VR_VU_PF_PAGEFAULT)

/* Device status bits (virtio 2.1). */
#define VR_STATUS_ACKNOWLEDGE 1u
#define VR_STATUS_DRIVER 2u
#define VR_STATUS_DRIVER_OK 4u
#define VR_STATUS_FEATURES_OK 8u
#define VR_STATUS_NEEDS_RESET 64u
#define VR_STATUS_FAILED 128u

/* The vring base of a ring that was never used. */
#define VR_VU_BASE_FRESH_SPLIT 0u
#define VR_VU_BASE_FRESH_PACKED 0x80008000u

/*
 * Instead of a descriptor, for a front end: a message each time (INBAND_NOTIFICATIONS, for
 * simulations): vr_vu_frontend_vring_kick(), and ring_call and ring_error of its channel.
 */
#define VR_VU_FD_INBAND (-2)

/**
 * struct vr_vu_vring - a ring as one session knows it
 * @index: number of the ring, 0..255
 * @size: descriptors
 * @base: position to start from, in the format of vr_device_save()
 * @enabled: process it normally; else take transmit buffers and drop them, deliver nothing
 * @running: between ring_start and the end of ring_stop (back end only)
 * @ring: the three areas, .host pointers of this process and .addr device addresses
 * @features: negotiated virtio features, without bits 26 and 30 (back end only)
 * @kick_fd: read by the device when buffers are available; -1: the device polls
 * @call_fd: written by the device when buffers were used; -1: the driver polls
 * @err_fd: written by the device when the ring is broken; -1: nobody is told
 */
struct vr_vu_vring {
	uint32_t index;
	uint32_t size;
	uint32_t base;
	bool enabled;
	bool running;
	struct vr_ring ring;
	uint64_t features;
	int kick_fd;
	int call_fd;
	int err_fd;
};

/**
 * vr_vu_notify() - signal a kick, call or err descriptor
 * @fd: the descriptor; -1 does nothing
 *
 * Never waits for a descriptor that is non-blocking, and those that this library made or received
 * are; one that is full counts as signalled already. A descriptor from the peer may be a pipe or a
 * socket whose other end is closed: a program that serves peers has to ignore SIGPIPE. Any thread.
 *
 * Return: 0, or what write() failed with.
 */
int vr_vu_notify(int fd);

/**
 * vr_vu_drain() - take the signals out of a descriptor
 * @fd: the descriptor, an eventfd or a pipe, non-blocking; -1 does nothing
 *
 * Any thread.
 *
 * Return: 1 when it was signalled, 0 when not, or what read() failed with.
 */
int vr_vu_drain(int fd);

/**
 * vr_vu_request_name() - name of a request from the front end
 * @id: number of the request
 *
 * Return: a static string such as "SET_MEM_TABLE", or "unknown". Any thread.
 */
const char *vr_vu_request_name(uint32_t id);

/* ---- back end: the device's end ---- */

struct vr_vu_backend;

/*
 * An operation's answer when it takes its time: ring_stop when vr_vu_backend_resume() will follow,
 * the others that have a result when vr_vu_backend_answer() will.
 */
#define VR_VU_DEFER 1

/**
 * enum vr_vu_stop - why a ring is stopped
 * @VR_VU_STOP_REQUEST: the front end asked for its position
 * @VR_VU_STOP_PAUSE: memory or a descriptor is being exchanged; ring_start follows at once
 * @VR_VU_STOP_RESET: the device is being reset
 * @VR_VU_STOP_CLOSED: the session is over
 */
enum vr_vu_stop {
	VR_VU_STOP_REQUEST,
	VR_VU_STOP_PAUSE,
	VR_VU_STOP_RESET,
	VR_VU_STOP_CLOSED,
};

/**
 * struct vr_vu_backend_ops - what a device does; all are called from vr_vu_backend_process(),
 *	or from vr_vu_backend_close(), _destroy() or _adopt(). They may ask for the state of the back
 *	end and call what any thread may call, nothing else of it. Those from @features on that
 *	return something, but for @ring_start, may answer VR_VU_DEFER; what their arguments point
 *	to then stays valid until the answer.
 * @struct_size: sizeof(struct vr_vu_backend_ops); programs that were built with fewer operations
 *	work on
 * @connected: a front end is there. May be NULL.
 * @disconnected: it is gone and all rings are stopped; @error says what was wrong, NULL when it
 *	just closed the connection. May be NULL.
 * @features: the negotiated features; a negative answer refuses them. May be NULL.
 * @ring_start: begin to process a ring, and look into it at once: a kick may have come and gone
 *	before. With ACCESS_PLATFORM @mem has no ranges, but asks: a pop that answers VR_E_MISS is
 *	tried again when the ring is kicked, and the back end kicks it when the translation is
 *	there. @vring and what it points to are valid until the next
 *	change; copy it. Its descriptors and @mem are valid until ring_stop is done; the
 *	descriptors stay the session's. A negative answer refuses to start. Required.
 * @ring_stop: stop processing, complete what is popped, touch neither ring nor memory nor
 *	descriptors any more and store the position to @base (it holds the position of the start).
 *	Answers 0, or VR_VU_DEFER when vr_vu_backend_resume() will be called instead. Required.
 * @ring_enable: the enabled attribute of a running ring changed. May be NULL.
 * @status: the device status was written, 0 is a reset. A negative answer refuses; with
 *	FEATURES_OK set in @status that means FEATURES_OK stays clear. May be NULL.
 * @config_read: copy out @size bytes of configuration space from @offset; bounds were checked.
 *	Negative: fails. Needed for VR_VU_PF_CONFIG.
 * @config_write: change them; @migration: also what a driver may not write. Negative: fails. May
 *	be NULL: nothing is writable.
 * @mtu: the MTU that the driver was told, 68..65535. Negative: refused. May be NULL.
 * @rarp: announce this address (6 bytes) to the network. Needed for VR_VU_PF_RARP.
 * @state_transfer: all rings are stopped: write the device's internal state to @fd and close it, or
 *	with @load read it from there to its end. @fd is a pipe or a socket and does not block; after
 *	0 it is the device's, which may take its time. Negative: refused, @fd is left alone. A new
 *	call ends a transfer that is under way. The state is a peer's input. Needed for
 *	VR_VU_PF_DEVICE_STATE.
 * @state_check: did the last transfer work, and is it over? Negative: no. Needed likewise.
 */
struct vr_vu_backend_ops {
	size_t struct_size;
	void (*connected)(void *context);
	void (*disconnected)(void *context, const char *error);
	int (*features)(void *context, uint64_t features);
	int (*ring_start)(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem);
	int (*ring_stop)(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base);
	void (*ring_enable)(void *context, uint32_t index, bool enabled);
	int (*status)(void *context, uint8_t status);
	int (*config_read)(void *context, uint32_t offset, void *data, uint32_t size);
	int (*config_write)(void *context, uint32_t offset, const void *data, uint32_t size,
			    bool migration);
	int (*mtu)(void *context, uint16_t mtu);
	int (*rarp)(void *context, const uint8_t *mac);
	int (*state_transfer)(void *context, bool load, int fd);
	int (*state_check)(void *context);
};

/**
 * struct vr_vu_backend_config - the shape of a back end
 * @struct_size: sizeof(struct vr_vu_backend_config)
 * @path: socket; may be NULL when only vr_vu_backend_adopt() is used
 * @connect: connect to a listening front end instead of listening
 * @vrings: rings of the device, 1..VR_VU_MAX_VRINGS
 * @queue_num: what GET_QUEUE_NUM reports: for net the queue pairs; 0 means @vrings
 * @max_queue_size: largest queue, 1..VR_QUEUE_SIZE_MAX; 0 means VR_QUEUE_SIZE_MAX
 * @max_regions: memory slots, up to VR_MEM_MAX_REGIONS; 0 means that
 * @config_size: bytes of configuration space, up to 256
 * @features: virtio features to offer; bit 30 is added, bit 26 if LOG_SHMFD is offered; with bit 33,
 *	ACCESS_PLATFORM, BACKEND_REQ has to be among @protocol_features
 * @protocol_features: subset of VR_VU_PF_BACKEND_SUPPORTED to offer; 0 means all that the
 *	operations and @config_size allow, but for VR_VU_PF_QUEUE, for
 *	INBAND_NOTIFICATIONS, which is slow, and for
 *	PAGEFAULT, which needs the right to userfaultfd() and a front end that does without
 *	CONFIGURE_MEM_SLOTS
 * @ops: what the device does; copied
 * @context: for @ops and @log
 * @ring_context: for ring_start, ring_stop and ring_enable, where those are somebody else's; NULL:
 *	@context
 * @log: is told of sessions and their errors, one line without end of line. May be NULL.
 */
struct vr_vu_backend_config {
	size_t struct_size;
	const char *path;
	bool connect;
	uint32_t vrings;
	uint32_t queue_num;
	uint32_t max_queue_size;
	uint32_t max_regions;
	uint32_t config_size;
	uint64_t features;
	uint64_t protocol_features;
	const struct vr_vu_backend_ops *ops;
	void *context;
	void *ring_context;
	void (*log)(void *context, const char *text);
};

/**
 * vr_vu_backend_create() - make a back end that is not yet reachable
 * @config: copied
 * @backend: set on success
 *
 * Return: 0, -EINVAL (config), -ENOMEM, or what epoll_create1() or eventfd() failed with.
 */
int vr_vu_backend_create(const struct vr_vu_backend_config *config, struct vr_vu_backend **backend);

/**
 * vr_vu_backend_destroy() - end the session and free everything
 * @backend: the back end, or NULL
 *
 * Rings are stopped (VR_VU_STOP_CLOSED). Waits for the vr_vu_backend_resume() of a deferred stop;
 * if that has to come from this same thread, use vr_vu_backend_close() first.
 */
void vr_vu_backend_destroy(struct vr_vu_backend *backend);

/**
 * vr_vu_backend_open() - listen, or connect
 * @backend: the back end
 *
 * Listening: a stale socket file is replaced, one that is in use is not. One front end is served
 * at a time; when it has gone, the next is accepted. Connecting: one attempt that does not wait;
 * after the end of the session it may be called again.
 *
 * Return: 0, -EINVAL (no path, or one that is too long), -EADDRINUSE, -EISCONN (open already),
 * -ECONNREFUSED or -ENOENT (nobody listens), -EAGAIN (try again), or what the system said.
 */
int vr_vu_backend_open(struct vr_vu_backend *backend);

/**
 * vr_vu_backend_adopt() - serve a connection that exists already
 * @backend: the back end
 * @fd: a connected Unix stream socket; becomes the back end's, also on failure
 *
 * Return: 0, -EISCONN, or what the system said.
 */
int vr_vu_backend_adopt(struct vr_vu_backend *backend, int fd);

/**
 * vr_vu_backend_close() - end the session
 * @backend: the back end
 *
 * A listening back end goes on listening.
 *
 * Return: 0, or -EINPROGRESS when a stop was deferred and vr_vu_backend_process() will go on.
 */
int vr_vu_backend_close(struct vr_vu_backend *backend);

/**
 * vr_vu_backend_fd() - what to poll
 * @backend: the back end
 *
 * Return: a descriptor that stays the same for the life of @backend and is readable when
 * vr_vu_backend_process() has something to do.
 */
int vr_vu_backend_fd(const struct vr_vu_backend *backend);

/**
 * vr_vu_backend_process() - do what there is to do; never waits
 * @backend: the back end
 *
 * What a front end does wrong ends its session, and is no error of this call. One for which there is
 * no descriptor or no memory is turned away; the log says so. After a bounded number of messages
 * it returns although there may be more.
 *
 * Return: 0, or what the system said when it cannot go on.
 */
int vr_vu_backend_process(struct vr_vu_backend *backend);

/**
 * vr_vu_backend_resume() - the ring whose stop was deferred is stopped now
 * @backend: the back end
 * @index: the ring
 * @base: its position
 *
 * Any thread; exactly once for each VR_VU_DEFER. Messages wait until then.
 *
 * Return: 0, or -EINVAL when no stop of that ring is being waited for.
 */
int vr_vu_backend_resume(struct vr_vu_backend *backend, uint32_t index, uint32_t base);

/**
 * vr_vu_backend_answer() - the result of an operation that was deferred
 * @backend: the back end
 * @answer: what the operation would have returned, not VR_VU_DEFER
 *
 * For all operations but ring_stop. Any thread, also from within the operation; exactly once for
 * each VR_VU_DEFER. Messages wait until then, and so does the end of the session.
 *
 * Return: 0, or -EINVAL when no answer is being waited for.
 */
int vr_vu_backend_answer(struct vr_vu_backend *backend, int answer);

/**
 * vr_vu_backend_wake() - have vr_vu_backend_process() called
 * @backend: the back end
 *
 * For a worker that saw vr_mem_lost(): the session is then ended. Any thread.
 */
void vr_vu_backend_wake(struct vr_vu_backend *backend);

/**
 * vr_vu_backend_config_changed() - tell the front end that the configuration space changed
 * @backend: the back end
 *
 * CONFIG_CHANGE_MSG, if the front end has given a channel for it and set the CONFIG protocol
 * feature. Several calls before it could be sent are one message; while no ring runs it waits, as
 * a suspended device says nothing (vhost-user, "Suspended device state"). Any thread.
 */
void vr_vu_backend_config_changed(struct vr_vu_backend *backend);

/**
 * vr_vu_backend_connected() - is there a session?
 * @backend: the back end
 *
 * Return: true from a connection to the end of its last ring_stop.
 */
bool vr_vu_backend_connected(const struct vr_vu_backend *backend);

/**
 * vr_vu_backend_error() - what was wrong
 * @backend: the back end
 *
 * Return: the last error of this session or of the one before, naming message, field and value;
 * "" when there was none. Valid until the next call for @backend.
 */
const char *vr_vu_backend_error(const struct vr_vu_backend *backend);

/**
 * vr_vu_backend_vring() - state of a ring
 * @backend: the back end
 * @index: the ring
 *
 * Return: its state, valid until the next call for @backend, or NULL when @index is too large.
 */
const struct vr_vu_vring *vr_vu_backend_vring(const struct vr_vu_backend *backend, uint32_t index);

/**
 * struct vr_vu_backend_state - what was negotiated
 * @features: virtio features that the front end accepted, bit 30 included
 * @protocol_features: protocol features that it accepted
 * @status: device status
 * @regions: memory regions mapped
 * @messages: messages handled in this session
 * @sessions: connections since creation
 * @mtu: as told by NET_SET_MTU, or 0
 */
struct vr_vu_backend_state {
	uint64_t features;
	uint64_t protocol_features;
	uint8_t status;
	uint32_t regions;
	uint64_t messages;
	uint64_t sessions;
	uint16_t mtu;
};

/**
 * vr_vu_backend_state() - what was negotiated
 * @backend: the back end
 * @state: filled
 */
void vr_vu_backend_state(const struct vr_vu_backend *backend, struct vr_vu_backend_state *state);

/* ---- front end: the driver's end ---- */

struct vr_vu_frontend;

/**
 * struct vr_vu_frontend_config - the shape of a front end
 * @struct_size: sizeof(struct vr_vu_frontend_config)
 * @path: socket; may be NULL when only vr_vu_frontend_adopt() is used
 * @listen: wait for a back end that connects instead of connecting
 * @protocol_features: subset of VR_VU_PF_SUPPORTED that vr_vu_frontend_negotiate() may accept; 0
 *	means MQ, REPLY_ACK, MTU, CONFIG, RESET_DEVICE, CONFIGURE_MEM_SLOTS and STATUS
 * @rings_per_queue: rings in what GET_QUEUE_NUM counts: 2 for the pairs of net. If set,
 *	vr_vu_frontend_start() refuses rings that the back end does not have; 0: not checked
 */
struct vr_vu_frontend_config {
	size_t struct_size;
	const char *path;
	bool listen;
	uint64_t protocol_features;
	uint32_t rings_per_queue;
};

/**
 * vr_vu_frontend_create() - make a front end that is not yet connected
 * @config: copied
 * @frontend: set on success
 *
 * With @listen set the socket exists and takes connections from here on.
 *
 * Return: 0, -EINVAL, -ENOMEM, -EADDRINUSE, or what the system said.
 */
int vr_vu_frontend_create(const struct vr_vu_frontend_config *config,
			  struct vr_vu_frontend **frontend);

/**
 * vr_vu_frontend_destroy() - disconnect and free everything
 * @frontend: the front end, or NULL
 */
void vr_vu_frontend_destroy(struct vr_vu_frontend *frontend);

/**
 * vr_vu_frontend_connect() - connect, or wait for the back end to connect
 * @frontend: the front end
 * @timeout_ms: how long to try; 0: once; -1: for ever. Connecting repeats until somebody listens,
 *	after 2 ms first and after ever longer pauses of up to half a second
 *
 * Return: 0, -EISCONN, -ETIMEDOUT, -ENOENT or -ECONNREFUSED (nobody listens, @timeout_ms 0), or
 * what the system said.
 */
int vr_vu_frontend_connect(struct vr_vu_frontend *frontend, int timeout_ms);

/**
 * vr_vu_frontend_adopt() - use a connection that exists already
 * @frontend: the front end
 * @fd: a connected Unix stream socket; becomes the front end's, also on failure
 *
 * Return: 0, or -EISCONN.
 */
int vr_vu_frontend_adopt(struct vr_vu_frontend *frontend, int fd);

/**
 * vr_vu_frontend_disconnect() - close the connection
 * @frontend: the front end
 *
 * What was negotiated is forgotten. Rings should have been stopped.
 */
void vr_vu_frontend_disconnect(struct vr_vu_frontend *frontend);

/**
 * vr_vu_frontend_fd() - the connection
 * @frontend: the front end
 *
 * Return: the connected socket, to be polled for POLLHUP, or -1.
 */
int vr_vu_frontend_fd(const struct vr_vu_frontend *frontend);

/**
 * vr_vu_frontend_error() - what was wrong
 * @frontend: the front end
 *
 * Return: text of the last failed call, naming message, field and value; "" if none failed.
 * Valid until the next call for @frontend.
 */
const char *vr_vu_frontend_error(const struct vr_vu_frontend *frontend);

/**
 * struct vr_vu_offer - what a back end has, and what is accepted of it
 * @features: virtio features offered
 * @protocol_features: protocol features offered; 0 without bit 30 in @features
 * @queue_num: queues (net: pairs) that it handles; 1 without the MQ protocol feature
 * @mem_slots: memory regions that it takes
 * @accepted: virtio features that vr_vu_frontend_start() will set
 * @accepted_protocol: protocol features that were set
 */
struct vr_vu_offer {
	uint64_t features;
	uint64_t protocol_features;
	uint64_t queue_num;
	uint64_t mem_slots;
	uint64_t accepted;
	uint64_t accepted_protocol;
};

/**
 * vr_vu_frontend_negotiate() - the first part of a session
 * @frontend: a connected front end
 * @wanted: virtio features that the driver can use
 * @required: those without which it cannot work, a subset of @wanted
 * @offer: filled
 * @timeout_ms: for each message
 *
 * SET_OWNER, GET_FEATURES, GET/SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_MAX_MEM_SLOTS. Nothing is
 * started; features are set by vr_vu_frontend_start().
 *
 * Return: 0, -EOPNOTSUPP (a required feature is not offered; @offer is filled), or as
 * vr_vu_frontend_get_features().
 */
int vr_vu_frontend_negotiate(struct vr_vu_frontend *frontend, uint64_t wanted, uint64_t required,
			     struct vr_vu_offer *offer, int timeout_ms);

/**
 * vr_vu_frontend_start() - set memory and rings up and start the device
 * @frontend: a front end that has negotiated
 * @features: as offer.accepted, or fewer
 * @regions: memory to share; @user_addr is the address in this process
 * @region_count: number of regions; more than 8 need the CONFIGURE_MEM_SLOTS protocol feature
 * @vrings: rings to start: index, size, base, ring (host pointers within @regions), descriptors,
 *	enabled
 * @vring_count: number of rings
 * @timeout_ms: for each message
 *
 * Everything is sent anew, as some back ends forget it at a stop. A device whose rings have all been
 * stopped is reset first (status 0), where it takes the status at all. The order is SET_VRING_CALL and
 * _ERR, SET_FEATURES (and the status up to FEATURES_OK, read back), memory, then for each ring
 * NUM, BASE, ADDR, KICK, then ENABLE, the status DRIVER_OK, and one kick into each kick_fd (older
 * back ends start a ring only then).
 *
 * Return: 0, -EINVAL (arguments), -EOPNOTSUPP (FEATURES_OK did not stay), or as
 * vr_vu_frontend_get_features(). After a failure the session should be closed.
 */
int vr_vu_frontend_start(struct vr_vu_frontend *frontend, uint64_t features,
			 const struct vr_mem_region *regions, uint32_t region_count,
			 const struct vr_vu_vring *vrings, uint32_t vring_count, int timeout_ms);

/**
 * vr_vu_frontend_stop() - stop rings
 * @frontend: the front end
 * @vrings: rings to stop; @base is set to where the device stopped
 * @vring_count: number of rings
 * @timeout_ms: for each message; includes the time that the device needs to finish its work
 *
 * SET_VRING_ENABLE 0 and GET_VRING_BASE; then, with STATUS, the status without DRIVER_OK is left
 * to the caller (vr_vu_frontend_set_status()). A packed base without a used half, as DPDK sends
 * it, is completed with the available half.
 *
 * Return: 0 or as vr_vu_frontend_get_features().
 */
int vr_vu_frontend_stop(struct vr_vu_frontend *frontend, struct vr_vu_vring *vrings,
			uint32_t vring_count, int timeout_ms);

/**
 * vr_vu_frontend_get_features() - VHOST_USER_GET_FEATURES
 * @frontend: a connected front end
 * @features: set
 * @timeout_ms: how long to wait
 *
 * Also for the calls below, each one message: where the REPLY_ACK protocol feature was set, a
 * message without an answer of its own is acknowledged.
 *
 * Return: 0, -ENOTCONN, -ETIMEDOUT, -ECONNRESET (the back end closed the connection), -EPROTO (a
 * wrong answer), -EREMOTEIO (the back end said that it failed), -EOPNOTSUPP (the protocol feature
 * that the message needs was not set), -EINVAL (arguments). After -ETIMEDOUT, -ECONNRESET and
 * -EPROTO the connection is closed.
 */
int vr_vu_frontend_get_features(struct vr_vu_frontend *frontend, uint64_t *features,
				int timeout_ms);

/** vr_vu_frontend_set_features() - VHOST_USER_SET_FEATURES */
int vr_vu_frontend_set_features(struct vr_vu_frontend *frontend, uint64_t features, int timeout_ms);

/**
 * struct vr_vu_translation - where device addresses are, with ACCESS_PLATFORM
 * @iova: first device address
 * @size: bytes, not 0
 * @user_addr: address in this process, within one of the regions
 * @access: VR_ACCESS_* bits of ring.h
 */
struct vr_vu_translation {
	uint64_t iova;
	uint64_t size;
	uint64_t user_addr;
	uint32_t access;
};

/**
 * struct vr_vu_channel_ops - requests of the back end; they must not call the front end. All may be
 *	NULL: then a miss is refused, and the rest is acknowledged and forgotten.
 * @struct_size: sizeof(struct vr_vu_channel_ops)
 * @config_changed: read the configuration space again, later
 * @ring_call: buffers were used (INBAND_NOTIFICATIONS); @index was not checked against the rings
 *	that there are
 * @ring_error: a ring is broken (INBAND_NOTIFICATIONS); likewise
 * @miss: what is at device address @iova, to be accessed as @access says? Fill @translation with a
 *	range that holds it and answer 0; negative: there is nothing.
 * @access_failed: the device was to access @iova in a way that its translation forbids
 * @closed: the back end closed the channel, or @error says what was wrong; the session goes on
 */
struct vr_vu_channel_ops {
	size_t struct_size;
	void (*config_changed)(void *context);
	void (*ring_call)(void *context, uint32_t index);
	void (*ring_error)(void *context, uint32_t index);
	int (*miss)(void *context, uint64_t iova, uint32_t access,
		    struct vr_vu_translation *translation);
	void (*access_failed)(void *context, uint64_t iova, uint32_t access);
	void (*closed)(void *context, const char *error);
};

/**
 * vr_vu_frontend_open_channel() - let the back end send requests: SET_BACKEND_REQ_FD
 * @frontend: a front end that has set the BACKEND_REQ protocol feature
 * @ops: copied
 * @context: for @ops
 * @timeout_ms: how long to wait
 *
 * Replaces the one that was there. Requests are served by vr_vu_frontend_channel_process() and by
 * every other call while it waits for an answer, as the back end may need one for the other.
 *
 * Return: 0, -EINVAL (@ops of another size), what socketpair() failed with, or as
 * vr_vu_frontend_get_features().
 */
int vr_vu_frontend_open_channel(struct vr_vu_frontend *frontend,
				const struct vr_vu_channel_ops *ops, void *context, int timeout_ms);

/**
 * vr_vu_frontend_channel_fd() - what to poll for requests of the back end
 * @frontend: the front end
 *
 * Return: a socket, to be polled for POLLIN, or -1.
 */
int vr_vu_frontend_channel_fd(const struct vr_vu_frontend *frontend);

/**
 * vr_vu_frontend_channel_process() - serve requests of the back end; never waits
 * @frontend: the front end
 *
 * What is refused is answered so, if the back end wants to know, and named by
 * vr_vu_frontend_error(). Requests that are not supported are VRING_HOST_NOTIFIER_MSG,
 * SHARED_OBJECT_* and SHMEM_*.
 *
 * Return: 0, -ENOTCONN when there is no channel (any more), -EBUSY from within an operation.
 */
int vr_vu_frontend_channel_process(struct vr_vu_frontend *frontend);

/**
 * vr_vu_frontend_iotlb_update() - VHOST_USER_IOTLB_MSG: give the back end a translation
 * @frontend: a front end that has set the ACCESS_PLATFORM feature
 * @translation: what is where
 * @timeout_ms: how long to wait
 *
 * Not needed for what vr_vu_channel_ops.miss answers.
 *
 * Return: as vr_vu_frontend_get_features(); -EREMOTEIO: refused, as it is in no region, say.
 */
int vr_vu_frontend_iotlb_update(struct vr_vu_frontend *frontend,
				const struct vr_vu_translation *translation, int timeout_ms);

/**
 * vr_vu_frontend_iotlb_invalidate() - VHOST_USER_IOTLB_MSG: take translations back
 * @frontend: a front end that has set the ACCESS_PLATFORM feature
 * @iova: first device address
 * @size: bytes, not 0
 * @timeout_ms: how long to wait, including what the device has to finish
 *
 * Return: as vr_vu_frontend_get_features(); after 0 the device does not use them any more.
 */
int vr_vu_frontend_iotlb_invalidate(struct vr_vu_frontend *frontend, uint64_t iova, uint64_t size,
				    int timeout_ms);

/** vr_vu_frontend_set_owner() - VHOST_USER_SET_OWNER */
int vr_vu_frontend_set_owner(struct vr_vu_frontend *frontend, int timeout_ms);

/** vr_vu_frontend_reset_owner() - VHOST_USER_RESET_OWNER (deprecated): disable all rings */
int vr_vu_frontend_reset_owner(struct vr_vu_frontend *frontend, int timeout_ms);

/** vr_vu_frontend_reset_device() - VHOST_USER_RESET_DEVICE */
int vr_vu_frontend_reset_device(struct vr_vu_frontend *frontend, int timeout_ms);

/** vr_vu_frontend_get_protocol_features() - VHOST_USER_GET_PROTOCOL_FEATURES */
int vr_vu_frontend_get_protocol_features(struct vr_vu_frontend *frontend, uint64_t *features,
					 int timeout_ms);

/** vr_vu_frontend_set_protocol_features() - VHOST_USER_SET_PROTOCOL_FEATURES */
int vr_vu_frontend_set_protocol_features(struct vr_vu_frontend *frontend, uint64_t features,
					 int timeout_ms);

/** vr_vu_frontend_get_queue_num() - VHOST_USER_GET_QUEUE_NUM; net back ends count pairs */
int vr_vu_frontend_get_queue_num(struct vr_vu_frontend *frontend, uint64_t *count, int timeout_ms);

/** vr_vu_frontend_set_mem_table() - VHOST_USER_SET_MEM_TABLE, 1..8 regions */
int vr_vu_frontend_set_mem_table(struct vr_vu_frontend *frontend,
				 const struct vr_mem_region *regions, uint32_t count,
				 int timeout_ms);

/** vr_vu_frontend_get_max_mem_slots() - VHOST_USER_GET_MAX_MEM_SLOTS */
int vr_vu_frontend_get_max_mem_slots(struct vr_vu_frontend *frontend, uint64_t *slots,
				     int timeout_ms);

/** vr_vu_frontend_add_mem_region() - VHOST_USER_ADD_MEM_REG */
int vr_vu_frontend_add_mem_region(struct vr_vu_frontend *frontend,
				  const struct vr_mem_region *region, int timeout_ms);

/** vr_vu_frontend_remove_mem_region() - VHOST_USER_REM_MEM_REG; @region->fd plays no part */
int vr_vu_frontend_remove_mem_region(struct vr_vu_frontend *frontend,
				     const struct vr_mem_region *region, int timeout_ms);

/** vr_vu_frontend_set_vring_num() - VHOST_USER_SET_VRING_NUM: @size descriptors */
int vr_vu_frontend_set_vring_num(struct vr_vu_frontend *frontend, uint32_t index, uint32_t size,
				 int timeout_ms);

/** vr_vu_frontend_set_vring_base() - VHOST_USER_SET_VRING_BASE, format as vr_device_save() */
int vr_vu_frontend_set_vring_base(struct vr_vu_frontend *frontend, uint32_t index, uint32_t base,
				  int timeout_ms);

/** vr_vu_frontend_get_vring_base() - VHOST_USER_GET_VRING_BASE: stops it; @base as received */
int vr_vu_frontend_get_vring_base(struct vr_vu_frontend *frontend, uint32_t index, uint32_t *base,
				  int timeout_ms);

/** vr_vu_frontend_set_vring_addr() - VHOST_USER_SET_VRING_ADDR, from the host pointers of @ring */
int vr_vu_frontend_set_vring_addr(struct vr_vu_frontend *frontend, uint32_t index,
				  const struct vr_ring *ring, int timeout_ms);

/**
 * vr_vu_frontend_log_vring() - have what the device stores to a ring logged, or not any more
 * @frontend: the front end
 * @index: the ring, which may run
 * @ring: its areas, as in vr_vu_frontend_set_vring_addr(); the log has bits for its device area's
 *	address
 * @log: whether to
 * @timeout_ms: how long to wait
 *
 * SET_VRING_ADDR with its log flag. What is written to buffers is logged while VR_VU_F_LOG_ALL is
 * set by vr_vu_frontend_set_features(), which is allowed while rings run, too.
 *
 * Return: as vr_vu_frontend_get_features().
 */
int vr_vu_frontend_log_vring(struct vr_vu_frontend *frontend, uint32_t index,
			     const struct vr_ring *ring, bool log, int timeout_ms);

/** vr_vu_frontend_set_vring_kick() - VHOST_USER_SET_VRING_KICK; @fd -1: the back end polls */
int vr_vu_frontend_set_vring_kick(struct vr_vu_frontend *frontend, uint32_t index, int fd,
				  int timeout_ms);

/** vr_vu_frontend_vring_kick() - VHOST_USER_VRING_KICK, also starts the ring */
int vr_vu_frontend_vring_kick(struct vr_vu_frontend *frontend, uint32_t index, int timeout_ms);

/** vr_vu_frontend_set_vring_call() - VHOST_USER_SET_VRING_CALL; @fd -1: the front end polls */
int vr_vu_frontend_set_vring_call(struct vr_vu_frontend *frontend, uint32_t index, int fd,
				  int timeout_ms);

/** vr_vu_frontend_set_vring_err() - VHOST_USER_SET_VRING_ERR; @fd -1: none */
int vr_vu_frontend_set_vring_err(struct vr_vu_frontend *frontend, uint32_t index, int fd,
				 int timeout_ms);

/** vr_vu_frontend_set_vring_enable() - VHOST_USER_SET_VRING_ENABLE */
int vr_vu_frontend_set_vring_enable(struct vr_vu_frontend *frontend, uint32_t index, bool enable,
				    int timeout_ms);

/**
 * struct vr_vu_inflight - memory for a record of buffers in flight
 * @fd: the memory; whose it is, is said at each function
 * @size: its bytes
 * @offset: where it begins in @fd
 * @queues: rings that it is for
 * @queue_size: the largest of them
 */
struct vr_vu_inflight {
	int fd;
	uint64_t size;
	uint64_t offset;
	uint16_t queues;
	uint16_t queue_size;
};

/**
 * vr_vu_frontend_get_inflight() - VHOST_USER_GET_INFLIGHT_FD: memory for a record, made by the back end
 * @frontend: the front end, after vr_vu_frontend_set_features(): the layout depends on them
 * @inflight: @queues and @queue_size say for what; the rest is set, and @fd is the caller's
 * @timeout_ms: how long to wait
 *
 * For a fresh start of the rings. The memory is to be kept while the back end is gone.
 *
 * Return: as vr_vu_frontend_get_features().
 */
int vr_vu_frontend_get_inflight(struct vr_vu_frontend *frontend, struct vr_vu_inflight *inflight,
				int timeout_ms);

/**
 * vr_vu_frontend_set_inflight() - VHOST_USER_SET_INFLIGHT_FD: give it the record, before rings start
 * @frontend: the front end
 * @inflight: as vr_vu_frontend_get_inflight() set it, in this session or in one before; @fd stays
 *	the caller's
 * @timeout_ms: how long to wait
 *
 * A back end that finds buffers in it takes them again, whatever the bases of the rings are.
 *
 * Return: as vr_vu_frontend_get_features().
 */
int vr_vu_frontend_set_inflight(struct vr_vu_frontend *frontend,
				const struct vr_vu_inflight *inflight, int timeout_ms);

struct vr_vu_log;

/**
 * vr_vu_log_create() - make a dirty log: a bit for each 4096 bytes that a back end writes
 * @end: the address behind the highest byte of guest memory, not 0
 * @log: set on success, all clean
 *
 * Return: 0, -EINVAL, -ENOMEM, or what the system said.
 */
int vr_vu_log_create(uint64_t end, struct vr_vu_log **log);

/**
 * vr_vu_log_destroy() - free a dirty log
 * @log: the log, or NULL; a back end that has it keeps its own mapping
 */
void vr_vu_log_destroy(struct vr_vu_log *log);

/**
 * vr_vu_log_take() - find a page that was written, and call it clean
 * @log: the log
 * @from: address to begin at
 *
 * The back end may go on meanwhile: a page that it writes later is found again later. Any thread.
 *
 * Return: the page's address, or UINT64_MAX when there is none.
 */
uint64_t vr_vu_log_take(struct vr_vu_log *log, uint64_t from);

/**
 * vr_vu_frontend_set_log() - VHOST_USER_SET_LOG_BASE: have the back end use a log
 * @frontend: the front end
 * @log: the log, instead of the one before
 * @timeout_ms: how long to wait
 *
 * Return: as vr_vu_frontend_get_features().
 */
int vr_vu_frontend_set_log(struct vr_vu_frontend *frontend, const struct vr_vu_log *log,
			   int timeout_ms);

/** vr_vu_frontend_get_status() - VHOST_USER_GET_STATUS */
int vr_vu_frontend_get_status(struct vr_vu_frontend *frontend, uint8_t *status, int timeout_ms);

/** vr_vu_frontend_set_status() - VHOST_USER_SET_STATUS */
int vr_vu_frontend_set_status(struct vr_vu_frontend *frontend, uint8_t status, int timeout_ms);

/**
 * vr_vu_frontend_get_config() - VHOST_USER_GET_CONFIG
 * @frontend: the front end
 * @offset: first byte
 * @data: filled
 * @size: bytes, 1..256
 * @timeout_ms: how long to wait
 *
 * Return: as vr_vu_frontend_get_features(); -EREMOTEIO when the back end has no such bytes.
 */
int vr_vu_frontend_get_config(struct vr_vu_frontend *frontend, uint32_t offset, void *data,
			      uint32_t size, int timeout_ms);

/** vr_vu_frontend_set_config() - VHOST_USER_SET_CONFIG; @size 1..256; @migration: all fields */
int vr_vu_frontend_set_config(struct vr_vu_frontend *frontend, uint32_t offset, const void *data,
			      uint32_t size, bool migration, int timeout_ms);

/**
 * vr_vu_frontend_set_device_state_fd() - VHOST_USER_SET_DEVICE_STATE_FD
 * @frontend: a front end whose rings are all stopped
 * @load: the device is to read its state; else, to write it
 * @fd: its end of a pipe; stays the caller's, who closes it after the call
 * @own_fd: set to a descriptor that the back end prefers to be used instead, which is then the
 *	caller's, or to -1: use the other end of @fd
 * @timeout_ms: how long to wait
 *
 * The end of the state is the end of the pipe; then vr_vu_frontend_check_device_state().
 *
 * Return: as vr_vu_frontend_get_features(); -EREMOTEIO: the device cannot.
 */
int vr_vu_frontend_set_device_state_fd(struct vr_vu_frontend *frontend, bool load, int fd,
				       int *own_fd, int timeout_ms);

/** vr_vu_frontend_check_device_state() - VHOST_USER_CHECK_DEVICE_STATE: did it work? */
int vr_vu_frontend_check_device_state(struct vr_vu_frontend *frontend, int timeout_ms);

/** vr_vu_frontend_set_mtu() - VHOST_USER_NET_SET_MTU */
int vr_vu_frontend_set_mtu(struct vr_vu_frontend *frontend, uint16_t mtu, int timeout_ms);

/** vr_vu_frontend_send_rarp() - VHOST_USER_SEND_RARP; @mac: 6 bytes */
int vr_vu_frontend_send_rarp(struct vr_vu_frontend *frontend, const uint8_t *mac, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif /* VIRTRING_VHOST_USER_H */
