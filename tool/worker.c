// SPDX-License-Identifier: BSD-3-Clause
/* The processes of a bench: starting and ending them, and their loop. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long one side tries to play with the other one. */
#define ROUNDTRIP_SECONDS 4.0

#define SLEEP_MS 20

enum phase meter_phase(struct meter *meter, const struct player *player, struct answer *answer)
{
	enum phase phase =
		(enum phase)atomic_load_explicit(&player->arena->phase, memory_order_relaxed);

	if (phase == meter->phase)
		return phase;
	if (phase == PHASE_MEASURE) {
		meter->start = tool_now();
		meter->cpu_start = tool_cpu_seconds();
		meter->count_start = meter->count;
		meter->polls_start = meter->polls;
		meter->found_start = meter->found;
	} else if (phase == PHASE_DRAIN && meter->phase == PHASE_MEASURE) {
		answer->seconds = tool_now() - meter->start;
		answer->cpu_seconds = tool_cpu_seconds() - meter->cpu_start;
		answer->packets = meter->count - meter->count_start;
		answer->polls = meter->polls - meter->polls_start;
		answer->found = meter->found - meter->found_start;
	}
	meter->phase = phase;
	return phase;
}

void player_sleep(const struct player *player, int fd)
{
	struct pollfd fds[2] = {
		{ .fd = player->doorbell, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	uint64_t value;

	if (poll(fds, 2, SLEEP_MS) <= 0)
		return;
	for (int i = 0; i < 2; i++)
		if (fds[i].revents & POLLIN && read(fds[i].fd, &value, sizeof(value)) < 0)
			continue; /* somebody else was faster; there is nothing to take back */
}

static void obey(struct player *player, const struct message *message, enum side side,
		 struct answer *answer)
{
	int result = 0;

	memset(answer, 0, sizeof(*answer));
	switch (message->order) {
	case ORDER_OPEN:
		player->job = message->job;
		player->options = &player->job.options;
		result = player->open(player, answer);
		break;
	case ORDER_RUN:
		result = player->run(player, answer);
		break;
	case ORDER_CLOSE:
		player->close(player);
		break;
	case ORDER_ROUNDTRIP:
		answer->roundtrip_ns = roundtrip_measure(&player->arena->line, side == SIDE_DRIVER,
							 ROUNDTRIP_SECONDS);
		break;
	}
	answer->failed = result < 0;
}

/* The life of a worker. */
static void loop(struct player *player, enum side side, int socket)
{
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = socket, .events = POLLIN },
			{ .fd = player->poll_fd(player), .events = POLLIN },
		};
		struct message message;
		struct answer answer;
		ssize_t got;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			player->idle(player);
		if (!fds[0].revents)
			continue;
		got = recv(socket, &message, sizeof(message), 0);
		if (got != (ssize_t)sizeof(message))
			break;
		obey(player, &message, side, &answer);
		if (send(socket, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	player->close(player);
}

__attribute__((noreturn)) static void live(enum side side, int cpu, struct player *player,
					   int socket, pid_t parent)
{
	sigset_t none;

	/* A bench that is killed must not leave two processes that poll for ever. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* Ctrl-C reaches the whole group; the controller ends the workers in its own order. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, side == SIDE_DRIVER ? "virtring-driver" : "virtring-device");
	if (topology_pin(cpu))
		_exit(1);
	if (player->options->realtime && topology_realtime(0, BENCH_PRIORITY))
		_exit(1);
	if (side == SIDE_DRIVER)
		bench_driver_player(player);
	else
		bench_device_player(player);
	loop(player, side, socket);
	_exit(0);
}

int worker_start(struct worker *worker, enum side side, int cpu,
		 const struct bench_options *options, struct arena *arena, char *error)
{
	struct player player = { .options = options, .arena = arena };
	pid_t parent = getpid();
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return tool_text(error, "socketpair: %s", strerror(errno));
	player.doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	worker->doorbell = player.doorbell;
	worker->pid = player.doorbell < 0 ? -1 : fork();
	if (worker->pid == 0) {
		close(sockets[0]);
		live(side, cpu, &player, sockets[1], parent);
	}
	close(sockets[1]);
	worker->socket = sockets[0];
	if (worker->pid > 0)
		return 0;
	tool_text(error, "cannot start a process: %s", strerror(errno));
	close(sockets[0]);
	if (worker->doorbell >= 0)
		close(worker->doorbell);
	worker->pid = 0;
	return -1;
}

void worker_stop(struct worker *worker)
{
	if (worker->pid <= 0)
		return;
	close(worker->socket);
	close(worker->doorbell);
	/* In a round it does not look at its socket, and there is nothing of it to be saved. */
	kill(worker->pid, SIGKILL);
	while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
		;
	worker->pid = 0;
}
