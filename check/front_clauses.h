/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device can see of a front end and its driver: one line for each clause that is judged while
 * the device is played. X(name, clause, level, device types, ring forms, what is expected).
 */
#ifndef CHECK_FRONT_CLAUSES_H
#define CHECK_FRONT_CLAUSES_H

#include "check.h"

/* Device types, ring forms. */
#define ON_BLK 1u
#define ON_NET 2u
#define ON_BOTH 3u

#define IN_SPLIT CHECK_SPLIT
#define IN_PACKED CHECK_PACKED
#define IN_SPLIT_ORDER CHECK_SPLIT_IN_ORDER
#define IN_PACKED_ORDER CHECK_PACKED_IN_ORDER
#define IN_ANY CHECK_FORMS
#define AS_SPLIT (IN_SPLIT | IN_SPLIT_ORDER)
#define AS_PACKED (IN_PACKED | IN_PACKED_ORDER)

#define FRONT_TRANSPORT(X) \
	X(HDR_1, "VU-HDR-001", MUST, ON_BOTH, IN_ANY, "a header of 12 bytes, then the payload") \
	X(HDR_2, "VU-HDR-002", MUST, ON_BOTH, IN_ANY, \
	  "version 1 in every header, other bits zero") \
	X(HDR_3, "VU-HDR-003", MUST, ON_BOTH, IN_ANY, "no reply bit in a request") \
	X(HDR_4, "VU-HDR-004", MUST, ON_BOTH, IN_ANY, "need_reply only after REPLY_ACK") \
	X(HDR_5, "VU-HDR-005", MUST, ON_BOTH, IN_ANY, "the size that the request has") \
	X(HDR_7, "VU-HDR-007", MUST, ON_BOTH, IN_ANY, \
	  "descriptors come with a message's first byte") \
	X(HDR_8, "VU-HDR-008", MUST, ON_BOTH, IN_ANY, "as many descriptors as the request has") \
	X(PAY_2, "VU-PAY-002", MUST, ON_BOTH, IN_ANY, \
	  "8 bytes of vring state, of a ring below 256") \
	X(PAY_3, "VU-PAY-003", MUST, ON_BOTH, IN_ANY, "40 bytes of ring addresses, flags 0 or 1") \
	X(PAY_5, "VU-PAY-005", MUST, ON_BOTH, IN_ANY, \
	  "regions with a size, that do not wrap round") \
	X(PAY_6, "VU-PAY-006", MUST, ON_BOTH, IN_ANY, \
	  "a table of 1 to 8 regions, as long as its count says") \
	X(PAY_9, "VU-PAY-009", MUST, ON_BOTH, IN_ANY, "offset, size, flags, then that many bytes") \
	X(PAY_11, "VU-PAY-011", MUST, ON_BOTH, IN_ANY, "24 bytes that describe inflight memory") \
	X(MSG_2, "VU-MSG-02", MUST, ON_BOTH, IN_ANY, "a subset of the features offered") \
	X(MSG_5, "VU-MSG-05", MUST, ON_BOTH, IN_ANY, "one descriptor for each region") \
	X(MSG_8, "VU-MSG-08", MUST, ON_BOTH, IN_ANY, \
	  "a size that the layout can have, while stopped") \
	X(MSG_9, "VU-MSG-09", MUST, ON_BOTH, IN_ANY, "aligned areas inside the memory") \
	X(MSG_10, "VU-MSG-10", MUST, ON_BOTH, IN_ANY, "a base only while the ring is stopped") \
	X(MSG_16, "VU-MSG-16", MUST, ON_BOTH, IN_ANY, "a subset of the protocol features offered") \
	X(MSG_18, "VU-MSG-18", MUST, ON_BOTH, IN_ANY, "0 or 1, and only with bit 30 acknowledged") \
	X(MSG_37, "VU-MSG-37", MUST, ON_BOTH, IN_ANY, "one region with one descriptor") \
	X(MSG_38, "VU-MSG-38", MUST, ON_BOTH, IN_ANY, "a region that was added") \
	X(MSG_39, "VU-MSG-39", MUST, ON_BOTH, IN_ANY, "a device status of 8 bits") \
	X(MSG_99, "VU-MSG-99", MUST, ON_BOTH, IN_ANY, "request numbers that are defined") \
	X(PF_90, "VU-PF-90", MUST, ON_BOTH, IN_ANY, "requests whose protocol feature was set") \
	X(PF_91, "VU-PF-91", MUST, ON_BOTH, IN_ANY, "an unknown protocol feature is left alone") \
	X(PF_14, "VU-PF-14", MUST, ON_BOTH, IN_ANY, \
	  "in-band notifications only with BACKEND_REQ, REPLY_ACK") \
	X(RING_6, "VU-RING-006", SHOULD, ON_BOTH, IN_ANY, "one kick after SET_VRING_KICK") \
	X(RING_12, "VU-RING-012", MUST, ON_BOTH, IN_ANY, \
	  "size and addresses before a ring starts") \
	X(RING_14, "VU-RING-014", MUST, ON_BOTH, IN_ANY, \
	  "features, memory, then rings that start") \
	X(RING_15, "VU-RING-015", MUST, ON_BOTH, IN_ANY, \
	  "GET_VRING_BASE of rings that were started") \
	X(RING_16, "VU-RING-016", MUST, ON_BOTH, IN_ANY, \
	  "no queue above the number that is offered") \
	X(BASE_1, "VU-BASE-001", MUST, ON_BOTH, AS_SPLIT, "a base of 16 bits, high half zero") \
	X(BASE_3, "VU-BASE-003", MUST, ON_BOTH, AS_PACKED, \
	  "0x80008000 or 0x00008000 on a fresh ring") \
	X(BASE_4, "VU-BASE-004", MUST, ON_BOTH, AS_PACKED, "positions below the ring's size") \
	X(FD_1, "VU-FD-001", MUST, ON_BOTH, IN_ANY, "a kick is 8 bytes that can be read") \
	X(FD_2, "VU-FD-002", MUST, ON_BOTH, IN_ANY, "bit 8, or one descriptor, but not both") \
	X(MEM_1, "VU-MEM-001", MUST, ON_BOTH, IN_ANY, \
	  "regions that do not overlap, guest or user side") \
	X(MEM_2, "VU-MEM-002", MUST, ON_BOTH, IN_ANY, \
	  "a file that covers the region at its offset") \
	X(MEM_3, "VU-MEM-003", MUST, ON_BOTH, IN_ANY, \
	  "buffers at guest addresses inside the regions") \
	X(LOG_2, "VU-LOG-002", MUST, ON_BOTH, IN_ANY, "a log that covers all regions") \
	X(INF_6, "VU-MSG-32", MUST, ON_BOTH, IN_ANY, \
	  "inflight memory with the sizes that were answered") \
	X(ACK_6, "VU-ACK-006", MUST, ON_BOTH, IN_ANY, \
	  "one answer to each request on the back end's channel") \
	X(ACK_5, "VU-REC-003", MUST, ON_BOTH, AS_SPLIT, \
	  "a ring that goes on starts at its used index") \
	X(DRV_1, "G-DRV-001", MUST, ON_BOTH, IN_ANY, \
	  "ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK in order") \
	X(DRV_2, "G-DRV-002", MUST, ON_BOTH, IN_ANY, \
	  "status bits are added, never cleared but by 0") \
	X(DRV_5, "G-DRV-005", MUST, ON_BOTH, IN_ANY, "only features that were offered") \
	X(DRV_6, "G-DRV-006", MUST, ON_BOTH, IN_ANY, "no feature without what it depends on") \
	X(DRV_7, "G-DRV-007", MUST, ON_BOTH, IN_ANY, \
	  "an undefined bit that is offered is not accepted") \
	X(DRV_9, "G-DRV-009", MUST, ON_BOTH, IN_ANY, \
	  "it goes on although an unknown bit is offered") \
	X(DRV_13, "G-DRV-013", MUST, ON_BOTH, IN_ANY, "no other features after FEATURES_OK") \
	X(F_DRV_1, "F-DRV-001", MUST, ON_BOTH, IN_ANY, "VERSION_1 is accepted") \
	X(F_DRV_6, "F-DRV-006", SHOULD, ON_BOTH, IN_ANY, \
	  "RING_PACKED is accepted where it is offered") \
	X(F_DRV_12, "F-DRV-012", MUST, ON_BOTH, AS_PACKED, "descriptor events only with EVENT_IDX")

