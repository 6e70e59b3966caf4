// SPDX-License-Identifier: BSD-3-Clause
/* Packets that go to the device and come back. */
#include "echo.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tool.h"

/* The device looks this often whether it is over. */
#define DEVICE_SLEEP_NS 2000000

struct round {
	const struct echo_config *config;
	struct nic nic;
	struct echo_figures *figures;
	/* The driver's thread writes to figures; what the device's writes is away from that. */
	int driver_error;
	_Alignas(128) int device_error;
	uint64_t device_batches;
	uint64_t device_notifications;
	_Alignas(128) _Atomic bool stop;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wake(int fd, uint64_t *notifications)
{
	uint64_t one = 1;

	++*notifications;
	/* Full: it was rung 2^64 - 1 times and nobody came. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void sleep_on(int fd, uint64_t ns)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct timespec time = { .tv_sec = (time_t)(ns / 1000000000u),
				 .tv_nsec = (long)(ns % 1000000000u) };
	uint64_t value;

	if (ppoll(&poll_fd, 1, &time, NULL) > 0 && read(fd, &value, sizeof(value)) < 0)
		return; /* taken back by whoever rang; there is nothing to take */
}

/* ---- the driver ---- */

/* How the driver's side is doing. */
struct sending {
	uint64_t due; /* when the next burst is to go */
	double exact; /* the same, with its fraction */
	double interval; /* nanoseconds of a packet, 0: as many as go */
};

/* Sends a burst whose time has come; the number of packets, or an error. */
static int send_burst(struct round *round, struct sending *sending, uint64_t now)
{
	struct nic *nic = &round->nic;
	struct nic_queue *q = &nic->queues[NIC_TX];
	struct vr_net_slot slots[ECHO_BURST_MAX];
	uint64_t stamp = sending->interval > 0 ? sending->due : now;
	int got = vr_net_driver_tx_reserve(nic->driver_tx, slots, round->config->nic.burst);

	if (got <= 0)
		return got;
	for (int i = 0; i < got; i++) {
		memcpy((uint8_t *)slots[i].data + ECHO_TIME_AT, &stamp, sizeof(stamp));
		slots[i].len = round->config->nic.packet;
	}
	got = vr_net_driver_tx_send(nic->driver_tx, slots, (unsigned int)got);
	if (got <= 0)
		return got;
	round->figures->sent += (unsigned int)got;
	round->figures->batches[SIDE_DRIVER]++;
	sending->exact += got * sending->interval;
	sending->due = (uint64_t)sending->exact;
	if (round->config->notify && vr_driver_must_notify(q->driver))
		wake(q->kick, &round->figures->notifications[SIDE_DRIVER]);
	return got;
}

/* Takes what has come back; the number of packets, or an error. */
static int receive(struct round *round)
{
	struct nic *nic = &round->nic;
	struct nic_queue *q = &nic->queues[NIC_RX];
	struct vr_net_packet packets[ECHO_BURST_MAX];
	int got = vr_net_driver_rx_burst(nic->driver_rx, packets, round->config->nic.burst);
	uint64_t now;
	int error;

	if (got <= 0)
		return got;
	now = now_ns();
	for (int i = 0; i < got; i++) {
		uint64_t stamp;

		if (packets[i].len != round->config->nic.packet || packets[i].piece_count != 1)
			return VR_E_STATE;
		memcpy(&stamp, (uint8_t *)packets[i].pieces->base + ECHO_TIME_AT, sizeof(stamp));
		histogram_add(&round->figures->times, now > stamp ? now - stamp : 0, 1);
	}
	round->figures->received += (unsigned int)got;
	error = vr_net_driver_rx_release(nic->driver_rx, (unsigned int)got);
	if (error < 0)
		return error;
	if (round->config->notify && vr_driver_must_notify(q->driver))
		wake(q->kick, &round->figures->notifications[SIDE_DRIVER]);
	return got;
}

/* Sleeps until a packet is back or the next burst is due, whichever is first. */
static void driver_rest(struct round *round, const struct sending *sending, uint64_t end)
{
	struct nic_queue *q = &round->nic.queues[NIC_RX];
	uint64_t until = sending->due < end ? sending->due : end;
	uint64_t now = now_ns();

	if (now < until && !vr_driver_arm(q->driver, NULL))
		sleep_on(q->call, until - now);
	vr_driver_disarm(q->driver, NULL);
}

static int drive(struct round *round)
{
	const struct echo_config *config = round->config;
	uint64_t now = now_ns();
	uint64_t end = now + (uint64_t)(config->seconds * 1e9);
	struct sending sending = {
		.due = now,
		.exact = (double)now,
		.interval = config->rate > 0 ? 1e9 / config->rate : 0,
	};

	while ((now = now_ns()) < end) {
		int sent = 0;
		int got;

		if (now >= sending.due)
			sent = send_burst(round, &sending, now);
		got = sent < 0 ? sent : receive(round);
		if (got < 0)
			return got;
		/* With nothing sent and nothing back the queue is full, or it is not yet time. */
		if (config->notify && got == 0 && sent == 0) {
			struct sending full = { .due = end };

			driver_rest(round, now >= sending.due ? &full : &sending, end);
		}
	}
	return 0;
}

static void play_driver(void *context)
{
	struct round *round = context;

	/* Otherwise the kernel adds 50 microseconds to each sleep, to save power. */
	prctl(PR_SET_TIMERSLACK, 1ul);
	round->driver_error = drive(round);
	atomic_store(&round->stop, true);
}

/* ---- the device ---- */

/* Nothing to do on a queue: sleeps unless something came meanwhile. */
static void device_rest(const struct round *round, struct nic_queue *q)
{
	if (!round->config->notify)
		return;
	if (!vr_device_arm(q->device, NULL))
		sleep_on(q->kick, DEVICE_SLEEP_NS);
	vr_device_disarm(q->device, NULL);
}

/* Delivers all packets of a burst; 0, or an error. */
static int deliver(struct round *round, const struct vr_net_packet *packets, unsigned int count)
{
	struct nic_queue *q = &round->nic.queues[NIC_RX];

	while (count > 0 && !atomic_load_explicit(&round->stop, memory_order_relaxed)) {
		int done = vr_net_device_rx_deliver(round->nic.device_rx, packets, count, NULL);

		if (done < 0)
			return done;
		if (done == 0) {
			device_rest(round, q);
			continue;
		}
		packets += done;
		count -= (unsigned int)done;
		round->device_batches++;
		if (round->config->notify && vr_device_must_notify(q->device))
			wake(q->call, &round->device_notifications);
	}
	return 0;
}

static int serve(struct round *round)
{
	struct nic *nic = &round->nic;
	struct nic_queue *q = &nic->queues[NIC_TX];
	struct vr_net_packet packets[ECHO_BURST_MAX];

	while (!atomic_load_explicit(&round->stop, memory_order_relaxed)) {
		int got = vr_net_device_tx_burst(nic->device_tx, packets, round->config->nic.burst);
		int error;

		if (got < 0)
			return got;
		if (got == 0) {
			device_rest(round, q);
			continue;
		}
		/* The packets lie in the driver's memory until their buffers are released. */
		error = deliver(round, packets, (unsigned int)got);
		if (!error)
			error = vr_net_device_tx_release(nic->device_tx, NULL);
		if (error < 0)
			return error;
		if (round->config->notify && vr_device_must_notify(q->device))
			wake(q->call, &round->device_notifications);
	}
	return 0;
}

static void play_device(void *context)
{
	struct round *round = context;

	round->device_error = serve(round);
}

/* ---- both ---- */

static int judge(const struct round *round, char *error)
{
	if (round->driver_error < 0)
		return tool_text(error, "driver: %s", vr_strerror(round->driver_error));
	if (round->device_error < 0)
		return tool_text(error, "device: %s", vr_strerror(round->device_error));
	if (round->figures->received == 0)
		return tool_text(error, "no packet came back in %g s", round->config->seconds);
	return 0;
}

int echo_play(const struct echo_config *config, struct echo_figures *figures, char *error)
{
	struct round *round = aligned_alloc(128, (sizeof(*round) + 127) / 128 * 128);
	struct duel duel = {
		.play = { play_driver, play_device },
		.context = round,
		.cpu = { config->cpu[SIDE_DRIVER], config->cpu[SIDE_DEVICE] },
	};
	int result = -1;

	if (!round)
		return tool_text(error, "out of memory");
	memset(round, 0, sizeof(*round));
	memset(figures, 0, sizeof(*figures));
	round->config = config;
	round->figures = figures;
	if (nic_open(&round->nic, &config->nic))
		tool_text(error, "out of memory, or of descriptors");
	else if (!duel_play(&duel, &figures->duel, error))
		result = judge(round, error);
	figures->batches[SIDE_DEVICE] = round->device_batches;
	figures->notifications[SIDE_DEVICE] = round->device_notifications;
	nic_close(&round->nic);
	free(round);
	return result;
}
