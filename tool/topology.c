// SPDX-License-Identifier: BSD-3-Clause
/* The machine: which CPUs there are, and what it is called. */
#include "topology.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The number in a file of one number, or @otherwise. */
static long number_in(const char *path, long otherwise)
{
	FILE *file = fopen(path, "re");
	char text[32] = "";
	char *end;
	long number;

	if (!file)
		return otherwise;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	number = strtol(text, &end, 10);
	return end == text ? otherwise : number;
}

static int cpu_number(int cpu, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, what);
	return (int)number_in(path, -1);
}

/* Is @cpu in the list ("0-3,8") that @path holds? */
static bool listed(const char *path, int cpu)
{
	char list[256] = "";
	char *at = list;
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	if (!fgets(list, sizeof(list), file))
		list[0] = '\0';
	fclose(file);
	while (*at >= '0' && *at <= '9') {
		long from = strtol(at, &at, 10);
		long to = *at == '-' ? strtol(at + 1, &at, 10) : from;

		if (cpu >= from && cpu <= to)
			return true;
		if (*at != ',')
			break;
		at++;
	}
	return false;
}

/* The level of the first cache of @a that @b shares. */
static int shared_cache(int a, int b)
{
	int nearest = 0;

	for (int i = 0; i < 8; i++) {
		char path[128];
		long level;

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cache/index%d/level", a,
			 i);
		level = number_in(path, 0);
		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%d/cache/index%d/shared_cpu_list", a, i);
		if (level > 0 && listed(path, b) && (nearest == 0 || level < nearest))
			nearest = (int)level;
	}
	return nearest;
}

static bool are_siblings(int a, int b)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
		 a);
	return a != b && listed(path, b);
}

/* Finds the processor's name; architectures call the line differently. */
static void find_model(char *model, size_t bytes)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(model, bytes, "unknown processor");
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (!value || (strncmp(line, "model name", 10) != 0 &&
			       strncmp(line, "uarch", 5) != 0 && strncmp(line, "CPU part", 8) != 0))
			continue;
		value += strspn(value, ": \t");
		value[strcspn(value, "\n")] = '\0';
		snprintf(model, bytes, "%s", value);
		break;
	}
	if (file)
		fclose(file);
}

static void find_huge_pages(struct topology *topology)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "HugePages_Free:", 15) == 0)
			topology->huge_free = strtoul(line + 15, NULL, 10);
		if (strncmp(line, "Hugepagesize:", 13) == 0)
			topology->huge_bytes = strtoul(line + 13, NULL, 10) * 1024;
	}
	if (file)
		fclose(file);
}

static bool usable(const cpu_set_t *set, int cpu)
{
	return cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET((size_t)cpu, set);
}

/* Chooses what was not asked for. */
static void choose(struct topology *topology, const int wanted[3], const cpu_set_t *set)
{
	int driver = wanted[0];
	int device = wanted[1];

	for (int cpu = 0; cpu < CPU_SETSIZE && driver < 0; cpu++)
		if (usable(set, cpu) && cpu != device)
			driver = cpu;
	/* Rather another core; a second thread of the same one if there is nothing else. */
	for (int pass = 0; pass < 2 && device < 0; pass++)
		for (int cpu = 0; cpu < CPU_SETSIZE && device < 0; cpu++)
			if (usable(set, cpu) && cpu != driver &&
			    (pass > 0 || !are_siblings(driver, cpu)))
				device = cpu;
	topology->cpu[SIDE_DRIVER] = driver;
	topology->cpu[SIDE_DEVICE] = device;
	topology->controller = wanted[2];
	for (int cpu = 0; cpu < CPU_SETSIZE && topology->controller < 0; cpu++)
		if (usable(set, cpu) && cpu != driver && cpu != device &&
		    !are_siblings(driver, cpu) && !are_siblings(device, cpu))
			topology->controller = cpu;
}

int topology_find(struct topology *topology, const int wanted[3], char *error)
{
	struct utsname name;
	cpu_set_t set;

	memset(topology, 0, sizeof(*topology));
	if (sched_getaffinity(0, sizeof(set), &set))
		return tool_text(error, "cannot find out which CPUs may be used");
	topology->online = (int)sysconf(_SC_NPROCESSORS_ONLN);
	topology->allowed = CPU_COUNT(&set);
	if (topology->allowed < 2)
		return tool_text(error,
				 "two CPUs are needed, and this process may use only one of %d",
				 topology->online);
	for (int i = 0; i < 3; i++)
		if (wanted[i] >= 0 && !usable(&set, wanted[i]))
			return tool_text(error, "--cpus: this process may not use CPU %d",
					 wanted[i]);
	choose(topology, wanted, &set);
	for (int i = 0; i < SIDES; i++) {
		topology->core[i] = cpu_number(topology->cpu[i], "core_id");
		topology->package[i] = cpu_number(topology->cpu[i], "physical_package_id");
	}
	topology->siblings = are_siblings(topology->cpu[0], topology->cpu[1]);
	topology->shared_cache = shared_cache(topology->cpu[0], topology->cpu[1]);
	find_model(topology->model, sizeof(topology->model));
	find_huge_pages(topology);
	if (uname(&name) == 0)
		snprintf(topology->kernel, sizeof(topology->kernel), "%.40s %.80s", name.sysname,
			 name.release);
	return 0;
}

int topology_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

int topology_realtime(pid_t thread, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return sched_setscheduler(thread, SCHED_RR, &param);
}
