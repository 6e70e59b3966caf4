// SPDX-License-Identifier: BSD-3-Clause
/* Sizes and alignments of ring areas, and the texts of errors and faults. */
#include <virtring/ring.h>

#include "check.h"
#include "form.h"

struct size_row {
	uint64_t features;
	uint32_t size;
	size_t bytes[3];
};

static void areas_have_the_size_that_the_layout_gives(void **state)
{
	static const struct size_row rows[] = {
		{ SPLIT, 1, { 16, 6, 12 } },
		{ SPLIT | VR_F_EVENT_IDX, 1, { 16, 8, 14 } },
		{ SPLIT, 2, { 32, 8, 20 } },
		{ SPLIT, 256, { 4096, 516, 2052 } },
		{ SPLIT | VR_F_EVENT_IDX, 256, { 4096, 518, 2054 } },
		{ SPLIT | VR_F_EVENT_IDX, 32768, { 524288, 65542, 262150 } },
		{ PACKED, 1, { 16, 4, 4 } },
		{ PACKED | VR_F_EVENT_IDX, 3, { 48, 4, 4 } },
		{ PACKED, 32768, { 524288, 4, 4 } },
		{ PACKED, 1000, { 16000, 4, 4 } },
		{ SPLIT, 0, { 0, 0, 0 } },
		{ SPLIT, 3, { 0, 0, 0 } },
		{ SPLIT, 1000, { 0, 0, 0 } },
		{ SPLIT, 65536, { 0, 0, 0 } },
		{ PACKED, 0, { 0, 0, 0 } },
		{ PACKED, 32769, { 0, 0, 0 } },
		{ PACKED, 0xffffffff, { 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		context("row %zu: %s, size %u", i, form_name(rows[i].features), rows[i].size);
		for (int area = 0; area < 3; area++)
			CHECK_EQ(vr_ring_bytes(rows[i].features, rows[i].size, (enum vr_area)area),
				 rows[i].bytes[area]);
		/* In order changes nothing about the memory. */
		CHECK_EQ(vr_ring_bytes(rows[i].features | VR_F_IN_ORDER, rows[i].size,
				       VR_AREA_DEVICE),
			 rows[i].bytes[VR_AREA_DEVICE]);
	}
}

static void an_area_that_does_not_exist_has_no_bytes(void **state)
{
	(void)state;
	CHECK_EQ(vr_ring_bytes(SPLIT, 8, (enum vr_area)3), 0);
	CHECK_EQ(vr_ring_bytes(PACKED, 8, (enum vr_area)99), 0);
}

static void areas_have_the_alignment_of_the_specification(void **state)
{
	(void)state;
	CHECK_EQ(vr_ring_align(SPLIT, VR_AREA_DESCRIPTORS), 16);
	CHECK_EQ(vr_ring_align(SPLIT, VR_AREA_DRIVER), 2);
	CHECK_EQ(vr_ring_align(SPLIT, VR_AREA_DEVICE), 4);
	CHECK_EQ(vr_ring_align(PACKED, VR_AREA_DESCRIPTORS), 16);
	CHECK_EQ(vr_ring_align(PACKED, VR_AREA_DRIVER), 4);
	CHECK_EQ(vr_ring_align(PACKED, VR_AREA_DEVICE), 4);
}

static void every_error_has_a_text_of_its_own(void **state)
{
	(void)state;
	for (int e = 0; e >= VR_E_STATE; e--) {
		CHECK(vr_strerror(e));
		CHECK(strlen(vr_strerror(e)) > 3);
		for (int other = e + 1; other <= 0; other++)
			CHECK(strcmp(vr_strerror(e), vr_strerror(other)) != 0);
	}
}

static void any_number_has_an_error_text(void **state)
{
	static const int numbers[] = { 1, 32768, -9, -1000, INT32_MAX, INT32_MIN };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		CHECK(vr_strerror(numbers[i]));
}

static void every_fault_has_a_text_of_its_own(void **state)
{
	(void)state;
	for (int r = 0; r < VR_FAULT_COUNT; r++) {
		const char *text = vr_fault_text((enum vr_fault_reason)r);

		context("reason %d", r);
		CHECK(text);
		CHECK(strlen(text) > 3);
		for (int other = 0; other < r; other++)
			CHECK(strcmp(text, vr_fault_text((enum vr_fault_reason)other)) != 0);
	}
	CHECK(vr_fault_text(VR_FAULT_COUNT));
	CHECK(vr_fault_text((enum vr_fault_reason)12345));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(areas_have_the_size_that_the_layout_gives),
		cmocka_unit_test(an_area_that_does_not_exist_has_no_bytes),
		cmocka_unit_test(areas_have_the_alignment_of_the_specification),
		cmocka_unit_test(every_error_has_a_text_of_its_own),
		cmocka_unit_test(any_number_has_an_error_text),
		cmocka_unit_test(every_fault_has_a_text_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
