/* SPDX-License-Identifier: Apache-2.0 */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void complain(const char *format, va_list arguments) {
  char line[8192];
  vsnprintf(line, sizeof line, format, arguments);
  /* A file name may hold a newline; the error is still one line. */
  for (char *c = line; *c != '\0'; c++) {
    if ((unsigned char)*c < ' ') *c = '?';
  }
  fprintf(stderr, "vloss: %s\n", line);
}

int fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(format, arguments);
  va_end(arguments);
  return EXIT_FAILURE;
}

int fail_usage(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(format, arguments);
  va_end(arguments);
  return EXIT_USAGE;
}
