// SPDX-License-Identifier: BSD-3-Clause
/* Ways to behave for a device: what is legal but rare, and answers that nobody may give. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front_inner.h"

#define ALL UINT32_MAX
#define HOLD 4

const struct front_way front_ways[] = {
	{ "kicks-off",
	  "S-DEV-023 S-DRV-019 S-DRV-023 P-DEV-011",
	  "it asks for no kicks and looks by itself",
	  ON_BOTH,
	  IN_ANY,
	  0,
	  false,
	  { .kicks = KICKS_NONE } },
	{ "kicks-ahead",
	  "S-DEV-020 S-DRV-022 P-FMT-020",
	  "it asks for a kick only after some more buffers",
	  ON_BOTH,
	  IN_ANY,
	  0,
	  true,
	  { .kicks = KICKS_AHEAD } },
	{ "calls-always",
	  "S-DRV-011 P-FMT-019",
	  "it calls whether that is wanted or not",
	  ON_BOTH,
	  IN_ANY,
	  0,
	  false,
	  { .call_always = true } },
	{ "calls-for-nothing",
	  "S-DRV-014",
	  "it calls where nothing was used",
	  ON_BOTH,
	  IN_ANY,
	  0,
	  false,
	  { .stray_calls = true, .batch = 2, .hold_ms = 1 } },
	{ "uses-late",
	  "S-DRV-027 P-DRV-019 IO-DRV-009",
	  "each buffer takes some milliseconds",
	  ON_BOTH,
	  IN_ANY,
	  0,
	  false,
	  { .late_ms = 2 } },
	{ "one-call-for-many",
	  "N-DEV-001",
	  "all that is outstanding is used before one call",
	  ON_BOTH,
	  IN_ANY,
	  0,
	  false,
	  { .batch = ALL, .hold_ms = HOLD } },
	{ "visible-together",
	  "S-DRV-026 P-DEV-003",
	  "many entries under one index; packed: written from back to front",
	  ON_BOTH,
	  IN_ANY,
	  0,
	  false,
	  { .batch = ALL, .hold_ms = HOLD, .together = true } },
	{ "newest-first",
	  "S-DEV-024",
	  "buffers are used in the opposite order",
	  ON_BOTH,
	  CHECK_SPLIT | CHECK_PACKED,
	  0,
	  false,
	  { .batch = ALL, .hold_ms = HOLD, .reverse = true } },
	{ "leftovers",
	  "P-FMT-013 P-FMT-014",
	  "used descriptors with flags left over, and an old length without WRITE",
	  ON_BOTH,
	  AS_PACKED,
	  0,
	  false,
	  { .stale_len = true } },
	{ "entry-for-each",
	  "IO-DRV-008",
	  "an entry for each buffer, although they are in order",
	  ON_BOTH,
	  CHECK_ANY_IN_ORDER,
	  0,
	  false,
	  { .batch = 8, .hold_ms = HOLD } },
	{ "runs-of-1-to-n",
	  "IO-DRV-004 IO-DRV-005 IO-DRV-006",
	  "runs of 1, 2, 3, ... buffers, up to the size of the ring, each with one entry",
	  ON_BOTH,
	  CHECK_ANY_IN_ORDER,
	  0,
	  false,
	  { .batch = PLAY_RISING, .hold_ms = HOLD, .one_entry = true } },
	{ "runs-of-all",
	  "IO-DRV-004 IO-DRV-005 IO-DRV-013",
	  "one entry for all that the ring can hold",
	  ON_BOTH,
	  CHECK_ANY_IN_ORDER,
	  0,
	  false,
	  { .batch = ALL, .hold_ms = HOLD, .one_entry = true } },
	{ "runs-of-7-unasked",
	  "IO-DRV-004 IO-DRV-005",
	  "runs of seven, without kicks",
	  ON_BOTH,
	  CHECK_ANY_IN_ORDER,
	  0,
	  false,
	  { .kicks = KICKS_NONE, .batch = 7, .hold_ms = HOLD, .one_entry = true } },
	{ "runs-kicks-ahead",
	  "IO-DRV-009 IO-DEV-010",
	  "runs of three, kicks after some more buffers",
	  ON_BOTH,
	  CHECK_ANY_IN_ORDER,
	  0,
	  true,
	  { .kicks = KICKS_AHEAD, .batch = 3, .hold_ms = HOLD, .one_entry = true } },
	{ "config-changes",
	  "VU-BEM-02 VU-BEC-003 VU-ACK-006",
	  "it says that its configuration has changed",
	  ON_BLK,
	  IN_ANY,
	  0,
	  false,
	  { .config_changed = true } },
	{ "answers-dribble",
	  "VU-HDR-006",
	  "its answers come byte by byte",
	  ON_BOTH,
	  IN_ANY,
	  F_UNKNOWN,
	  false,
	  { .dribble = true } },
	{ "without-event-idx",
	  "F-DRV-012 S-DRV-020 S-DRV-010 P-FMT-020",
	  "it does not offer EVENT_IDX",
	  ON_BOTH,
	  IN_ANY,
	  F_EVENT,
	  false,
	  { .batch = 3, .hold_ms = 1 } },
	{ "without-event-idx-and-kicks",
	  "S-DRV-019 S-DRV-010",
	  "neither EVENT_IDX nor kicks",
	  ON_BOTH,
	  IN_ANY,
	  F_EVENT,
	  false,
	  { .kicks = KICKS_NONE, .call_always = true } },
	{ "without-indirect",
	  "S-DRV-005 P-DRV-012",
	  "it does not offer INDIRECT_DESC",
	  ON_BOTH,
	  IN_ANY,
	  F_INDIRECT,
	  false,
	  { .batch = 5, .hold_ms = HOLD, .one_entry = true } },
	{ "without-mergeable",
	  "NET-DRV-006 NET-DEV-002",
	  "it does not offer MRG_RXBUF",
	  ON_NET,
	  IN_ANY,
	  F_MRG_RXBUF,
	  false,
	  { .batch = 1 } },
	{ "without-protocol",
	  "VU-PF-91 VU-RING-008",
	  "it does not offer bit 30",
	  ON_BOTH,
	  IN_ANY,
	  F_PROTOCOL,
	  false,
	  { .batch = 1 } },
};

const uint32_t front_way_count = sizeof(front_ways) / sizeof(front_ways[0]);

#define LIE(name, clauses, text, request, kind) \
	{ \
		name, clauses, text, ON_BOTH, IN_ANY, 0, false, \
		{ \
			.lie = kind, .lie_request = request \
		} \
	}
#define NOISE(name, text, kind) \
	{ \
		name, "VU-BEC-004", text, ON_BLK, IN_ANY, 0, false, \
		{ \
			.channel_noise = kind \
		} \
	}

const struct front_way front_lies[] = {
	LIE("answer-other-request", "VU-HDR-003 VU-ACK-005",
	    "an answer with another request's number", 1, LIE_ID),
	LIE("answer-not-marked", "VU-HDR-003 VU-ACK-005", "an answer without the reply bit", 1,
	    LIE_NO_REPLY_BIT),
	LIE("answer-version-2", "VU-HDR-002 VU-ACK-005", "an answer of version 2", 1, LIE_VERSION),
	LIE("answer-empty", "VU-HDR-005 VU-ACK-005", "GET_FEATURES answered with 0 bytes", 1,
	    LIE_SIZE_0),
	LIE("answer-short", "VU-HDR-005 VU-ACK-005", "GET_PROTOCOL_FEATURES answered with 4 bytes",
	    15, LIE_SIZE_SHORT),
	LIE("answer-huge", "VU-HDR-005 VU-ACK-005", "an answer that announces 2^32 - 1 bytes", 1,
	    LIE_SIZE_HUGE),
	LIE("answer-half", "VU-ACK-005", "half an answer, then the end", 1, LIE_HALF),
	LIE("answer-none", "VU-ACK-005", "no answer, but the end", 15, LIE_CLOSE),
	LIE("answer-twice", "VU-ACK-003", "GET_FEATURES answered twice", 1, LIE_TWICE),
	LIE("answer-with-descriptor", "VU-HDR-008", "a descriptor with the answer to GET_FEATURES",
	    1, LIE_FDS),
	LIE("features-all", "G-DEV-006 G-DRV-007", "all feature bits are offered", 1, LIE_ONES),
	LIE("features-none", "F-DEV-001", "no feature is offered", 1, LIE_ZEROES),
	LIE("protocol-all", "VU-PF-90", "all protocol features are offered", 15, LIE_ONES),
	LIE("queues-none", "VU-RING-016", "GET_QUEUE_NUM is 0", 17, LIE_ZEROES),
	LIE("queues-many", "VU-RING-016", "GET_QUEUE_NUM is 2^64 - 1", 17, LIE_ONES),
	LIE("config-ones", "VU-PAY-009", "a configuration space, and its header, of ones", 24,
	    LIE_ONES),
	LIE("config-zeroes", "VU-PAY-009", "a configuration space, and its header, of zeroes", 24,
	    LIE_ZEROES),
	LIE("config-short", "VU-PAY-009", "half a configuration space", 24, LIE_SIZE_SHORT),
	LIE("config-empty", "VU-PAY-009", "an answer of 0 bytes to GET_CONFIG", 24, LIE_SIZE_0),
	LIE("status-ones", "G-DRV-014", "GET_STATUS is 2^64 - 1", 40, LIE_ONES),
	LIE("status-zeroes", "G-DRV-014", "GET_STATUS is 0 after FEATURES_OK", 40, LIE_ZEROES),
	LIE("slots-none", "VU-MSG-36", "GET_MAX_MEM_SLOTS is 0", 36, LIE_ZEROES),
	LIE("slots-many", "VU-MSG-36", "GET_MAX_MEM_SLOTS is 2^64 - 1", 36, LIE_ONES),
	LIE("base-ones", "VU-BASE-007 VU-MSG-11", "GET_VRING_BASE answers ring and base of ones",
	    11, LIE_ONES),
	LIE("base-short", "VU-HDR-005 VU-ACK-005", "GET_VRING_BASE answered with 4 bytes", 11,
	    LIE_SIZE_SHORT),
	LIE("base-none", "VU-ACK-005", "no answer to GET_VRING_BASE, but the end", 11, LIE_CLOSE),
	LIE("inflight-ones", "VU-PAY-011", "GET_INFLIGHT_FD answers sizes of ones", 31, LIE_ONES),
	LIE("inflight-zeroes", "VU-PAY-011", "GET_INFLIGHT_FD answers zeroes without a descriptor",
	    31, LIE_ZEROES),
	LIE("table-refused", "VU-ACK-002", "SET_MEM_TABLE is answered with a failure", 5, LIE_ONES),
	NOISE("channel-undefined", "an undefined request on the back end's channel", 1),
	NOISE("channel-too-long", "CONFIG_CHANGE_MSG with 64 bytes on the channel", 2),
	NOISE("channel-version-3", "a request of version 3 on the channel", 3),
	NOISE("channel-no-descriptor", "a doorbell without a descriptor on the channel", 4),
	NOISE("channel-answer", "an answer on the channel that nobody asked for", 5),
};

const uint32_t front_lie_count = sizeof(front_lies) / sizeof(front_lies[0]);

/* ---- the checks that stand for them ---- */

