// SPDX-License-Identifier: BSD-3-Clause
/*
 * xdp_drop INTERFACE SECONDS: drops what arrives in the driver (native XDP), and prints how many packets
 * per second that were. For a guest that has little more than a kernel, so it is linked statically and
 * the program is written out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define REG(op, dst, src, offset, value) \
	{ \
		.code = (op), .dst_reg = (dst), .src_reg = (src), .off = (offset), .imm = (value) \
	}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* One counter. */
static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

/* Counts, and drops. */
static int load(int map)
{
	const struct bpf_insn program[] = {
		REG(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		REG(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		REG(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		REG(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		REG(0, 0, 0, 0, 0), /* the upper half */
		REG(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		REG(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),
		REG(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
		REG(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
		REG(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_DROP),
		REG(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.license = (uintptr_t) "BSD",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach(int program, const char *interface)
{
	union bpf_attr attr = { .link_create = {
					.prog_fd = (uint32_t)program,
					.target_ifindex = if_nametoindex(interface),
					.attach_type = BPF_XDP,
					.flags = XDP_FLAGS_DRV_MODE,
				} };

	return bpf(BPF_LINK_CREATE, &attr);
}

static uint64_t count(int map)
{
	uint32_t key = 0;
	uint64_t value = 0;
	union bpf_attr attr = { .map_fd = (uint32_t)map,
				.key = (uintptr_t)&key,
				.value = (uintptr_t)&value };

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr) ? 0 : value;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int fail(const char *what)
{
	fprintf(stderr, "xdp_drop: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	int map, program;
	uint64_t before;
	double begin;

	if (argc != 3)
		return fail("INTERFACE SECONDS");
	map = make_map();
	program = map < 0 ? -1 : load(map);
	if (program < 0)
		return fail("program");
	/* It stays while this process does. */
	if (attach(program, argv[1]) < 0)
		return fail(argv[1]);
	/* Until it flows. */
	usleep(300000);
	before = count(map);
	begin = now();
	sleep((unsigned int)strtoul(argv[2], NULL, 10));
	printf("%.0f\n", (double)(count(map) - before) / (now() - begin));
	return 0;
}
