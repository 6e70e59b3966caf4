/* SPDX-License-Identifier: BSD-3-Clause */
/* Included by src/transport/vhost_user/shared.h as VU_SHARED_HEADER: each store is noted. */
#ifndef TEST_TRACE_SHARED_H
#define TEST_TRACE_SHARED_H

#include "trace.h"

#define vu_shared_note(field, bytes) trace_note(TRACE_STORE, field, bytes)

#endif
