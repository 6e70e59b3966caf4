/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for peers that answer: made by hand, written to and read from pcap files by hand. */
#ifndef VR_TEST_INTEROP_FRAMES_H
#define VR_TEST_INTEROP_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FRAME_MAX 2048u

struct frame {
	uint32_t bytes;
	uint8_t data[FRAME_MAX];
};

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 0x15 };

static inline void put16(uint8_t *to, unsigned int value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static inline unsigned int get16(const uint8_t *from)
{
	return (unsigned int)(from[0] << 8 | from[1]);
}

/* The Internet's checksum; right when it gives 0 over what includes it. */
static inline unsigned int checksum(const uint8_t *data, size_t bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static inline void make_arp(struct frame *f, const uint8_t *from, const uint8_t *to)
{
	static const uint8_t fixed[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };

	memset(f, 0, sizeof(*f));
	f->bytes = 60;
	memset(f->data, 255, 6);
	memcpy(f->data + 6, our_mac, 6);
	memcpy(f->data + 12, fixed, sizeof(fixed));
	memcpy(f->data + 22, our_mac, 6);
	memcpy(f->data + 28, from, 4);
	memcpy(f->data + 38, to, 4);
}

/* Is it the answer that @of has this address? Its sender's address goes to @mac. */
static inline bool is_arp_reply(const struct frame *f, const uint8_t *of, uint8_t *mac)
{
	if (f->bytes < 42 || get16(f->data + 12) != 0x0806 || get16(f->data + 20) != 2 ||
	    memcmp(f->data + 28, of, 4) != 0 || memcmp(f->data, our_mac, 6) != 0)
		return false;
	memcpy(mac, f->data + 22, 6);
	return true;
}

/* Ethernet and IPv4 in front of @bytes of payload that are there already, at 34. */
static inline void make_ip(struct frame *f, const uint8_t *mac, const uint8_t *from,
			   const uint8_t *to, uint8_t protocol, uint32_t bytes)
{
	uint8_t *ip = f->data + 14;

	memcpy(f->data, mac, 6);
	memcpy(f->data + 6, our_mac, 6);
	put16(f->data + 12, 0x0800);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, 20 + bytes);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, from, 4);
	memcpy(ip + 16, to, 4);
	put16(ip + 10, checksum(ip, 20));
	f->bytes = 34 + bytes;
}

static inline void make_ping(struct frame *f, const uint8_t *mac, const uint8_t *from,
			     const uint8_t *to, unsigned int sequence, uint32_t bytes)
{
	uint8_t *icmp = f->data + 34;

	memset(f, 0, sizeof(*f));
	icmp[0] = 8;
	put16(icmp + 4, 0x7672);
	put16(icmp + 6, sequence);
	for (uint32_t i = 8; i < bytes; i++)
		icmp[i] = (uint8_t)(i * 7 + sequence);
	put16(icmp + 2, checksum(icmp, bytes));
	make_ip(f, mac, from, to, 1, bytes);
}

/* Is it the right answer to the ping @of, to the last byte? */
static inline bool is_pong(const struct frame *f, const struct frame *of)
{
	const uint8_t *icmp = f->data + 34;

	if (f->bytes != of->bytes || get16(f->data + 12) != 0x0800 || icmp[0] != 0)
		return false;
	return !memcmp(f->data + 26, of->data + 30, 4) && !memcmp(f->data + 30, of->data + 26, 4) &&
	       checksum(f->data + 14, 20) == 0 && checksum(icmp, f->bytes - 34) == 0 &&
	       !memcmp(icmp + 4, of->data + 38, f->bytes - 38);
}

/* The pcap format in this machine's byte order, as it has been since 1998. */
static inline void frames_write(const char *path, const struct frame *frames, unsigned int count)
{
	const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(head, sizeof(head), 1, file), 1);
	for (unsigned int i = 0; i < count; i++) {
		const uint32_t about[4] = { 0, 0, frames[i].bytes, frames[i].bytes };

		assert_int_equal(fwrite(about, sizeof(about), 1, file), 1);
		assert_int_equal(fwrite(frames[i].data, frames[i].bytes, 1, file), 1);
	}
	assert_int_equal(fclose(file), 0);
}

/* The number of frames in a file, of which the first @most are read. */
static inline unsigned int frames_read(const char *path, struct frame *frames, unsigned int most)
{
	FILE *file = fopen(path, "re");
	unsigned int count = 0;
	uint32_t head[6];
	uint32_t about[4];

	assert_non_null(file);
	assert_int_equal(fread(head, sizeof(head), 1, file), 1);
	assert_int_equal(head[0], 0xa1b2c3d4);
	while (fread(about, sizeof(about), 1, file) == 1) {
		static struct frame other;
		struct frame *f = count < most ? &frames[count] : &other;

		assert_true(about[2] <= FRAME_MAX && about[2] == about[3]);
		f->bytes = about[2];
		assert_int_equal(fread(f->data, f->bytes, 1, file), 1);
		count++;
	}
	fclose(file);
	return count;
}

/*
 * Reads a file that is being written until @enough of it is there, for at most a minute. The last frame
 * may be there in part only. The number of whole frames.
 */
static inline unsigned int frames_wait(const char *path, struct frame *frames, unsigned int most,
				       bool (*enough)(const struct frame *frames,
						      unsigned int count))
{
	unsigned int count = 0;

	for (int i = 0; i < 6000 && !enough(frames, count); i++) {
		FILE *file = fopen(path, "re");
		uint32_t about[4];

		usleep(10000);
		count = 0;
		if (!file)
			continue;
		if (fseek(file, 24, SEEK_SET))
			count = most;
		while (count < most && fread(about, sizeof(about), 1, file) == 1) {
			assert_true(about[2] <= FRAME_MAX && about[2] == about[3]);
			frames[count].bytes = about[2];
			if (fread(frames[count].data, about[2], 1, file) != 1)
				break;
			count++;
		}
		fclose(file);
	}
	assert_true(enough(frames, count));
	return count;
}

#endif
