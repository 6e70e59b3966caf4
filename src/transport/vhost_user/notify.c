// SPDX-License-Identifier: BSD-3-Clause
/* Kick, call and err descriptors: eventfds, or pipes as some front ends have them. */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include <virtring/vhost_user.h>

int vr_vu_notify(int fd)
{
	const uint64_t one = 1;
	ssize_t ret;

	if (fd < 0)
		return 0;
	do
		ret = write(fd, &one, sizeof(one));
	while (ret < 0 && errno == EINTR);
	/* Full: whoever reads it has not done so yet and will find the signal. */
	return ret < 0 && errno != EAGAIN ? -errno : 0;
}

int vr_vu_drain(int fd)
{
	uint64_t values[8];
	ssize_t ret;

	if (fd < 0)
		return 0;
	/* One read empties an eventfd; what a pipe still has makes it readable again. */
	do
		ret = read(fd, values, sizeof(values));
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return errno == EAGAIN ? 0 : -errno;
	return ret > 0;
}
