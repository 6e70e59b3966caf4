// SPDX-License-Identifier: BSD-3-Clause
/* Copies between scattered and contiguous memory. */
#include <string.h>

#include <virtring/memory.h>

size_t vr_iov_size(const struct vr_iovec *iov, size_t count)
{
	size_t i, size = 0;

	for (i = 0; i < count; i++)
		size += iov[i].len;
	return size;
}

static size_t iov_copy(const struct vr_iovec *iov, size_t count, size_t offset, void *out,
		       const void *in, size_t len)
{
	size_t i, done = 0;

	for (i = 0; i < count && done < len; i++) {
		size_t here = iov[i].len;
		unsigned char *base;

		if (offset >= here) {
			offset -= here;
			continue;
		}
		base = (unsigned char *)iov[i].base + offset;
		here -= offset;
		offset = 0;
		if (here > len - done)
			here = len - done;
		if (out)
			memcpy((unsigned char *)out + done, base, here);
		else
			memcpy(base, (const unsigned char *)in + done, here);
		done += here;
	}
	return done;
}

size_t vr_iov_read(const struct vr_iovec *iov, size_t count, size_t offset, void *buf, size_t len)
{
	return iov_copy(iov, count, offset, buf, NULL, len);
}

size_t vr_iov_write(const struct vr_iovec *iov, size_t count, size_t offset, const void *buf,
		    size_t len)
{
	return iov_copy(iov, count, offset, NULL, buf, len);
}
