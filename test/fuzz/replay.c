// SPDX-License-Identifier: BSD-3-Clause
/*
 * Runs a target's stored inputs where no fuzzer is: each line of a corpus file is an input in
 * hexadecimal; empty lines and those that begin with # are left out.
 *
 *     fuzz-TARGET FILE...       text files as in test/fuzz/corpus
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define LINE_MAX_BYTES (1u << 20)

/* Of a character that is one. */
static unsigned int digit(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Turns hexadecimal digits into bytes, in a copy that ends where it ends. Returns NULL if odd. */
static uint8_t *decode(const char *line, size_t *size)
{
	size_t digits = strspn(line, "0123456789abcdef");
	uint8_t *bytes;

	if (digits % 2 || (line[digits] && !isspace((unsigned char)line[digits])))
		return NULL;
	*size = digits / 2;
	bytes = malloc(*size ? *size : 1);
	for (size_t i = 0; bytes && i < *size; i++)
		bytes[i] = (uint8_t)(digit(line[2 * i]) << 4 | digit(line[2 * i + 1]));
	return bytes;
}

static unsigned int run_file(const char *name)
{
	static char line[LINE_MAX_BYTES];
	FILE *file = fopen(name, "re");
	unsigned int count = 0;

	if (!file) {
		perror(name);
		exit(2);
	}
	while (fgets(line, sizeof(line), file)) {
		size_t size;
		uint8_t *bytes;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		bytes = decode(line, &size);
		if (!bytes) {
			fprintf(stderr, "%s: input %u is no line of hexadecimal bytes\n", name,
				count);
			exit(2);
		}
		LLVMFuzzerTestOneInput(bytes, size);
		free(bytes);
		count++;
	}
	fclose(file);
	return count;
}

int main(int argc, char **argv)
{
	unsigned int count = 0;

	for (int i = 1; i < argc; i++)
		count += run_file(argv[i]);
	printf("%u inputs\n%d passed, 0 failed\n", count, count ? 1 : 0);
	return count ? 0 : 2;
}
