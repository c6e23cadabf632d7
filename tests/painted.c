/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "painted.h"

#include <pthread.h>
#include <string.h>

#include "testing.h"

enum { STACK = 4 * VLOSS_STACK_SIZE, PAINT = 0xa5 };

typedef struct measured {
  vloss_status (*run)(const void *argument);
  const void *argument;
  vloss_status status;
  const unsigned char *top; /* of what the call takes */
} measured;

static void *run(void *argument) {
  measured *m = argument;
  m->top = __builtin_frame_address(0);
  m->status = m->run(m->argument);
  return NULL;
}

size_t painted_stack(vloss_status (*function)(const void *argument), const void *argument) {
  static _Alignas(64) unsigned char stack[STACK];
  measured m = {function, argument, VLOSS_OK, NULL};
  pthread_attr_t attributes;
  pthread_t thread;
  memset(stack, PAINT, STACK);
  assert_int_equal(pthread_attr_init(&attributes), 0);
  assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
  assert_int_equal(pthread_create(&thread, &attributes, run, &m), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  (void)pthread_attr_destroy(&attributes);
  assert_int_equal(m.status, VLOSS_OK);
  size_t untouched = 0;
  while (stack[untouched] == PAINT) untouched++;
  return (size_t)(m.top - stack) - untouched;
}
