// SPDX-License-Identifier: BSD-3-Clause
/* Sockets by path: who listens, who connects, who comes too late, what is left behind. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_peer.h"

static char folder[] = "/tmp/virtring-unit.XXXXXX";
static char path[64];

static int start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	(void)context;
	(void)vring;
	(void)mem;
	return 0;
}

static int stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	(void)context;
	(void)index;
	(void)why;
	*base = 0;
	return 0;
}

static const struct vr_vu_backend_ops ops = {
	.struct_size = sizeof(ops),
	.ring_start = start,
	.ring_stop = stop,
};

static struct vr_vu_backend_config backend_config(bool connect)
{
	return (struct vr_vu_backend_config){
		.struct_size = sizeof(struct vr_vu_backend_config),
		.path = path,
		.connect = connect,
		.vrings = 2,
		.features = VR_F_VERSION_1,
		.ops = &ops,
	};
}

static struct vr_vu_backend *make_backend(bool connect)
{
	const struct vr_vu_backend_config config = backend_config(connect);
	struct vr_vu_backend *b;

	assert_int_equal(vr_vu_backend_create(&config, &b), 0);
	return b;
}

static struct vr_vu_frontend *make_frontend(bool listen)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = path,
		.listen = listen,
	};
	struct vr_vu_frontend *f;

	assert_int_equal(vr_vu_frontend_create(&config, &f), 0);
	return f;
}

static bool file_exists(void)
{
	struct stat st;

	return !lstat(path, &st);
}

static bool closed_by_peer(const struct vr_vu_frontend *f)
{
	char byte;

	return recv(vr_vu_frontend_fd(f), &byte, 1, MSG_DONTWAIT) == 0;
}

static void back_end_listens(void **state)
{
	const int before = count_fds();
	struct vr_vu_backend *b = make_backend(false);
	struct vr_vu_frontend *f = make_frontend(false), *second = make_frontend(false);
	int i;

	(void)state;
	assert_int_equal(vr_vu_frontend_connect(f, 0), -ENOENT);
	assert_string_equal(vr_vu_frontend_error(f), "cannot connect: No such file or directory");
	assert_int_equal(vr_vu_backend_open(b), 0);
	assert_int_equal(vr_vu_backend_open(b), -EISCONN);
	for (i = 0; i < 20; i++) {
		assert_int_equal(vr_vu_frontend_connect(f, 100), 0);
		assert_int_equal(vr_vu_frontend_connect(f, 100), -EISCONN);
		assert_int_equal(vr_vu_backend_process(b), 0);
		assert_true(vr_vu_backend_connected(b));
		/* The next one waits in the queue until the first has gone. */
		if (i == 10) {
			assert_int_equal(vr_vu_frontend_connect(second, 0), 0);
			assert_int_equal(vr_vu_backend_process(b), 0);
			vr_vu_frontend_disconnect(f);
			assert_int_equal(vr_vu_backend_process(b), 0);
			assert_true(vr_vu_backend_connected(b));
			vr_vu_frontend_disconnect(second);
		}
		vr_vu_frontend_disconnect(f);
		assert_int_equal(vr_vu_backend_process(b), 0);
		assert_false(vr_vu_backend_connected(b));
	}
	vr_vu_frontend_destroy(f);
	vr_vu_frontend_destroy(second);
	vr_vu_backend_destroy(b);
	assert_false(file_exists());
	assert_int_equal(count_fds(), before);
}

