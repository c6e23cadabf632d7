/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka, with the headers that it wants first. */
#ifndef VLOSS_TESTS_TESTING_H
#define VLOSS_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
