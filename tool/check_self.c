// SPDX-License-Identifier: BSD-3-Clause
/* See check_self.h. */
#include "check_self.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <virtring/features.h>
#include <virtring/vhost_user.h>

#include "check/back_end.h"
#include "check/front_end.h"
#include "check_load.h"
#include "keeper.h"

#define DISK_BYTES (1u << 20)

/* Nothing of ours takes long; only what hangs does, be the machine as busy as it may. */
#define HANG_MS 60000

#define FEATURES \
	(VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_INDIRECT_DESC | VR_F_EVENT_IDX)

struct self {
	struct keeper keeper;
	char socket[96];
	char image[96];
	const char *const *command;
};

/* ---- the driver half ---- */

static bool is(const struct front_job *job, const char *name)
{
	return job->check && strcmp(job->check->name, name) == 0;
}

/* Another shape for each session: sizes, tables, depth. */
static void shape(const struct front_job *job, struct load_job *load)
{
	static const uint32_t split[] = { 16, 8, 64, 4, 128, 32 };
	static const uint32_t packed[] = { 16, 7, 60, 5, 100, 33 };
	bool is_packed = job->form & CHECK_ANY_PACKED;
	uint32_t turn = job->number % 6;

	load->size = is_packed ? packed[turn] : split[turn];
	load->indirect = job->number % 2 ? 6 : 0;
	load->shallow = job->number % 5 == 4;
	load->chains = job->type == CHECK_NET && !load->indirect && job->number / 6 % 2;
	if (job->check && job->check->hostile) {
		load->size = 64;
		load->indirect = 0;
		load->chains = is(job, "used-id-middle");
		load->requests = 200;
	}
	/* Looking on: more of all, over the end of 16 bits, and with tables beside chains. */
	if (!job->check) {
		load->size = 64;
		load->indirect = 4;
		load->requests = 3000;
		load->small = is_packed ? 2000 : 66000;
		load->restarts = 3;
	}
	if (load->chains)
		load->requests *= 3;
	/* Kicks that are not wanted are judged by their number: many publications of a few. */
	if (job->type == CHECK_NET &&
	    (is(job, "kicks-off") || is(job, "without-event-idx-and-kicks"))) {
		load->size = 16;
		load->shallow = true;
		load->small = 2000;
	}
	/* No data goes before its time: the ring is full when the device uses it all. */
	if (is(job, "runs-of-all"))
		load->shallow = false;
}

static int run_load(void *context, const struct front_job *job)
{
	struct load_job load = {
		.path = job->path,
		.features = FEATURES,
		.requests = 500,
		.seed = 0x9e3779b97f4a7c15ull * (job->number + 1),
		.hostile = job->hostile,
		.config = true,
	};

	(void)context;
	if (!(job->form & CHECK_ANY_PACKED))
		load.features &= ~VR_F_RING_PACKED;
	shape(job, &load);
	return job->type == CHECK_NET ? load_run_net(&load) : load_run(&load);
}

static int check_driver(const struct check_plan *plan, const struct self *self, const char *subject,
			enum check_device device, struct check_results *results)
{
	static const struct front_start start = { .run = run_load, .knows = true };
	struct check_target target = { .path = self->socket, .device = device };
	struct check_plan part = *plan;
	struct front_options options = {
		.start = &start,
		.wait_ms = HANG_MS,
		.watch_ms = 2 * HANG_MS,
		.stall_ms = HANG_MS,
		.kick_ms = HANG_MS,
		.disk_bytes = DISK_BYTES,
	};

	part.subject = subject;
	part.target = &target;
	return front_end_all(&part, &options, results);
}

/* ---- this command's clients ---- */

static int run_command(void *context, const struct front_job *job)
{
	const struct self *self = context;
	const char *arguments[16] = { "virtring" };
	uint32_t count = 1;

	(void)job;
	for (; self->command[count - 1]; count++)
		arguments[count] = self->command[count - 1];
	arguments[count++] = "--socket";
	arguments[count] = self->socket;
	execv("/proc/self/exe", (char *const *)(uintptr_t)arguments);
	return 127;
}

