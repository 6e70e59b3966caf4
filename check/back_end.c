// SPDX-License-Identifier: BSD-3-Clause
/* See back_end.h. */
#include "back_end.h"
#include "link.h"

const struct check_list *const back_end_lists[] = {
	&back_end_message_checks, &back_end_ring_checks,      &back_end_order_checks,
	&back_end_event_checks,	  &back_end_state_checks,     &back_end_memory_checks,
	&back_end_hostile_checks, &back_end_malformed_checks, &back_end_device_checks,
};
const uint32_t back_end_list_count = sizeof(back_end_lists) / sizeof(back_end_lists[0]);

void back_end_probe(struct check_run *run)
{
	struct link link;

	link_open(&link, run);
	run->outcome->pid = link_peer(&link);
	run->outcome->features = link_offer(&link, &run->outcome->protocol);
	link_negotiate_protocol(&link, run->outcome->protocol, PF_MQ);
	if (run->outcome->protocol & PF_MQ)
		run->outcome->queues = (uint32_t)link_ask_u64(&link, VU_GET_QUEUE_NUM);
}