#define FRONT_SPLIT(X) \
	X(S_FMT_2, "S-FMT-002", MUST, ON_BOTH, AS_SPLIT, \
	  "no more outstanding than the ring has descriptors") \
	X(S_FMT_4, "S-FMT-004", MUST, ON_BOTH, AS_SPLIT, "no undefined descriptor flag") \
	X(S_FMT_5, "S-FMT-005", MUST, ON_BOTH, AS_SPLIT, \
	  "heads below the queue size, from slot 0 on") \
	X(S_FMT_12, "S-FMT-012", MUST, ON_BOTH, AS_SPLIT, \
	  "a chain of one descriptor or more, inside the table") \
	X(S_FMT_13, "S-FMT-013", MUST, ON_BOTH, AS_SPLIT, \
	  "an indirect table of whole descriptors, links inside") \
	X(S_DRV_1, "S-DRV-001", MUST, ON_BOTH, AS_SPLIT, "areas aligned to 16, 2 and 4") \
	X(S_DRV_2, "S-DRV-002", MUST, ON_BOTH, AS_SPLIT, \
	  "writable elements after all readable ones") \
	X(S_DRV_3, "S-DRV-003", SHOULD, ON_BOTH, AS_SPLIT, "no buffer cut up without need") \
	X(S_DRV_4, "S-DRV-004", MUST, ON_BOTH, AS_SPLIT, \
	  "at most 2^32 bytes in a chain, and no loop") \
	X(S_DRV_5, "S-DRV-005", MUST, ON_BOTH, AS_SPLIT, "INDIRECT only if negotiated") \
	X(S_DRV_6, "S-DRV-006", MUST, ON_BOTH, AS_SPLIT, "no INDIRECT inside a table") \
	X(S_DRV_7, "S-DRV-007", MUST, ON_BOTH, AS_SPLIT, "no chain longer than the queue") \
	X(S_DRV_8, "S-DRV-008", MUST, ON_BOTH, AS_SPLIT, \
	  "never INDIRECT and NEXT in one descriptor") \
	X(S_DRV_9, "S-DRV-009", MUST, ON_BOTH, AS_SPLIT, \
	  "avail.idx moves forward, by the queue size at most") \
	X(S_DRV_10, "S-DRV-010", MUST, ON_BOTH, AS_SPLIT, "avail.flags 0 or 1 without EVENT_IDX") \
	X(S_DRV_12, "S-DRV-012", MUST, ON_BOTH, AS_SPLIT, "avail.flags 0 with EVENT_IDX") \
	X(S_DRV_17, "S-DRV-017", MUST, ON_BOTH, AS_SPLIT, \
	  "used.flags and used.idx 0 on a fresh ring") \
	X(S_DRV_19, "S-DRV-019", SHOULD, ON_BOTH, AS_SPLIT, "no kick while used.flags is 1") \
	X(S_DRV_20, "S-DRV-020", MUST, ON_BOTH, AS_SPLIT, "a kick while used.flags is 0") \
	X(S_DRV_22, "S-DRV-022", MUST, ON_BOTH, AS_SPLIT, "a kick when avail_event is passed") \
	X(S_DRV_23, "S-DRV-023", SHOULD, ON_BOTH, AS_SPLIT, \
	  "no kick before avail_event is passed") \
	X(S_DRV_24, "S-DRV-024", MUST, ON_BOTH, AS_SPLIT, \
	  "slot and descriptors stand before the index does") \
	X(IO_DRV_1, "IO-DRV-001 IO-DRV-012", MUST, ON_BOTH, IN_SPLIT_ORDER, \
	  "chains in ring order, from entry 0 on") \
	X(IO_DRV_2, "IO-DRV-002", MUST, ON_BOTH, IN_SPLIT_ORDER, "next is x + 1, or 0 at the end") \
	X(IO_DRV_3, "IO-DRV-003", MUST, ON_BOTH, IN_SPLIT_ORDER, \
	  "entry i of a table links to i + 1") \
	X(IO_DRV_10, "IO-DRV-010", MUST, ON_BOTH, IN_SPLIT_ORDER, \
	  "every available slot holds its head")

