/* SPDX-License-Identifier: BSD-3-Clause */
/* The checks of a back end: we play the front end and the driver. */
#ifndef CHECK_BACK_END_H
#define CHECK_BACK_END_H

#include "check.h"

extern const struct check_list *const back_end_lists[];
extern const uint32_t back_end_list_count;

/** back_end_probe() - struct check_plan's @probe for a back end that listens */
void back_end_probe(struct check_run *run);

/* A list for each subject. */
extern const struct check_list back_end_message_checks;
extern const struct check_list back_end_ring_checks;
extern const struct check_list back_end_order_checks;
extern const struct check_list back_end_event_checks;
extern const struct check_list back_end_state_checks;
extern const struct check_list back_end_memory_checks;
extern const struct check_list back_end_hostile_checks;
extern const struct check_list back_end_malformed_checks;
extern const struct check_list back_end_device_checks;

#endif
