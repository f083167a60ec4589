/* SPDX-License-Identifier: Apache-2.0
 *
 * base/error - first error wins.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int
mr_error_set(struct mr_error *self, int code, const char *format, ...)
{
	va_list arguments;

	if (code >= 0)
		code = -EINVAL;
	if (!self)
		return code;
	if (self->code)
		return self->code;
	self->code = code;
	va_start(arguments, format);
	vsnprintf(self->text, sizeof(self->text), format, arguments);
	va_end(arguments);
	return code;
}
