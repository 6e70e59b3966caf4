// SPDX-License-Identifier: BSD-3-Clause
/* Texts that say what went wrong. */
#include <stdio.h>

#include "tool.h"

int tool_text(char *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, TOOL_TEXT, format, arguments);
	va_end(arguments);
	return -1;
}
