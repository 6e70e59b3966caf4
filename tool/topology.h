/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine: which CPUs there are, and what it is called. */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include <stdbool.h>
#include <sys/types.h>

#include "tool.h"

/* Sides of a bench; they are also indices. */
enum side {
	SIDE_DRIVER = 0,
	SIDE_DEVICE = 1,
	SIDES = 2
};

/**
 * struct topology - the machine that is measured, and where
 * @model: name of the processor
 * @kernel: name and release of the kernel
 * @online: CPUs of the machine
 * @allowed: CPUs that this process may use
 * @cpu: the CPU of each side
 * @controller: the CPU of the controlling process, or -1: it sleeps on either
 * @core: core number of each side's CPU, -1 when not known
 * @package: socket number of each side's CPU, -1 when not known
 * @siblings: both are threads of one core
 * @shared_cache: level of the nearest cache that both share, 0 when not known
 * @huge_free: huge pages of the default size that are free
 * @huge_bytes: their size
 */
struct topology {
	char model[128];
	char kernel[128];
	int online;
	int allowed;
	int cpu[SIDES];
	int controller;
	int core[SIDES];
	int package[SIDES];
	bool siblings;
	int shared_cache;
	unsigned long huge_free;
	unsigned long huge_bytes;
};

/**
 * topology_find() - look at the machine and choose CPUs
 * @topology: filled
 * @wanted: the driver's CPU, the device's, the controller's; -1: choose
 * @error: TOOL_TEXT bytes
 *
 * Chosen are two CPUs that are not threads of one core, if there are such, and a third one for
 * the controller, if there is one.
 *
 * Return: 0, or -1 with @error set: not two CPUs, or one that this process may not use.
 */
int topology_find(struct topology *topology, const int wanted[3], char *error);

/**
 * topology_pin() - stay on one CPU from now on
 * @cpu: number of the CPU
 *
 * Return: 0 or -1 with errno set.
 */
int topology_pin(int cpu);

/**
 * topology_realtime() - run a thread under SCHED_RR
 * @thread: its number, 0: the calling one
 * @priority: 1..99
 *
 * Return: 0 or -1 with errno set; EPERM without CAP_SYS_NICE.
 */
int topology_realtime(pid_t thread, int priority);

#endif
