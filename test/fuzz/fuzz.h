/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all fuzz targets share: taking an input apart, and saying what is wrong.
 *
 * An input is read from both ends. Its front is the program: what is called, and with what. Its
 * back is the peer: what is found in shared memory, or sent. Neither moves the other when it grows,
 * so a fuzzer can change one and keep the other. What is missing reads as zero.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz {
	const uint8_t *front;
	const uint8_t *back; /* one beyond the next byte of the peer's part */
};

/* A target: runs one input. Returns 0 always; what is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct fuzz fuzz_begin(const uint8_t *data, size_t size)
{
	return (struct fuzz){ data, data + size };
}

static inline size_t fuzz_left(const struct fuzz *fuzz)
{
	return (size_t)(fuzz->back - fuzz->front);
}

/* Bytes of the program. */
static inline uint8_t fuzz_u8(struct fuzz *fuzz)
{
	return fuzz_left(fuzz) ? *fuzz->front++ : 0;
}

static inline uint16_t fuzz_u16(struct fuzz *fuzz)
{
	uint16_t low = fuzz_u8(fuzz);

	return (uint16_t)(low | fuzz_u8(fuzz) << 8);
}

static inline uint32_t fuzz_u32(struct fuzz *fuzz)
{
	uint32_t low = fuzz_u16(fuzz);

	return low | (uint32_t)fuzz_u16(fuzz) << 16;
}

static inline uint64_t fuzz_u64(struct fuzz *fuzz)
{
	uint64_t low = fuzz_u32(fuzz);

	return low | (uint64_t)fuzz_u32(fuzz) << 32;
}

/* A number below @bound, which is 1..256. */
static inline unsigned int fuzz_below(struct fuzz *fuzz, unsigned int bound)
{
	return fuzz_u8(fuzz) % bound;
}

static inline bool fuzz_flag(struct fuzz *fuzz)
{
	return fuzz_u8(fuzz) & 1;
}

/* Up to @size bytes of the program, the rest zero. Returns how many there were. */
size_t fuzz_bytes(struct fuzz *fuzz, void *to, size_t size);

/* Bytes of the peer. */
static inline uint8_t fuzz_peer_u8(struct fuzz *fuzz)
{
	return fuzz_left(fuzz) ? *--fuzz->back : 0;
}

uint64_t fuzz_peer_word(struct fuzz *fuzz, size_t bytes);

/* How many descriptors are open, of those below 64: more than any input keeps at a time. */
unsigned int fuzz_open_descriptors(void);

/* Memory that ends where it is said to end, so that a sanitizer sees one byte too far. */
void *fuzz_memory(size_t bytes);

/* Says what is wrong, and ends the process in a way that every fuzzer takes for a finding. */
_Noreturn void fuzz_wrong(const char *file, int line, const char *what);

#define FUZZ_CHECK(condition) \
	do { \
		if (!(condition)) \
			fuzz_wrong(__FILE__, __LINE__, #condition); \
	} while (0)

#endif