#define LIST_WATCH 0
#define LIST_SEEN 1
#define LIST_WAYS 2
#define LIST_ATTACKS 3
#define LIST_LIES 4
#define LISTS 5

/* About looking on itself: did it work at all? */
const struct check front_watch_check = {
	.name = "works",
	.clauses = "VU-RING-004 VU-RING-005",
	.text = "the front end starts its rings, and gets its buffers back",
	.forms = CHECK_FORMS,
};

static struct check seen_checks[SEEN_COUNT];
static char seen_names[SEEN_COUNT][32];
static struct check way_checks[sizeof(front_ways) / sizeof(front_ways[0])];
static struct check lie_checks[sizeof(front_lies) / sizeof(front_lies[0])];
static struct check *attack_checks;

static enum check_device device_of(uint32_t types)
{
	return types == ON_BLK ? CHECK_BLK : types == ON_NET ? CHECK_NET : CHECK_ANY;
}

static struct check check_of(const struct front_way *way, bool hostile)
{
	return (struct check){
		.name = way->name,
		.clauses = way->clauses,
		.text = way->text,
		.device = device_of(way->types),
		.forms = way->forms,
		.hostile = hostile,
	};
}

/* After its first clause, or after all of them where the one before has that name. */
static void name_after(char *name, size_t room, uint32_t seen)
{
	const char *clause = ledger_clauses[seen].clause;
	size_t length = strcspn(clause, " ");

	if (seen && !strncmp(ledger_clauses[seen - 1].clause, clause, length))
		length = strlen(clause);
	(void)snprintf(name, room, "sees-%.*s", (int)length, clause);
	for (char *c = name; *c; c++)
		if (*c == ' ')
			*c = '-';
}

