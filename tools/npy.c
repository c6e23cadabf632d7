/* SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

/* A file on its way in: mapped, or a stream of which the first `size` bytes are in memory. */
typedef struct source {
  const char *path;
  int stream; /* its descriptor; -1: all bytes are here */
  unsigned char *bytes;
  size_t size, capacity;
} source;

/* No more than is there will be allocated, whatever a header says. */
static int grow(source *s, size_t wanted) {
  enum { LEAST = 1 << 16 };
  size_t capacity = s->capacity < wanted / 2 ? 2 * s->capacity : wanted;
  if (capacity < LEAST) capacity = LEAST;
  unsigned char *bytes = realloc(s->bytes, capacity);
  if (bytes == NULL) return fail("%s: out of memory", s->path);
  s->bytes = bytes;
  s->capacity = capacity;
  return 0;
}

/* Have `wanted` bytes in memory, or all that there are. */
static int fetch(source *s, size_t wanted) {
  while (s->stream >= 0 && s->size < wanted) {
    if (s->size == s->capacity && grow(s, wanted)) return 1;
    ssize_t more = read(s->stream, s->bytes + s->size, s->capacity - s->size);
    if (more < 0 && errno != EINTR) return fail("%s: %s", s->path, strerror(errno));
    if (more == 0) s->stream = -1;
    if (more > 0) s->size += (size_t)more;
  }
  return 0;
}

/* Bytes [begin, begin + length) are the text of the header; the data follow. */
typedef struct header_span {
  size_t begin, length;
} header_span;

/* Magic, version, then the length: two bytes in version 1, four in 2 and 3. */
static int find_header(source *s, header_span *span) {
  if (fetch(s, 12)) return 1;
  if (s->size == 0) return fail("%s: empty", s->path);
  if (s->size < 6 || memcmp(s->bytes, "\x93NUMPY", 6) != 0)
    return fail("%s: not a .npy file", s->path);
  if (s->size < 8) return fail("%s: truncated in its header", s->path);
  unsigned major = s->bytes[6], minor = s->bytes[7];
  if (major < 1 || major > 3 || minor != 0) {
    return fail("%s: .npy version %u.%u is not supported (1.0, 2.0 and 3.0 are)", s->path, major,
                minor);
  }
  size_t bytes = major == 1 ? 2 : 4;
  if (s->size < 8 + bytes) return fail("%s: truncated in its header", s->path);
  span->begin = 8 + bytes;
  span->length = 0;
  for (size_t i = bytes; i-- > 0;) span->length = span->length << 8 | s->bytes[8 + i];
  if (fetch(s, span->begin + span->length)) return 1;
  if (span->length > s->size - span->begin) {
    return fail("%s: truncated: a header of %zu bytes, but the file has %zu after its start",
                s->path, span->length, s->size - span->begin);
  }
  return 0;
}

static int find_data(npy *array, source *s) {
  header_span span = {0, 0};
  if (find_header(s, &span)) return 1;
  if (npy_parse_header(array, (const char *)s->bytes + span.begin, span.length)) return 1;

  size_t wanted = array->count * npy_type_size(array->type);
  size_t begin = span.begin + span.length;
  if (fetch(s, begin + wanted + 1)) return 1;
  size_t found = s->size - begin;
  if (found < wanted)
    return fail("%s: truncated: %zu of %zu bytes of data", s->path, found, wanted);
  if (found > wanted) {
    return fail("%s: %s%zu bytes after the data", s->path, s->stream < 0 ? "" : "at least ",
                found - wanted);
  }
  array->data = s->bytes + begin;
  return 0;
}

/* Writers pad the header to 16 or 64 bytes; the format does not insist. */
static int align_data(npy *array) {
  size_t size = npy_type_size(array->type);
  if ((uintptr_t)array->data % size == 0 || array->count == 0) return 0;
  void *copy = malloc(array->count * size);
  if (copy == NULL) return fail("%s: out of memory", array->path);
  memcpy(copy, array->data, array->count * size);
  free(array->memory);
  array->data = array->memory = copy;
  return 0;
}

/* Regular files are mapped; pipes, and files that do not say how long they are, are read. */
static int read_file(npy *array, int descriptor) {
  struct stat status;
  source s = {.path = array->path, .stream = descriptor};
  if (fstat(descriptor, &status) != 0) return fail("%s: %s", array->path, strerror(errno));
  if (S_ISREG(status.st_mode) && status.st_size > 0 && descriptor != STDIN_FILENO) {
    size_t size = (size_t)status.st_size;
    void *mapping = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping != MAP_FAILED) {
      array->mapping = mapping;
      array->mapping_size = size;
      s = (source){.path = array->path, .stream = -1, .bytes = mapping, .size = size};
    }
  }
  int bad = find_data(array, &s);
  if (array->mapping == NULL) array->memory = s.bytes;
  return bad ? bad : align_data(array);
}

static int fail_open(const char *path, int cause) {
  struct stat status;
  const char *slash = strrchr(path, '/');
  if (cause == EACCES && stat(path, &status) != 0 && errno == EACCES) {
    return fail("%s: folder %.*s: %s", path, slash == NULL ? 1 : (int)(slash - path),
                slash == NULL ? "." : path, strerror(cause));
  }
  return fail("%s: %s", path, strerror(cause));
}

int npy_open(npy *array, const char *path) {
  int standard = strcmp(path, "-") == 0;
  *array = (npy){.path = standard ? "standard input" : path};
  int descriptor = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail_open(path, errno);
  int status = read_file(array, descriptor);
  if (!standard) close(descriptor);
  if (status != 0) npy_close(array);
  return status;
}

int npy_is_standard_input(const char *path) {
  struct stat input, file;
  if (strcmp(path, "-") == 0) return 1;
  return fstat(STDIN_FILENO, &input) == 0 && stat(path, &file) == 0 && !S_ISREG(file.st_mode) &&
         file.st_dev == input.st_dev && file.st_ino == input.st_ino;
}

void npy_close(npy *array) {
  free(array->memory);
  if (array->mapping != NULL) munmap(array->mapping, array->mapping_size);
  *array = (npy){.path = NULL};
}

int64_t npy_integer(const npy *array, size_t index) {
  switch (array->type) {
    case NPY_I8:
    case NPY_U8: return ((const int64_t *)array->data)[index];
    case NPY_I4: return ((const int32_t *)array->data)[index];
    case NPY_I2: return ((const int16_t *)array->data)[index];
    case NPY_I1: return ((const int8_t *)array->data)[index];
    case NPY_U4: return ((const uint32_t *)array->data)[index];
    case NPY_U2: return ((const uint16_t *)array->data)[index];
    default: return ((const uint8_t *)array->data)[index];
  }
}

int npy_widen(npy *array) {
  int64_t *wide = malloc((array->count + 1) * sizeof *wide);
  if (wide == NULL) return fail("%s: out of memory", array->path);
  for (size_t i = 0; i < array->count; i++) wide[i] = npy_integer(array, i);
  free(array->memory);
  array->data = array->memory = wide;
  array->type = NPY_I8;
  return 0;
}