#define FRONT_PACKED(X) \
	X(P_FMT_3, "P-FMT-003", MUST, ON_BOTH, AS_PACKED, \
	  "wrap counter 1 on the first lap, flipped at the end") \
	X(P_FMT_7, "P-FMT-007", MUST, ON_BOTH, AS_PACKED, \
	  "a ring that starts zeroed, no undefined flag") \
	X(P_FMT_8, "P-FMT-008", MUST, ON_BOTH, AS_PACKED, \
	  "NEXT on all but a list's last descriptor") \
	X(P_FMT_9, "P-FMT-009 P-FMT-005", MUST, ON_BOTH, AS_PACKED, \
	  "right AVAIL and USED bits on each of a list") \
	X(P_FMT_15, "P-FMT-015", MUST, ON_BOTH, AS_PACKED, \
	  "an indirect table of whole descriptors") \
	X(P_FMT_17, "P-FMT-017", MUST, ON_BOTH, AS_PACKED, \
	  "a list is direct or indirect, not both") \
	X(P_FMT_18, "P-FMT-018", MUST, ON_BOTH, AS_PACKED, \
	  "event words without reserved bits or modes") \
	X(P_FMT_20, "P-FMT-020", MUST, ON_BOTH, AS_PACKED, \
	  "a kick when the device's event structure asks for it") \
	X(P_FMT_20N, "P-FMT-020 P-DEV-011", SHOULD, ON_BOTH, AS_PACKED, \
	  "no kick that the event structure does not ask for") \
	X(P_FMT_25, "P-FMT-025 P-DRV-010", MUST, ON_BOTH, AS_PACKED, \
	  "no more outstanding than the ring has descriptors") \
	X(P_FMT_26, "P-FMT-026", MUST, ON_BOTH, AS_PACKED, \
	  "buffer ids below the queue size, each once") \
	X(P_DRV_1, "P-DRV-001", MUST, ON_BOTH, AS_PACKED, "areas aligned to 16, 4 and 4") \
	X(P_DRV_2, "P-DRV-002", MUST, ON_BOTH, AS_PACKED, \
	  "slots that the device owns are left alone") \
	X(P_DRV_7, "P-DRV-007", MUST, ON_BOTH, AS_PACKED, "no list longer than the ring") \
	X(P_DRV_8, "P-DRV-008", MUST, ON_BOTH, AS_PACKED, \
	  "writable elements after all readable ones") \
	X(P_DRV_11, "P-DRV-011 P-DRV-016", MUST, ON_BOTH, AS_PACKED, \
	  "the head is available after the rest of its list") \
	X(P_DRV_12, "P-DRV-012", MUST, ON_BOTH, AS_PACKED, "INDIRECT only if negotiated") \
	X(P_DRV_13, "P-DRV-013", MUST, ON_BOTH, AS_PACKED, "no flag but WRITE inside a table") \
	X(P_DRV_15, "P-DRV-015", MUST, ON_BOTH, AS_PACKED, \
	  "never INDIRECT and NEXT in one descriptor")

