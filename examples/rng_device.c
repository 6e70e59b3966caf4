// SPDX-License-Identifier: BSD-3-Clause
/*
 * A whole vhost-user back end: an entropy device (virtio 5.4), which fills what the driver gives it
 * with random bytes. doc/back-end.md goes through it. For QEMU:
 *   -chardev socket,id=rng,path=SOCKET -device vhost-user-rng-pci,chardev=rng
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <virtring/memory.h>
#include <virtring/vhost_user_loop.h>

#define PIECES 16u /* of one request; the ring breaks at more */
#define MOST 4096u /* bytes at a time, however many the driver wants: others wait, too */
#define FEATURES \
	(VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_INDIRECT_DESC | VR_F_EVENT_IDX)

static struct vr_vu_loop *loop;

/* A ring was started: this device keeps nothing for it, and has nothing to free at its end. */
static int queue_start(void *context, struct vr_vu_queue *queue)
{
	(void)context, (void)queue;
	return 0;
}

static void queue_stop(void *context, struct vr_vu_queue *queue)
{
	(void)context, (void)queue;
}

/* One request. Publishing, notifying and sleeping are the loop's. */
static int queue_work(void *context, struct vr_vu_queue *queue)
{
	struct vr_device *device = vr_vu_queue_device(queue);
	struct vr_iovec pieces[PIECES];
	struct vr_chain chain;
	char entropy[MOST];
	ssize_t got;
	size_t len;
	int popped = vr_device_pop(device, &chain, 1, pieces, PIECES);

	(void)context;
	if (popped <= 0)
		return popped; /* 0: empty; below: the ring is broken */
	got = getrandom(entropy, sizeof(entropy), 0);
	/* What the driver has us write is behind what it has us read. */
	len = vr_iov_write(pieces + chain.readable, chain.writable, 0, entropy,
			   got > 0 ? (size_t)got : 0);
	vr_device_complete(device, chain.handle, (uint32_t)len);
	return 1;
}

static void on_signal(int number)
{
	(void)number;
	vr_vu_loop_stop(loop); /* NOLINT(bugprone-signal-handler,cert-sig30-c): made for it */
}

int main(int argc, char **argv)
{
	static const struct vr_vu_backend_ops ops = { .struct_size = sizeof(ops) };
	static const struct vr_vu_loop_ops loop_ops = {
		.struct_size = sizeof(loop_ops),
		.queue_start = queue_start,
		.queue_work = queue_work,
		.queue_stop = queue_stop,
	};
	const struct vr_vu_backend_config backend = {
		.struct_size = sizeof(backend),
		.path = argv[1],
		.vrings = 1,
		.features = FEATURES,
		.ops = &ops,
	};
	const struct vr_vu_loop_config config = {
		.struct_size = sizeof(config),
		.backend = &backend,
		.ops = &loop_ops,
		.max_chain = PIECES,
	};
	int code = argc == 2 ? vr_vu_loop_create(&config, &loop) : -EINVAL;

	signal(SIGPIPE, SIG_IGN); /* a descriptor of the peer's may be a pipe that it closes */
	vr_sigbus_install(); /* and its memory may shrink */
	if (!code)
		code = vr_vu_backend_open(vr_vu_loop_backend(loop));
	if (!code) {
		signal(SIGTERM, on_signal);
		code = vr_vu_loop_run(loop);
	}
	if (code)
		fprintf(stderr, "rng_device SOCKET: %s\n", strerror(-code));
	vr_vu_loop_destroy(loop);
	return code != 0;
}
