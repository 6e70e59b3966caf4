/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's testpmd with one virtual device, in the state "ready for commands". */
#ifndef VR_TEST_INTEROP_TESTPMD_H
#define VR_TEST_INTEROP_TESTPMD_H

#include "peer.h"

/*
 * Starts it with `--vdev @vdev` and waits for its prompt. @wait: false when it comes up only later,
 * as with a virtio-user that waits for its back end; call testpmd_ready() then.
 */
void testpmd_start(struct program *program, const char *vdev, bool wait);

/* Waits for the prompt; ends the test when it does not come. */
void testpmd_ready(struct program *program);

/* Types a command and waits for the next prompt. */
void testpmd_do(struct program *program, const char *command);

/*
 * A number behind @name in `show port stats 0`, for instance "RX-packets:".
 */
unsigned long testpmd_counter(struct program *program, const char *name);

/* Quits. */
void testpmd_stop(struct program *program);

#endif
