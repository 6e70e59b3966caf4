/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests that are a list of guests: one case for each guest and ring form. */
#ifndef VR_TEST_INTEROP_GUEST_CELL_H
#define VR_TEST_INTEROP_GUEST_CELL_H

#include <stdbool.h>
#include <stddef.h>

#include "guest.h"

/* Ring forms as bits that our side withholds: User Mode Linux takes all that is offered. */
#define SPLIT "RING_PACKED,IN_ORDER"
#define SPLIT_IN_ORDER "RING_PACKED"
#define PACKED "IN_ORDER"
#define PACKED_IN_ORDER ""
#define ALL_FORMS ""

#define QEMU7_LINUX6 \
	{ \
		"", "linux-6.1", true \
	}
#define QEMU7_LINUX6_LATER \
	{ \
		"", "linux-6.1", false \
	}
#define QEMU10_LINUX7 \
	{ \
		"qemu-10", "linux-7", false \
	}
#define QEMU11_LINUX7 \
	{ \
		"qemu-11", "linux-7", false \
	}
#define QEMU11_LINUX6 \
	{ \
		"qemu-11", "linux-6.1", false \
	}
#define UML6 \
	{ \
		NULL, "", false \
	}
#define UML612 \
	{ \
		NULL, "uml-6.12", false \
	}
#define UML7 \
	{ \
		NULL, "uml-7", true \
	}
#define UML7_LATER \
	{ \
		NULL, "uml-7", false \
	}

/**
 * struct guest_cell - one case
 * @name: of the case, and of the guest in the report
 * @kind: the guest
 * @options: of QEMU's device
 * @withheld: bits that the back end does not offer
 * @taken: bits that must have been negotiated
 * @refused: bits that must not
 * @queues: of the disk, or pairs of the network card
 */
struct guest_cell {
	const char *name;
	struct guest_kind kind;
	const char *options;
	const char *withheld;
	const char *taken[4];
	const char *refused[4];
	unsigned int queues;
};

/* Ends the case as skipped where there can be no such guest. */
void guest_cell_need(const struct guest_cell *cell);

/* What the guest's kernel negotiated, as the command prints it; a firmware may have done so before. */
const char *guest_negotiated(const struct program *server);

/* Fails the case unless that is what the cell says. */
void guest_cell_check(const struct guest_cell *cell, const struct program *server);

/**
 * guest_cells_run() - run the cases
 * @cells: all there are
 * @count: of them
 * @test: gets the cell as its state
 * @after: its teardown
 * @only: a part of the names of those that are to run, or NULL: those that ./dev test has
 *
 * Return: the number of cases that failed.
 */
int guest_cells_run(const struct guest_cell *cells, size_t count, void (*test)(void **state),
		    int (*after)(void **state), const char *only);

#endif
