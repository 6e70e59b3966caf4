// SPDX-License-Identifier: BSD-3-Clause
/*
 * `virtring check back-end` under our own devices, in all four forms: everything passes, what is
 * hostile too, and nothing is skipped but what such a device cannot have. Both run at a time: what
 * they do most is wait.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json.h>

#include "peer.h"

#define IMAGE_BYTES (1 << 20)

/* A server, and the checks of it. */
struct pair {
	const char *type;
	char socket[128];
	char report[128];
	struct program server;
	struct program check;
};

static struct pair disk = { .type = "blk" };
static struct pair card = { .type = "net" };
static char image[128];

static void make_image(void)
{
	FILE *file = fopen(image, "we");

	assert_non_null(file);
	/* No two sectors are alike. */
	for (uint32_t i = 0; i < IMAGE_BYTES / sizeof(i); i++)
		assert_int_equal(fwrite(&i, sizeof(i), 1, file), 1);
	assert_int_equal(fclose(file), 0);
}

static void start(struct pair *pair, const char *option, const char *value, const char *clauses)
{
	const char *serve[] = { VIRTRING_TOOL, "serve", pair->type, "--socket",
				pair->socket,  option,	value,	    NULL };
	char json[160];
	const char *check[] = { VIRTRING_TOOL, "check", "back-end", "--socket", pair->socket,
				"--type", pair->type, "--hostile", "--write", "--quiet",
				/* It may wait for a CPU, or for a disk that others keep busy. */
				"--timeout", "60", "--verbose", json, "--clauses", clauses, NULL };

	snprintf(pair->socket, sizeof(pair->socket), "%s/%s", test_folder(), pair->type);
	snprintf(pair->report, sizeof(pair->report), "%s/%s.json", test_folder(), pair->type);
	snprintf(json, sizeof(json), "--json=%s", pair->report);
	program_start(&pair->server, serve);
	assert_true(program_wait(&pair->server, "offering: ", 60000));
	program_start(&pair->check, check);
}

static int member(struct json_object *object, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return json_object_get_int(value);
}

/* Each form, and enough of it. */
static void check_report(const struct pair *pair, int passed)
{
	struct json_object *root = json_object_from_file(pair->report);
	struct json_object *summary;

	assert_non_null(root);
	assert_true(json_object_object_get_ex(root, "summary", &summary));
	printf("REPORT: check back-end of serve %s: %d PASS, %d SKIP\n", pair->type,
	       member(summary, "PASS"), member(summary, "SKIP"));
	assert_int_equal(member(summary, "FAIL"), 0);
	assert_int_equal(member(summary, "LOST"), 0);
	assert_true(member(summary, "PASS") >= passed);
	json_object_put(root);
}

/* Takes what a server prints, a line for each session, and forgets the old ones. */
static void drain(struct program *program)
{
	program->seen = program->length;
	program_read(program);
}

static bool wait_for_summary(struct pair *pair)
{
	for (uint32_t i = 0; i < 1500; i++) {
		drain(&pair->server);
		if (pair == &disk)
			drain(&card.server);
		if (program_wait(&pair->check, " LOST in ", 100))
			return true;
	}
	return false;
}

static void finish(struct pair *pair, int passed)
{
	const bool over = wait_for_summary(pair);

	program_stop(&pair->check, NULL);
	fputs(pair->check.text, stdout);
	program_read(&pair->server);
	fputs(pair->server.text, stdout);
	assert_true(over);
	check_report(pair, passed);
	/* It has survived all that. */
	assert_int_equal(kill(pair->server.pid, 0), 0);
	kill(pair->server.pid, SIGTERM);
	program_stop(&pair->server, NULL);
	unlink(pair->report);
	unlink(pair->socket);
}

static void test_all_pass(void **state)
{
	(void)state;
	snprintf(image, sizeof(image), "%s/image", test_folder());
	make_image();
	start(&disk, "--image", image, "*");
	start(&card, "--loop", NULL, "*");
	finish(&disk, 450);
	finish(&card, 430);
	unlink(image);
}

/*
 * A file system that cannot make a range zero (tmpfs): zeroes are written instead, which is another step of the
 * request, and none has ended when that begins.
 */
static void test_without_zero_range(void **state)
{
	(void)state;
	if (access("/dev/shm", W_OK)) {
		puts("SKIP: no /dev/shm");
		skip();
	}
	snprintf(image, sizeof(image), "/dev/shm/virtring-test.%d", (int)getpid());
	make_image();
	start(&disk, "--image", image, "BLK-DEV-003");
	finish(&disk, 4);
	unlink(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_pass),
		cmocka_unit_test(test_without_zero_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
