/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

/* The part of a path behind the last slash. */
static const char *base_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* A name in the folder of `path`; NULL without memory. */
static char *beside(const char *path, const char *name) {
  size_t length = name[0] == '/' ? 0 : (size_t)(base_of(path) - path);
  char *text = malloc(length + strlen(name) + 1);
  if (text == NULL) return NULL;
  memcpy(text, path, length);
  strcpy(text + length, name);
  return text;
}

/* What stands at the end of a chain of links, a file or nothing; NULL with errno. realpath() wants
 * a file there, and a rename replaces a link, not what it points to. */
static char *follow_links(const char *path) {
  enum { MOST_LINKS = 40 }; /* as Linux */
  char *name = strdup(path);
  for (int links = 0; name != NULL; links++) {
    char target[PATH_MAX];
    ssize_t length = readlink(name, target, sizeof target - 1);
    if (length < 0) return name;
    target[length] = '\0';
    char *next = links < MOST_LINKS ? beside(name, target) : NULL;
    free(name);
    name = next;
    if (links == MOST_LINKS) errno = ELOOP;
  }
  return NULL;
}

int place_fail(const place *p, int cause) {
  return fail("%s: cannot write: folder %s: %s", p->path, p->folder, strerror(cause));
}

/* Whether the file can be written that is there. */
static int check_file(place *p) {
  if (!p->exists) return 0;
  if (S_ISDIR(p->file.st_mode)) return fail("%s: cannot write: %s", p->path, strerror(EISDIR));
  if (!S_ISREG(p->file.st_mode)) return fail("%s: cannot write: not a regular file", p->path);
  if (access(p->path, W_OK) != 0) return fail("%s: cannot write: %s", p->path, strerror(errno));
  return 0;
}

int place_find(place *p, const char *option, const char *path) {
  *p = (place){.path = path};
  if (path[0] == '\0') return fail_usage("--%s: the name of the file is empty", option);
  if (strcmp(path, "-") == 0)
    return fail_usage("--%s: outputs are files ('./-' is one with the name '-')", option);
  p->name = follow_links(path);
  p->folder = p->name == NULL ? NULL : beside(p->name, ".");
  if (p->folder == NULL) return fail("%s: cannot write: %s", path, strerror(errno));
  char *end = p->folder + strlen(p->folder) - 1; /* "/.", "folder/." or "." */
  if (end - p->folder > 1) end[-1] = '\0';
  if (stat(p->folder, &p->above) != 0) return place_fail(p, errno);
  p->exists = stat(path, &p->file) == 0;
  if (p->exists) return check_file(p);
  if (errno == EACCES) return place_fail(p, errno);
  if (errno == ENOENT && base_of(p->name)[0] != '\0') return 0;
  return fail("%s: cannot write: %s", path, strerror(errno));
}

void place_free(place *p) {
  free(p->name);
  free(p->folder);
}

int place_is(const place *p, const struct stat *file) {
  return p->exists && p->file.st_dev == file->st_dev && p->file.st_ino == file->st_ino;
}

int place_same(const place *a, const place *b) {
  if (b->exists && place_is(a, &b->file)) return 1;
  return a->above.st_dev == b->above.st_dev && a->above.st_ino == b->above.st_ino &&
         strcmp(base_of(a->name), base_of(b->name)) == 0;
}
