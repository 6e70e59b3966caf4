// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/* Errors and faults in words. */
#include "port.h"

#include <virtring/ring.h>

const char *vr_strerror(int error)
{
	if (error >= 0)
		return "success";
	switch ((enum vr_error)error) {
	case VR_E_INVAL:
		return "invalid argument";
	case VR_E_TOO_LONG:
		return "buffer has more segments than the queue can take";
	case VR_E_BROKEN:
		return "queue is broken";
	case VR_E_BUSY:
		return "buffers are in flight";
	case VR_E_STALE:
		return "handle is stale";
	case VR_E_SEGMENTS:
		return "segment array is too small for the next buffer";
	case VR_E_MISS:
		return "address has no translation yet";
	case VR_E_STATE:
		return "call does not fit the state of the queue";
	}
	return "unknown error";
}

/* In the order of enum vr_fault_reason. V is what the fault's value is, L its limit. */
static const char *const fault_texts[VR_FAULT_COUNT] = {
	"no fault",
	"broken by its owner",
	"used index jumps by V although L buffers are outstanding",
	"used id V is not below the queue size L",
	"used id V names no buffer that is outstanding and published",
	"used id V lies beyond the L buffers that the used index covers",
	"used length V exceeds the writable capacity L",
	"available index is V ahead of the used index, more than the queue size L",
	"head V is not below the queue size L",
	"head V was made available while it is in flight",
	"in order, but head V stands where L must follow",
	"next field V is not below the table size L",
	"in order, but next field V stands where L must follow",
	"chain has V descriptors or more, where L are allowed",
	"chain has V bytes, more than L",
	"readable element of V bytes follows a writable one",
	"INDIRECT in flags V without the feature",
	"INDIRECT and NEXT together in flags V, or INDIRECT at the end of a packed list",
	"INDIRECT in flags V inside an indirect table",
	"indirect table of V bytes is no whole number of entries",
	"indirect table entry at V straddles two regions of memory",
	"address V is not mapped (L bytes)",
	"address V is mapped without the needed access (L bytes)",
};

const char *vr_fault_text(enum vr_fault_reason reason)
{
	uint32_t index = (uint32_t)reason;

	return index < VR_FAULT_COUNT ? fault_texts[index] : "unknown fault";
}
