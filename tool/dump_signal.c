// SPDX-License-Identifier: BSD-3-Clause
/* --dump-on-signal. */
#include "dump_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump/image.h"

/* What the device half knows of its own position, as far as it says. */
static void take_cursors(struct ring_image *image, const struct vr_device *device)
{
	uint32_t base;

	(void)vr_device_save(device, true, &base);
	if (!ring_image_is_packed(image)) {
		ring_image_cursor(image, RING_AT_USED, (uint16_t)base);
		ring_image_cursor(image, RING_AT_TAKEN,
				  (uint16_t)(base + vr_device_in_flight(device)));
		return;
	}
	ring_image_cursor(image, RING_AT_USED, (uint16_t)(base >> 16));
	/* Buffers in flight have descriptors that only the half has counted. */
	if (!vr_device_save(device, false, &base))
		ring_image_cursor(image, RING_AT_TAKEN, (uint16_t)base);
}

static int take_image(const struct dump_signal *dump, const struct vr_vu_queue *queue,
		      struct ring_image *image)
{
	const struct vr_vu_vring *vring = vr_vu_queue_vring(queue);
	const struct vr_device *device = vr_vu_queue_device(queue);
	struct vr_fault fault;
	char name[RING_NAME];

	snprintf(name, sizeof(name), "%s queue %u", dump->device, vring->index);
	if (ring_image_init(image, name, vring->features, vring->size))
		return -ENOMEM;
	ring_image_take(image, &vring->ring);
	take_cursors(image, device);
	if (vr_device_fault(device, &fault))
		ring_image_broken(image, vr_fault_text(fault.reason));
	return 0;
}

static int write_queue(const struct dump_signal *dump, const struct vr_vu_queue *queue, FILE *to)
{
	struct ring_image image;
	int error = take_image(dump, queue, &image);

	if (error)
		return error;
	if (ring_image_write(to, &image))
		error = -ENOMEM;
	ring_image_free(&image);
	return error;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t done = write(fd, text, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text += done;
		size -= (size_t)done;
	}
	return 0;
}

/* Whole or, where memory lacks, not at all. */
static int write_images(const struct dump_signal *dump, unsigned int *count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int error = to ? 0 : -errno;

	for (uint32_t i = 0; i < dump->queues && !error; i++) {
		const struct vr_vu_queue *queue = vr_vu_loop_queue(dump->loop, i);

		if (!queue)
			continue;
		error = write_queue(dump, queue, to);
		*count += !error;
	}
	if (to && fclose(to) && !error)
		error = -errno;
	if (!error)
		error = write_all(dump->file_fd, text, size);
	free(text);
	return error;
}

static void dump_now(void *context)
{
	struct dump_signal *dump = context;
	unsigned int count = 0;
	int error = write_images(dump, &count);
	if (error)
		fprintf(stderr, "virtring serve %s: dump: %s\n", dump->device, strerror(-error));
	else
		printf("dumped %u queue%s\n", count, count == 1 ? "" : "s");
	fflush(stdout);
}

int dump_signal_open(struct dump_signal *dump, const char *path)
{
	int error;

	if (!path)
		return 0;
	dump->signal.seen = dump_now;
	dump->signal.context = dump;
	error = signal_watch_open(&dump->signal, SIGUSR1);
	if (error)
		return error;
	dump->file_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (dump->file_fd < 0) {
		error = -errno;
		signal_watch_close(&dump->signal);
		return error;
	}
	dump->open = true;
	return 0;
}

int dump_signal_watch(struct dump_signal *dump, struct vr_vu_loop *loop)
{
	dump->loop = loop;
	return signal_watch_start(&dump->signal, loop);
}

void dump_signal_close(struct dump_signal *dump)
{
	if (!dump->open)
		return;
	signal_watch_close(&dump->signal);
	close(dump->file_fd);
	dump->open = false;
}
