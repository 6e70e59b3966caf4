// SPDX-License-Identifier: BSD-3-Clause
/* The version, which meson.build states once. */
#include <virtring/version.h>

const char *vr_version(void)
{
	return VIRTRING_VERSION;
}