static int check_client(const struct check_plan *plan, struct self *self, const char *subject,
			const char *const *command, enum check_device device,
			struct check_results *results)
{
	struct front_start start = { .run = run_command, .context = self };
	struct check_target target = { .path = self->socket, .device = device };
	struct check_plan part = *plan;
	struct front_options options = {
		.start = &start,
		.wait_ms = HANG_MS,
		.watch_ms = 2 * HANG_MS,
		.stall_ms = HANG_MS,
		.kick_ms = HANG_MS,
		.disk_bytes = DISK_BYTES,
	};

	self->command = command;
	part.subject = subject;
	part.target = &target;
	/* What is against the rules was tried on the driver half, which is theirs, too. */
	part.hostile = false;
	return front_end_all(&part, &options, results);
}

/* ---- this command's devices ---- */

static bool make_image(const struct self *self)
{
	FILE *file = fopen(self->image, "we");
	bool made = file && ftruncate(fileno(file), DISK_BYTES) == 0;

	return (!file || fclose(file) == 0) && made;
}

static int check_device(const struct check_plan *plan, struct self *self, const char *subject,
			const char *const *command, enum check_device device,
			struct check_results *results)
{
	struct front_start start = { .run = run_command, .context = self };
	struct front_job job = { .path = self->socket, .type = device };
	struct check_target target = { .path = self->socket,
				       .device = device,
				       .write = true,
				       .strict = true,
				       .answer_ms = HANG_MS / 2 };
	struct check_plan part = *plan;
	struct check_results more;
	struct front_child child;
	int status;

	self->command = command;
	part.subject = subject;
	part.target = &target;
	part.lists = back_end_lists;
	part.list_count = back_end_list_count;
	part.probe = back_end_probe;
	part.patience_ms = HANG_MS;
	(void)unlink(self->socket);
	if (!front_child_start(&child, &start, &job))
		return -1;
	status = check_all(&part, &more);
	(void)front_child_end(&child, 0);
	check_results_join(results, &more);
	return status;
}

/* What a part runs. */
enum what {
	DRIVER,
	CLIENT,
	DEVICE
};

static const struct part {
	const char *name;
	enum what what;
	enum check_device device;
	const char *command[8];
} parts[] = {
	{ "driver-half", DRIVER, CHECK_BLK, { NULL } },
	{ "driver-net", DRIVER, CHECK_NET, { NULL } },
	{ "blk", CLIENT, CHECK_BLK, { "blk", "read", "/dev/null", NULL } },
	{ "net", CLIENT, CHECK_NET, { "net", "bench", "--seconds", "0.1", NULL } },
	{ "serve-blk", DEVICE, CHECK_BLK, { "serve", "blk", "--image", "", NULL } },
	{ "serve-net", DEVICE, CHECK_NET, { "serve", "net", "--sink", NULL } },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

bool check_self_part(const char *part)
{
	for (size_t i = 0; i < PARTS; i++)
		if (strcmp(parts[i].name, part) == 0)
			return true;
	return false;
}

static int run_part(const struct check_plan *plan, struct self *self, const struct part *part,
		    struct check_results *results)
{
	const char *command[8];

	/* An empty word stands for the disk. */
	for (size_t i = 0; i < sizeof(command) / sizeof(command[0]); i++)
		command[i] = part->command[i] && !*part->command[i] ? self->image :
								      part->command[i];
	switch (part->what) {
	case CLIENT:
		return check_client(plan, self, part->name, command, part->device, results);
	case DEVICE:
		return check_device(plan, self, part->name, command, part->device, results);
	default:
		return check_driver(plan, self, part->name, part->device, results);
	}
}

int check_self(const struct check_plan *plan, const char *part, struct check_results *results)
{
	struct self self = { 0 };
	int status = -1;

	if (keeper_open(&self.keeper, "virtring-check"))
		return -1;
	(void)snprintf(self.socket, sizeof(self.socket), "%s/socket", self.keeper.folder);
	(void)snprintf(self.image, sizeof(self.image), "%s/disk", self.keeper.folder);
	if (make_image(&self))
		status = 0;
	for (size_t i = 0; !status && i < PARTS; i++)
		if (!part || strcmp(parts[i].name, part) == 0)
			status = run_part(plan, &self, &parts[i], results);
	keeper_close(&self.keeper);
	return status;
}