#define FRONT_DEVICE(X) \
	X(DRV_17, "G-DRV-017", MUST, ON_BOTH, IN_ANY, "no kick before DRIVER_OK") \
	X(DRV_18, "G-DRV-018 P-DRV-003", MUST, ON_BOTH, IN_ANY, \
	  "descriptors of outstanding buffers do not change") \
	X(NET_DRV_1, "NET-DRV-001", MUST, ON_NET, IN_ANY, \
	  "a whole header and a frame in a transmit buffer") \
	X(NET_DRV_2, "NET-DRV-002", MUST, ON_NET, IN_ANY, "num_buffers 0 in transmit headers") \
	X(NET_DRV_3, "NET-DRV-003", MUST, ON_NET, IN_ANY, \
	  "flags 0 in transmit headers without CSUM") \
	X(NET_DRV_4, "NET-DRV-004", MUST, ON_NET, IN_ANY, \
	  "gso_type NONE in transmit headers without HOST_*") \
	X(NET_DRV_6, "NET-DRV-006", SHOULD, ON_NET, IN_ANY, \
	  "receive buffers of 1526 bytes without MRG_RXBUF") \
	X(NET_DRV_7, "NET-DRV-007", MUST, ON_NET, IN_ANY, "receive buffers that hold the header") \
	X(BLK_DRV_1, "BLK-DRV-001", MUST, ON_BLK, IN_ANY, \
	  "16 readable bytes first, a writable one last") \
	X(BLK_DRV_2, "BLK-DRV-002", MUST, ON_BLK, IN_ANY, "requests within the capacity") \
	X(BLK_DRV_3, "BLK-DRV-003", MUST, ON_BLK, IN_ANY, "sector 0 and no data in FLUSH") \
	X(BLK_DRV_4, "BLK-DRV-004", MUST, ON_BLK, IN_ANY, "multiples of 512 bytes in IN and OUT") \
	X(BLK_DRV_5, "BLK-DRV-005", MUST, ON_BLK, IN_ANY, \
	  "whole segments in DISCARD, WRITE_ZEROES") \
	X(BLK_DRV_6, "BLK-DRV-006", MUST, ON_BLK, IN_ANY, "20 bytes for GET_ID") \
	X(BLK_DRV_7, "BLK-DRV-007", MUST, ON_BLK, IN_ANY, \
	  "no more segments than the device takes") \
	X(BLK_DRV_8, "BLK-DRV-008", MUST, ON_BLK, IN_ANY, "unmap bit 0 in DISCARD") \
	X(BLK_DRV_11, "BLK-DRV-011", MUST, ON_BLK, IN_ANY, "size_max and seg_max are kept")

#define FRONT_CLAUSES(X) FRONT_TRANSPORT(X) FRONT_SPLIT(X) FRONT_PACKED(X) FRONT_DEVICE(X)

#endif