/* No descriptors left: who comes is turned away, and who comes later is not. */
static void turns_away(void **state)
{
	struct vr_vu_frontend *f = make_frontend(false);
	struct vr_vu_backend *b = make_backend(false);
	struct rlimit before, none;
	int i, highest;

	(void)state;
	assert_int_equal(vr_vu_backend_open(b), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(vr_vu_frontend_connect(f, 0), 0);
		/* The lowest number that is free is the first that there is no room for. */
		highest = dup(STDERR_FILENO);
		close(highest);
		none = (struct rlimit){ .rlim_cur = (rlim_t)highest, .rlim_max = before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		assert_int_equal(vr_vu_backend_process(b), 0);
		assert_false(vr_vu_backend_connected(b));
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(closed_by_peer(f));
		vr_vu_frontend_disconnect(f);
		assert_int_equal(vr_vu_frontend_connect(f, 0), 0);
		assert_int_equal(vr_vu_backend_process(b), 0);
		assert_true(vr_vu_backend_connected(b));
		vr_vu_frontend_disconnect(f);
		assert_int_equal(vr_vu_backend_process(b), 0);
	}
	vr_vu_frontend_destroy(f);
	vr_vu_backend_destroy(b);
}

static void front_end_listens(void **state)
{
	const int before = count_fds();
	struct vr_vu_backend *b = make_backend(true);
	struct vr_vu_frontend *f;
	int i;

	(void)state;
	assert_int_equal(vr_vu_backend_open(b), -ENOENT);
	f = make_frontend(true);
	assert_int_equal(vr_vu_frontend_connect(f, 20), -ETIMEDOUT);
	for (i = 0; i < 20; i++) {
		assert_int_equal(vr_vu_backend_open(b), 0);
		assert_int_equal(vr_vu_backend_open(b), -EISCONN);
		assert_int_equal(vr_vu_frontend_connect(f, 100), 0);
		vr_vu_frontend_disconnect(f);
		assert_int_equal(vr_vu_backend_process(b), 0);
		assert_false(vr_vu_backend_connected(b));
	}
	vr_vu_frontend_destroy(f);
	assert_int_equal(vr_vu_backend_open(b), -ENOENT);
	vr_vu_backend_destroy(b);
	assert_int_equal(count_fds(), before);
}

/* A socket file that a killed program left is replaced; one in use, or no socket, is not. */
static void stale_files(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct vr_vu_backend *b = make_backend(false), *other = make_backend(false);
	int fd;

	(void)state;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_true(file_exists());
	assert_int_equal(vr_vu_backend_open(b), 0);
	assert_int_equal(vr_vu_backend_open(other), -EADDRINUSE);
	/* Somebody else's file in its place is left alone. */
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	vr_vu_backend_destroy(b);
	assert_true(file_exists());
	assert_int_equal(vr_vu_backend_open(other), -EADDRINUSE);
	assert_true(file_exists());
	vr_vu_backend_destroy(other);
	assert_int_equal(unlink(path), 0);
}

static void bad_paths(void **state)
{
	struct vr_vu_backend_config config = backend_config(false);
	struct vr_vu_backend *b;
	char longer[200];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	config.path = longer;
	assert_int_equal(vr_vu_backend_create(&config, &b), -EINVAL);
	config.path = "";
	assert_int_equal(vr_vu_backend_create(&config, &b), -EINVAL);
	config.path = NULL;
	assert_int_equal(vr_vu_backend_create(&config, &b), 0);
	assert_int_equal(vr_vu_backend_open(b), -EINVAL);
	vr_vu_backend_destroy(b);
	config.path = "/nowhere/at/all";
	assert_int_equal(vr_vu_backend_create(&config, &b), 0);
	assert_int_equal(vr_vu_backend_open(b), -ENOENT);
	vr_vu_backend_destroy(b);
}

static void bad_config(void **state)
{
	const struct vr_vu_backend_config good = backend_config(false);
	struct vr_vu_backend_ops half = ops;
	struct vr_vu_backend_config c;
	struct vr_vu_backend *b;

	(void)state;
#define REFUSED(change) \
	do { \
		c = good; \
		change; \
		assert_int_equal(vr_vu_backend_create(&c, &b), -EINVAL); \
	} while (0)
	REFUSED(c.struct_size = 8);
	REFUSED(c.vrings = 0);
	REFUSED(c.vrings = 257);
	REFUSED(c.max_queue_size = VR_QUEUE_SIZE_MAX + 1);
	REFUSED(c.max_regions = VR_MEM_MAX_REGIONS + 1);
	REFUSED(c.config_size = 257);
	REFUSED(c.config_size = 16);
	REFUSED(c.features = VR_VU_F_LOG_ALL);
	REFUSED((c.features = VR_F_ACCESS_PLATFORM, c.protocol_features = VR_VU_PF_MQ));
	REFUSED(c.protocol_features = VR_VU_PF_INBAND_NOTIFICATIONS);
	REFUSED(c.protocol_features = VR_VU_PF_SHMEM);
	REFUSED(c.protocol_features = VR_VU_PF_CONFIG);
	REFUSED(c.protocol_features = VR_VU_PF_RARP);
	REFUSED(c.ops = NULL);
	half.ring_stop = NULL;
	REFUSED(c.ops = &half);
	half = ops;
	half.ring_start = NULL;
	REFUSED(c.ops = &half);
	half = ops;
	half.struct_size = 1;
	REFUSED(c.ops = &half);
#undef REFUSED
	vr_vu_backend_destroy(NULL);
}

/* What is offered when nothing is said. */
static void default_protocol_features(void **state)
{
	struct vr_vu_frontend *f = make_frontend(false);
	struct vr_vu_backend *b = make_backend(false);
	struct answer answer;
	struct peer peer = { .backend = b };
	int socks[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	assert_int_equal(vr_vu_backend_adopt(b, socks[1]), 0);
	assert_int_equal(vr_vu_backend_adopt(b, dup(socks[0])), -EISCONN);
	peer.sock = socks[0];
	answer = peer_ask(&peer, VU_GET_PROTOCOL_FEATURES, NULL, 0, NULL, 0);
	assert_int_equal(answer.payload.u64,
			 VR_VU_PF_MQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_BACKEND_REQ |
				 VR_VU_PF_BACKEND_SEND_FD | VR_VU_PF_RESET_DEVICE |
				 VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_STATUS);
	close(socks[0]);
	vr_vu_backend_destroy(b);
	vr_vu_frontend_destroy(f);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) && snprintf(path, sizeof(path), "%s/socket", folder) > 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(back_end_listens),
		cmocka_unit_test(turns_away),
		cmocka_unit_test(front_end_listens),
		cmocka_unit_test(stale_files),
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(bad_config),
		cmocka_unit_test(default_protocol_features),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
