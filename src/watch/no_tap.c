// SPDX-License-Identifier: BSD-3-Clause
/* A build without -Dwatch: nothing is reported, and there is no list of those who would be told. */
#include <errno.h>

#include "watch/state.h"

bool vr_watch_possible(void)
{
	return false;
}

int watch_list_add(struct vr_watch *watch)
{
	(void)watch;
	return -ENOTSUP;
}

void watch_list_remove(struct vr_watch *watch)
{
	(void)watch;
}
