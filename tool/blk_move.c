// SPDX-License-Identifier: BSD-3-Clause
/* virtring blk read, write, verify: a disk and a file, many requests in flight, in order. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk.h"
#include "progress.h"

enum kind {
	KIND_READ,
	KIND_WRITE,
	KIND_VERIFY
};

/* A block on its way: slot number modulo depth. */
struct block {
	uint32_t bytes;
	bool ended;
};

struct move {
	struct session *s;
	enum kind kind;
	const char *name; /* of the file */
	int fd;
	uint64_t offset; /* on the disk */
	uint64_t length;
	uint64_t issued; /* bytes */
	uint64_t finished; /* bytes, in order */
	uint64_t first; /* block number of the oldest on its way */
	uint64_t next; /* block number of the next */
	bool ready; /* the next block is filled already */
	uint8_t *file_data; /* verify: one block */
	bool sparse; /* holes for zeroes: in the disk, or in a file that can have them */
	uint64_t zeroes; /* bytes that were not moved */
	struct progress progress;
	struct block blocks[SESSION_DEPTH_MAX];
};

/* All of it, or -1. */
static int read_file(struct move *m, uint8_t *data, size_t bytes, char *error)
{
	for (size_t at = 0; at < bytes;) {
		ssize_t got = read(m->fd, data + at, bytes - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return tool_text(error, "%s: %s", m->name, strerror(errno));
		if (got == 0)
			return tool_text(error, "%s ends before the length that was asked for",
					 m->name);
		at += (size_t)got;
	}
	return 0;
}

static int write_file(struct move *m, const uint8_t *data, size_t bytes, char *error)
{
	for (size_t at = 0; at < bytes;) {
		ssize_t put = write(m->fd, data + at, bytes - at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return tool_text(error, "%s: %s", m->name, strerror(errno));
		at += (size_t)put;
	}
	return 0;
}

bool blk_is_zero(const uint8_t *data, size_t bytes)
{
	/* Each byte is that before it. */
	return bytes == 0 || (data[0] == 0 && !memcmp(data, data + 1, bytes - 1));
}

/* A hole, which the end of the file closes. */
static int skip_file(struct move *m, size_t bytes, char *error)
{
	m->zeroes += bytes;
	return lseek(m->fd, (off_t)bytes, SEEK_CUR) < 0 ?
		       tool_text(error, "%s: %s", m->name, strerror(errno)) :
		       0;
}

static int save(struct move *m, const uint8_t *data, size_t bytes, char *error)
{
	return m->sparse && blk_is_zero(data, bytes) ? skip_file(m, bytes, error) :
						       write_file(m, data, bytes, error);
}

static int compare(struct move *m, const uint8_t *data, size_t bytes, char *error)
{
	if (read_file(m, m->file_data, bytes, error))
		return -1;
	for (size_t i = 0; i < bytes; i++) {
		if (data[i] == m->file_data[i])
			continue;
		tool_text(error, "byte %" PRIu64 " of the disk is 0x%02x, in %s it is 0x%02x",
			  m->offset + m->finished + i, data[i], m->name, m->file_data[i]);
		return TOOL_FAILED;
	}
	return 0;
}

/* A slot's data on its way; zeroes do not have to be sent if the device makes them itself. */
static int transfer(struct move *m, uint32_t slot, uint32_t bytes)
{
	uint64_t sector = (m->offset + m->issued) / VR_BLK_SECTOR;
	int taken = 0;

	if (m->kind != KIND_WRITE)
		return session_transfer(m->s, slot, VR_BLK_T_IN, sector, bytes);
	if (m->sparse && blk_is_zero(session_block(m->s, slot), bytes))
		taken = session_zero(m->s, slot, sector, bytes);
	if (taken > 0)
		m->zeroes += bytes;
	return taken ? taken : session_transfer(m->s, slot, VR_BLK_T_OUT, sector, bytes);
}

/* As many requests as there is room for. */
static int issue(struct move *m, char *error)
{
	struct session *s = m->s;
	uint32_t depth = s->options.depth;

	while (m->issued < m->length && m->next - m->first < depth) {
		uint32_t slot = (uint32_t)(m->next % depth);
		uint64_t left = m->length - m->issued;
		uint32_t bytes = left < s->options.block ? (uint32_t)left : s->options.block;
		int taken;

		if (m->kind == KIND_WRITE && !m->ready &&
		    read_file(m, session_block(s, slot), bytes, error))
			return -1;
		m->ready = true;
		taken = transfer(m, slot, bytes);
		if (taken < 0)
			return tool_text(error, "a request at byte %" PRIu64 ": %s",
					 m->offset + m->issued, vr_strerror(taken));
		if (taken == 0)
			return 0;
		m->ready = false;
		m->blocks[slot] = (struct block){ .bytes = bytes };
		m->issued += bytes;
		m->next++;
	}
	return 0;
}

/* What has ended, and all before it too. */
static int settle(struct move *m, char *error)
{
	uint32_t depth = m->s->options.depth;

	while (m->first < m->next && m->blocks[m->first % depth].ended) {
		uint32_t slot = (uint32_t)(m->first % depth);
		uint8_t *data = session_block(m->s, slot);
		uint32_t bytes = m->blocks[slot].bytes;
		int result = 0;

		if (m->kind == KIND_READ)
			result = save(m, data, bytes, error);
		else if (m->kind == KIND_VERIFY)
			result = compare(m, data, bytes, error);
		if (result)
			return result;
		m->finished += bytes;
		m->first++;
	}
	return 0;
}

static int run(struct move *m, char *error)
{
	struct vr_blk_result results[64];

	while (m->finished < m->length) {
		int result;
		int got;

		if (issue(m, error))
			return -1;
		got = session_wait(m->s, results, 64, error);
		if (got < 0)
			return -1;
		for (int i = 0; i < got; i++) {
			if (results[i].status != VR_BLK_S_OK)
				return tool_text(error,
						 "the device answers %s (within %" PRIu64
						 " bytes after byte %" PRIu64 ")",
						 results[i].status == VR_BLK_S_IOERR ? "IOERR" :
										       "UNSUPP",
						 m->issued - m->finished, m->offset + m->finished);
			m->blocks[results[i].token].ended = true;
		}
		result = settle(m, error);
		if (result)
			return result;
		progress_show(&m->progress, m->finished, m->length);
	}
	return 0;
}

static int open_file(struct move *m, char *error)
{
	bool standard = !strcmp(m->name, "-");

	if (m->kind == KIND_READ)
		m->fd = standard ? 1 :
				   open(m->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	else
		m->fd = standard ? 0 : open(m->name, O_RDONLY | O_CLOEXEC);
	return m->fd < 0 ? tool_text(error, "%s: %s", m->name, strerror(errno)) : 0;
}

/* How much, if that was not said: what the file has, or the disk. */
static int find_length(struct move *m, const struct blk_options *options, char *error)
{
	uint64_t disk = session_bytes(m->s);
	struct stat about;

	if (m->offset > disk)
		return tool_text(error,
				 "--offset %" PRIu64 " is beyond the disk's %" PRIu64 " bytes",
				 m->offset, disk);
	m->length = options->length ? options->length : disk - m->offset;
	if (m->kind == KIND_WRITE && !options->length && !fstat(m->fd, &about) &&
	    S_ISREG(about.st_mode))
		m->length = (uint64_t)about.st_size;
	if (m->length % VR_BLK_SECTOR)
		return tool_text(error, "%" PRIu64 " bytes are no whole number of sectors of 512",
				 m->length);
	if (m->length > disk - m->offset)
		return tool_text(error,
				 "%" PRIu64 " bytes from %" PRIu64
				 " on end beyond the disk's %" PRIu64,
				 m->length, m->offset, disk);
	return 0;
}

/* What was written is on the disk before it is said to be. */
int blk_flush(struct session *s, char *error)
{
	const struct vr_blk_command command = { .type = VR_BLK_T_FLUSH };
	struct vr_blk_result result;

	if (!(s->features & VR_BLK_F_FLUSH))
		return 0;
	if (session_command(s, &command, &result, error))
		return -1;
	return result.status == VR_BLK_S_OK ? 0 : tool_text(error, "the flush failed");
}

/* The disk has all of it, or the file is as long as what was read. */
static int complete(struct move *m, char *error)
{
	if (m->kind == KIND_WRITE)
		return blk_flush(m->s, error);
	if (m->kind == KIND_READ && m->sparse && ftruncate(m->fd, (off_t)m->length))
		return tool_text(error, "%s: %s", m->name, strerror(errno));
	return 0;
}

/* Standard output may be a pipe, or have something in it already; a file of ours is empty. */
static bool can_skip(const struct move *m)
{
	struct stat about;

	return m->kind == KIND_WRITE || (m->kind == KIND_READ && m->fd > 1 &&
					 !fstat(m->fd, &about) && S_ISREG(about.st_mode));
}

int blk_move(struct session *s, const struct blk_options *options, const char *verb,
	     struct blk_outcome *outcome, char *error)
{
	struct move m = { .s = s, .name = options->file, .offset = options->offset, .fd = -1 };
	int result;

	m.kind = !strcmp(verb, "read")	? KIND_READ :
		 !strcmp(verb, "write") ? KIND_WRITE :
					  KIND_VERIFY;
	if (m.kind == KIND_WRITE && s->features & VR_BLK_F_RO)
		return tool_text(error, "the disk is read-only");
	m.file_data = malloc(s->options.block);
	if (!m.file_data)
		return tool_text(error, "out of memory");
	result = open_file(&m, error);
	if (!result)
		result = find_length(&m, options, error);
	m.sparse = options->sparse && can_skip(&m);
	progress_begin(&m.progress);
	if (!result)
		result = run(&m, error);
	progress_end(&m.progress);
	if (!result)
		result = complete(&m, error);
	/* A full file system may say so only now. */
	if (m.fd > 1 && close(m.fd) && !result)
		result = tool_text(error, "%s: %s", m.name, strerror(errno));
	free(m.file_data);
	outcome->bytes = m.finished;
	outcome->zeroes = m.zeroes;
	outcome->requests = m.first;
	return result;
}
