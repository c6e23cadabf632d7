/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "guard.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAINT = 0xa5, NEIGHBOURHOOD = 512 };

static size_t page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

guard guard_new(size_t bytes) {
  size_t inside = (bytes + page() - 1) / page() * page();
  unsigned char *all =
      mmap(NULL, inside + 2 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED || mprotect(all + page(), inside, PROT_READ | PROT_WRITE) != 0) {
    perror("guard pages");
    abort();
  }
  return (guard){all + page(), all + page() + inside};
}

void guard_free(guard *g) {
  if (g->first != NULL) munmap(g->first - page(), (size_t)(g->end - g->first) + 2 * page());
  g->first = g->end = NULL;
}

void *guard_place(const guard *g, placement place, size_t bytes, size_t element) {
  if ((size_t)(g->end - g->first) < bytes + element) abort();
  if (place == PLACE_END) return g->end - bytes;
  return g->first + (place == PLACE_ODD ? element : 0);
}

static unsigned char *lower(const guard *g, const unsigned char *array) {
  return array - g->first > NEIGHBOURHOOD ? (unsigned char *)(uintptr_t)array - NEIGHBOURHOOD
                                          : g->first;
}

static unsigned char *upper(const guard *g, const unsigned char *end) {
  return g->end - end > NEIGHBOURHOOD ? (unsigned char *)(uintptr_t)end + NEIGHBOURHOOD : g->end;
}

void guard_paint(const guard *g, void *array, size_t bytes) {
  unsigned char *from = lower(g, array), *to = upper(g, (unsigned char *)array + bytes);
  memset(from, PAINT, (size_t)(to - from));
}

int guard_intact(const guard *g, const void *array, size_t bytes) {
  const unsigned char *begin = array, *end = begin + bytes;
  for (const unsigned char *p = lower(g, begin); p < begin; p++)
    if (*p != PAINT) return 0;
  for (const unsigned char *p = end; p < upper(g, end); p++)
    if (*p != PAINT) return 0;
  return 1;
}

static const char *(*announce)(void);

static void fault(int number) {
  (void)number;
  fprintf(stderr, "FAULT outside the arrays: %s\n", announce());
  fflush(stderr);
  _exit(1);
}

void guard_announce(const char *(*what)(void)) {
  announce = what;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = fault;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}
