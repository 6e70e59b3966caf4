// SPDX-License-Identifier: BSD-3-Clause
/* One round of a bench: both sides set up, run for a while, drained, counted. */
#include "round.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interrupt.h"

/* Time for the queues to fill and for the processor to get up to speed. */
#define WARM_SECONDS 0.05

/* A worker that takes longer than this is stuck. */
#define ANSWER_SECONDS 30.0

/* A side that should have a CPU to itself and had less of it than this was disturbed. */
#define CPU_ENOUGH 0.95

/* What the controller notes down while a round runs. */
struct notes {
	double time[2]; /* begin and end of measuring */
	double cpu[SIDES][2];
	struct testpmd_counts counts[2];
	struct testpmd_counts last[SIDES];
	struct answer answers[SIDES];
	double found[SIDES]; /* of DPDK's sides */
};

static bool is_self(const struct stage *stage, enum side side)
{
	return stage->options->party[side] == PARTY_SELF;
}

/* ---- orders ---- */

static int order(struct stage *stage, enum side side, const struct message *message, char *error)
{
	if (send(stage->workers[side].socket, message, sizeof(*message), MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(*message))
		return 0;
	return tool_text(error, "the %s process has ended",
			 side == SIDE_DRIVER ? "driver" : "device");
}

static int await(struct stage *stage, enum side side, struct answer *answer, char *error)
{
	struct pollfd fd = { .fd = stage->workers[side].socket, .events = POLLIN };
	const char *name = side == SIDE_DRIVER ? "driver" : "device";
	int ready = interrupt_poll(&fd, 1, (int)(ANSWER_SECONDS * 1000));

	if (ready < 0)
		return tool_text(error, "interrupted");
	if (ready == 0)
		return tool_text(error, "the %s process does not answer", name);
	if (recv(fd.fd, answer, sizeof(*answer), 0) != (ssize_t)sizeof(*answer))
		return tool_text(error, "the %s process has ended", name);
	if (answer->failed)
		return tool_text(error, "%s", answer->text);
	return 0;
}

static int order_and_await(struct stage *stage, enum side side, const struct message *message,
			   struct answer *answer, char *error)
{
	return order(stage, side, message, error) ? -1 : await(stage, side, answer, error);
}

static void set_phase(struct stage *stage, enum phase phase)
{
	uint64_t one = 1;

	atomic_store(&stage->arena->phase, phase);
	for (int side = 0; side < SIDES; side++)
		if (write(stage->workers[side].doorbell, &one, sizeof(one)) < 0)
			continue; /* full: rung already */
}

/* ---- the stage ---- */

static int start_workers(struct stage *stage, char *error)
{
	for (int side = 0; side < SIDES; side++)
		if (worker_start(&stage->workers[side], (enum side)side, stage->topology->cpu[side],
				 stage->options, stage->arena, error))
			return -1;
	return 0;
}

int stage_open(struct stage *stage, char *error)
{
	const char *base = getenv("TMPDIR");

	snprintf(stage->folder, sizeof(stage->folder), "%.40s/virtring.XXXXXX",
		 base && *base && strlen(base) < 40 ? base : "/tmp");
	if (!mkdtemp(stage->folder)) {
		stage->folder[0] = '\0';
		return tool_text(error, "cannot make a folder for the socket: %s", strerror(errno));
	}
	stage->arena = mmap(NULL, sizeof(*stage->arena), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage->arena == MAP_FAILED) {
		stage->arena = NULL;
		return tool_text(error, "cannot make shared memory: %s", strerror(errno));
	}
	return start_workers(stage, error);
}

bool stage_huge(const struct topology *topology, unsigned int size, unsigned int peers,
		unsigned long *needed)
{
	const struct testpmd_config config = { .size = size, .pairs = 1 };

	*needed = (unsigned long)peers * testpmd_memory(&config);
	return topology->huge_free * topology->huge_bytes >= *needed << 20;
}

static void end_sides(struct stage *stage)
{
	/* The driver first: it has to tell the device to stop. */
	for (int side = 0; side < SIDES; side++) {
		testpmd_end(&stage->testpmd[side]);
		worker_stop(&stage->workers[side]);
	}
}

void stage_close(struct stage *stage)
{
	end_sides(stage);
	if (stage->arena)
		munmap(stage->arena, sizeof(*stage->arena));
	if (stage->folder[0]) {
		char path[96];

		snprintf(path, sizeof(path), "%s/s", stage->folder);
		unlink(path);
		rmdir(stage->folder);
	}
}

/* ---- a round, step by step ---- */

static int open_peer(struct stage *stage, enum side side, const struct job *job, char *error)
{
	const struct bench_options *options = stage->options;
	bool sends = (side == SIDE_DRIVER) == (job->row.direction == DIRECTION_TX);
	struct testpmd_config config = {
		.side = side,
		.path = job->path,
		.cpu = stage->topology->cpu[side],
		.huge = stage->huge,
		.forward = sends ? "txonly" : "rxonly",
		.pairs = 1,
		.burst = options->burst,
		.packet = options->packet,
		.size = options->size,
		.packed = job->row.layout == LAYOUT_PACKED,
		.in_order = job->row.in_order,
		.mergeable = options->mergeable,
		.vectorized = options->vectorized,
		.realtime = options->realtime,
	};

	if (testpmd_start(&stage->testpmd[side], &config, error))
		return -1;
	memcpy(stage->dpdk, stage->testpmd[side].version, sizeof(stage->dpdk));
	return 0;
}

static int open_sides(struct stage *stage, const struct message *message,
		      struct bench_sample *sample)
{
	/* The device listens, so it comes first. */
	static const enum side sequence[] = { SIDE_DEVICE, SIDE_DRIVER };

	for (int i = 0; i < SIDES; i++) {
		enum side side = sequence[i];
		struct answer answer = { 0 };

		if (!is_self(stage, side)) {
			if (open_peer(stage, side, &message->job, sample->text))
				return -1;
			continue;
		}
		if (order_and_await(stage, side, message, &answer, sample->text))
			return -1;
		if (side == SIDE_DRIVER) {
			stage->page_bytes = answer.page_bytes;
			stage->huge_error = answer.huge_error;
			sample->features = answer.features;
		}
	}
	return 0;
}

static int measure_roundtrip(struct stage *stage, struct bench_sample *sample, int when)
{
	const struct message message = { .order = ORDER_ROUNDTRIP };
	struct answer answer = { 0 };

	atomic_store(&stage->arena->line.ball, 0);
	for (int side = 0; side < SIDES; side++)
		if (order(stage, (enum side)side, &message, sample->text))
			return -1;
	for (int side = SIDE_DEVICE; side >= SIDE_DRIVER; side--)
		if (await(stage, (enum side)side, &answer, sample->text))
			return -1;
	sample->roundtrip_ns[when] = answer.roundtrip_ns;
	sample->distance[when] = roundtrip_distance(answer.roundtrip_ns, stage->options->near_ns,
						    stage->options->far_ns);
	return 0;
}

static int begin(struct stage *stage, enum side side, const struct message *message, char *error)
{
	if (is_self(stage, side))
		return order(stage, side, message, error);
	return testpmd_command(&stage->testpmd[side], "start", error);
}

/* Notes the time, and what only the controller can know about DPDK's sides. */
static int note(struct stage *stage, enum side receiver, struct notes *notes, int when, char *error)
{
	for (int side = 0; side < SIDES; side++)
		if (!is_self(stage, (enum side)side))
			notes->cpu[side][when] = testpmd_cpu_seconds(&stage->testpmd[side]);
	if (!is_self(stage, SIDE_DRIVER) && !is_self(stage, SIDE_DEVICE)) {
		double asked = tool_now();

		if (testpmd_counts(&stage->testpmd[receiver], &notes->counts[when], error))
			return -1;
		notes->time[when] = (asked + tool_now()) / 2;
		return 0;
	}
	notes->time[when] = tool_now();
	return 0;
}

/* What DPDK's sides have to say of the round, before waiting for the rest dilutes it. */
static int ask_peers(struct stage *stage, enum side sender, struct notes *notes,
		     struct bench_sample *sample)
{
	for (int side = 0; side < SIDES; side++) {
		struct testpmd *testpmd = &stage->testpmd[side];
		bool sends = side == (int)sender;

		if (is_self(stage, (enum side)side))
			continue;
		if (testpmd_found(testpmd, sends, &notes->found[side], sample->text))
			return -1;
		memcpy(sample->path[side], testpmd->path[sends], sizeof(testpmd->path[sends]));
		if (testpmd->features)
			sample->features = testpmd->features;
	}
	return 0;
}

/* The sender stops; *@sent is what it has sent in all. */
static int stop_sender(struct stage *stage, enum side side, struct notes *notes, uint64_t *sent,
		       char *error)
{
	struct testpmd *testpmd = &stage->testpmd[side];

	if (is_self(stage, side)) {
		if (await(stage, side, &notes->answers[side], error))
			return -1;
		*sent = notes->answers[side].total;
		return 0;
	}
	if (testpmd_stop(testpmd, error) || testpmd_counts(testpmd, &notes->last[side], error))
		return -1;
	*sent = notes->last[side].sent;
	atomic_store(&stage->arena->sent, *sent);
	return 0;
}

/* The receiver takes what is still on its way, then stops. */
static int stop_receiver(struct stage *stage, enum side side, struct notes *notes, uint64_t sent,
			 struct bench_sample *sample)
{
	struct testpmd *testpmd = &stage->testpmd[side];
	struct testpmd_counts *last = &notes->last[side];
	double end = tool_now() + DRAIN_SECONDS;

	if (is_self(stage, side)) {
		if (await(stage, side, &notes->answers[side], sample->text))
			return -1;
		sample->received = notes->answers[side].total;
		sample->dropped = notes->answers[side].dropped;
		return 0;
	}
	do {
		if (testpmd_counts(testpmd, last, sample->text))
			return -1;
	} while (last->received + last->lost < sent && tool_now() < end && interrupt_sleep(0.01));
	if (testpmd_stop(testpmd, sample->text) || testpmd_counts(testpmd, last, sample->text))
		return -1;
	sample->received = last->received;
	sample->dropped = last->lost;
	return 0;
}

static int run(struct stage *stage, const struct message *message, struct notes *notes,
	       struct bench_sample *sample)
{
	bool tx = message->job.row.direction == DIRECTION_TX;
	enum side sender = tx ? SIDE_DRIVER : SIDE_DEVICE;
	enum side receiver = tx ? SIDE_DEVICE : SIDE_DRIVER;

	atomic_store(&stage->arena->sent, SENT_UNKNOWN);
	set_phase(stage, PHASE_WARM);
	if (begin(stage, receiver, message, sample->text) ||
	    begin(stage, sender, message, sample->text))
		return -1;
	if (!interrupt_sleep(WARM_SECONDS) || note(stage, receiver, notes, 0, sample->text))
		return -1;
	set_phase(stage, PHASE_MEASURE);
	if (!interrupt_sleep(stage->options->seconds) ||
	    note(stage, receiver, notes, 1, sample->text))
		return -1;
	set_phase(stage, PHASE_DRAIN);
	if (ask_peers(stage, sender, notes, sample) ||
	    stop_sender(stage, sender, notes, &sample->sent, sample->text) ||
	    stop_receiver(stage, receiver, notes, sample->sent, sample))
		return -1;
	set_phase(stage, PHASE_IDLE);
	return 0;
}

/* Takes the figures from the side that knows best: the receiver, if it is ours. */
static void evaluate(struct stage *stage, const struct notes *notes, struct bench_sample *sample,
		     enum direction direction)
{
	enum side receiver = direction == DIRECTION_TX ? SIDE_DEVICE : SIDE_DRIVER;
	enum side counter = is_self(stage, receiver) ? receiver : (enum side)(1 - receiver);
	double elapsed = notes->time[1] - notes->time[0];

	for (int side = 0; side < SIDES; side++) {
		const struct answer *answer = &notes->answers[side];

		sample->cpu[side] = -1;
		if (!is_self(stage, (enum side)side) && elapsed > 0)
			sample->cpu[side] = (notes->cpu[side][1] - notes->cpu[side][0]) / elapsed;
		else if (answer->seconds > 0)
			sample->cpu[side] = answer->cpu_seconds / answer->seconds;
		sample->found[side] = -1;
		if (!is_self(stage, (enum side)side))
			sample->found[side] = notes->found[side];
		else if (answer->polls > 0)
			sample->found[side] = (double)answer->found / (double)answer->polls;
		sample->checked += answer->checked;
		sample->bad += answer->bad;
		sample->entries += answer->entries;
		sample->batched += answer->batched;
		if (answer->features)
			sample->features = answer->features;
		if (answer->bad)
			memcpy(sample->text, answer->text, sizeof(sample->text));
	}
	if (is_self(stage, counter)) {
		sample->seconds = notes->answers[counter].seconds;
		sample->packets = notes->answers[counter].packets;
	} else {
		sample->seconds = elapsed;
		sample->packets = notes->counts[1].received - notes->counts[0].received;
	}
}

static void judge(const struct bench_options *options, struct bench_sample *sample)
{
	sample->failed = true;
	if (sample->bad)
		return; /* the text is that of the side which found it */
	if (sample->sent != sample->received + sample->dropped)
		tool_text(sample->text,
			  "packets are missing: sent %llu, received %llu, named as dropped %llu",
			  (unsigned long long)sample->sent, (unsigned long long)sample->received,
			  (unsigned long long)sample->dropped);
	else if (sample->packets == 0)
		tool_text(sample->text, "no packet came through in %.3f s", sample->seconds);
	else
		sample->failed = false;
	/* One that was moved in between belongs to neither group. */
	sample->kept = !sample->failed && sample->distance[0] == sample->distance[1] &&
		       sample->distance[0] != DISTANCE_UNKNOWN;
	/* The kernel takes a little back from those who would have all. */
	for (int side = 0; side < SIDES && options->realtime; side++)
		if (sample->cpu[side] >= 0 && sample->cpu[side] < CPU_ENOUGH)
			sample->kept = false;
}

static int close_sides(struct stage *stage, char *error)
{
	const struct message message = { .order = ORDER_CLOSE };
	struct answer answer = { 0 };

	for (int side = 0; side < SIDES; side++) {
		testpmd_end(&stage->testpmd[side]);
		if (is_self(stage, (enum side)side) &&
		    order_and_await(stage, (enum side)side, &message, &answer, error))
			return -1;
	}
	return 0;
}

/* A side that failed may be in any state: the next round gets new ones. */
static int start_over(struct stage *stage, struct bench_sample *sample)
{
	char error[TOOL_TEXT];

	sample->failed = true;
	end_sides(stage);
	if (interrupt_seen() || start_workers(stage, error))
		return -1;
	return 0;
}

int round_play(struct stage *stage, const struct bench_row *row, struct bench_sample *sample)
{
	struct message message = { .order = ORDER_OPEN };
	struct notes notes;

	memset(&notes, 0, sizeof(notes));
	memset(sample, 0, sizeof(*sample));
	message.job.options = *stage->options;
	message.job.row = *row;
	message.job.features = bench_wanted(stage->options, row);
	snprintf(message.job.path, sizeof(message.job.path), "%s/s", stage->folder);
	set_phase(stage, PHASE_IDLE);
	if (open_sides(stage, &message, sample)) {
		(void)start_over(stage, sample);
		return -1;
	}
	message.order = ORDER_RUN;
	if (measure_roundtrip(stage, sample, 0) || run(stage, &message, &notes, sample) ||
	    measure_roundtrip(stage, sample, 1))
		return start_over(stage, sample);
	evaluate(stage, &notes, sample, row->direction);
	judge(stage->options, sample);
	if (close_sides(stage, sample->text))
		return start_over(stage, sample);
	return 0;
}
