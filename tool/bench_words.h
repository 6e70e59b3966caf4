/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of the options of virtring bench: judged, or refused in one line. */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include <stddef.h>

/** BENCH_LIST_MAX - most values of an option that takes a list */
#define BENCH_LIST_MAX 16u

/**
 * struct bench_list - the values of an option that takes several
 * @value: the values, in the order given
 * @count: number of them
 */
struct bench_list {
	unsigned int value[BENCH_LIST_MAX];
	unsigned int count;
};

/**
 * bench_words_for() - whose options are read from now on; unless it is called, virtring bench's
 * @program: what messages begin with; must stay
 * @command: what has a --help; must stay
 */
void bench_words_for(const char *program, const char *command);

/**
 * bench_refuse() - one line, and the end of the program with status 2
 * @format: as printf(), without the program's name and without a full stop
 */
__attribute__((format(printf, 1, 2), noreturn)) void bench_refuse(const char *format, ...);

/**
 * bench_judge_queue() - a size that both layouts take and a burst that it holds, or the end
 * @size: descriptors
 * @burst: buffers
 */
void bench_judge_queue(unsigned int size, unsigned int burst);

/**
 * bench_number() - a number, or the end
 * @option: its name without dashes
 * @text: what was given
 * @least: smallest that is taken
 * @most: largest
 */
double bench_number(const char *option, const char *text, double least, double most);

/** bench_whole() - a whole number, as bench_number() */
unsigned int bench_whole(const char *option, const char *text, unsigned int least,
			 unsigned int most);

/**
 * bench_wholes() - whole numbers with commas between them, as bench_whole()
 * @option: its name
 * @text: such as "1,8,32"
 * @least: smallest that is taken
 * @most: largest
 * @list: filled; none is in it twice
 */
void bench_wholes(const char *option, const char *text, unsigned int least, unsigned int most,
		  struct bench_list *list);

/**
 * bench_names() - some of several names, with commas between them, or "all"
 * @option: its name
 * @text: such as "split,packed"
 * @names: what there is, at most BENCH_LIST_MAX
 * @count: number of names
 * @list: filled with places in @names
 */
void bench_names(const char *option, const char *text, const char *const *names, size_t count,
		 struct bench_list *list);

/**
 * bench_cpus() - the CPUs of driver and device, and perhaps the controller's
 * @text: such as "0,1"
 * @list: filled with two or three numbers, the third left as it is when not given
 */
void bench_cpus(const char *text, int *list);

#endif