static void make_seen(void)
{
	for (uint32_t i = 0; i < SEEN_COUNT; i++) {
		const struct ledger_clause *clause = &ledger_clauses[i];

		name_after(seen_names[i], sizeof(seen_names[i]), i);
		seen_checks[i] = (struct check){
			.name = seen_names[i],
			.clauses = clause->clause,
			.text = clause->expected,
			.device = device_of(clause->types),
			.forms = clause->forms,
		};
	}
}

static bool make_attacks(void)
{
	attack_checks = calloc(attack_count, sizeof(*attack_checks));
	for (uint32_t i = 0; attack_checks && i < attack_count; i++)
		attack_checks[i] = (struct check){
			.name = attacks[i].name,
			.clauses = attacks[i].clause,
			.text = attacks[i].text,
			.forms = attacks[i].forms,
			.hostile = true,
		};
	return attack_checks;
}

const struct check_list *const *front_end_lists(uint32_t *count)
{
	static struct check_list tables[LISTS];
	static const struct check_list *const lists[LISTS] = { &tables[0], &tables[1], &tables[2],
							       &tables[3], &tables[4] };

	*count = LISTS;
	if (attack_checks)
		return lists;
	make_seen();
	for (uint32_t i = 0; i < front_way_count; i++)
		way_checks[i] = check_of(&front_ways[i], false);
	for (uint32_t i = 0; i < front_lie_count; i++)
		lie_checks[i] = check_of(&front_lies[i], true);
	if (!make_attacks())
		*count = 0;
	tables[LIST_WATCH] = (struct check_list){ &front_watch_check, 1 };
	tables[LIST_SEEN] = (struct check_list){ seen_checks, SEEN_COUNT };
	tables[LIST_WAYS] = (struct check_list){ way_checks, front_way_count };
	tables[LIST_ATTACKS] = (struct check_list){ attack_checks, attack_count };
	tables[LIST_LIES] = (struct check_list){ lie_checks, front_lie_count };
	return lists;
}

const struct check *front_seen_check(enum seen seen)
{
	return &seen_checks[seen];
}

const struct check *front_way_check(uint32_t way)
{
	return &way_checks[way];
}

const struct check *front_attack_check(uint32_t attack)
{
	return &attack_checks[attack];
}

const struct check *front_lie_check(uint32_t lie)
{
	return &lie_checks[lie];
}
