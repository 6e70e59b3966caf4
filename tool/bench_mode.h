/* SPDX-License-Identifier: BSD-3-Clause */
/* The other measurements of virtring bench: each has options, and a --help, of its own. */
#ifndef BENCH_MODE_H
#define BENCH_MODE_H

#include <argp.h>

/** floor_main() - virtring bench --floor, as bench_main(); argv[0] is that command */
int floor_main(int argc, char **argv);

/** versus_main() - virtring bench --versus, as floor_main() */
int versus_main(int argc, char **argv);

/** ring_main() - virtring bench --ring, as floor_main() */
int ring_main(int argc, char **argv);

/** latency_main() - virtring bench --latency, as floor_main() */
int latency_main(int argc, char **argv);

/** scale_main() - virtring bench --scale, as floor_main() */
int scale_main(int argc, char **argv);

/** budget_main() - virtring bench --budget, as floor_main() */
int budget_main(int argc, char **argv);

/**
 * bench_mode_find() - is another measurement asked for?
 * @argc: as in bench_main(); one less when there is, as the word that asks is taken out
 * @argv: as in bench_main(); argv[0] is then the whole command
 *
 * Return: who measures, or NULL.
 */
int (*bench_mode_find(int *argc, char **argv))(int argc, char **argv);

/** bench_modes - their options, for the --help of virtring bench */
extern const struct argp_child bench_modes[];

#endif
