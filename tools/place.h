/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file that is to be written will be. */
#ifndef VLOSS_TOOLS_PLACE_H
#define VLOSS_TOOLS_PLACE_H

#include <sys/stat.h>

typedef struct place {
  const char *path;        /* as the user spells it */
  char *name, *folder;     /* behind links, which may point to nothing yet */
  int exists;              /* a file is there */
  struct stat file, above; /* that file, and the folder */
} place;

/* Find the place of a file; 0, or an exit code after saying why nothing can be written there.
 * place_free() is due in either case. */
int place_find(place *p, const char *option, const char *path);
void place_free(place *p);

/* Are they one file, whatever their spelling? */
int place_same(const place *a, const place *b);
int place_is(const place *p, const struct stat *file);

/* Nothing can be written because of the folder; returns an exit code. */
int place_fail(const place *p, int cause);

#endif
