/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hostile peer of a fuzzed half: it changes what is about to be loaded as the back of the input
 * says, while a call of the half under test is on.
 */
#ifndef TEST_FUZZ_RING_PEER_H
#define TEST_FUZZ_RING_PEER_H

#include "fuzz.h"

/* Most loads that one call may make: far more than any honest one, far less than for ever. */
#define RING_LOADS_MAX 20000u

/* From here on loads are the half's under test; NULL: they are honest. */
void ring_peer_on(struct fuzz *fuzz);
void ring_peer_off(void);

/* Did the peer change anything during the last call? */
bool ring_peer_changed(void);

/* A call of the half under test. */
#define RING_CALL(fuzz, result, call) \
	do { \
		ring_peer_on(fuzz); \
		(result) = (call); \
		ring_peer_off(); \
	} while (0)

#endif
