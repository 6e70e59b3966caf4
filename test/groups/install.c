// SPDX-License-Identifier: BSD-3-Clause
/* A program outside the tree: it sees what is installed and nothing else. */
#include <stdio.h>

#include <virtring/version.h>

int main(void)
{
	return puts(vr_version()) < 0;
}
