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

/* Bytes [begin, begin + length) are the text of the header; the data follow. */
typedef struct header_span {
  size_t begin, length;
} header_span;

/* Magic, version, then the length: two bytes in version 1, four in 2 and 3. */
static int find_header(const char *path, const unsigned char *file, size_t size,
                       header_span *span) {
  if (size < 6 || memcmp(file, "\x93NUMPY", 6) != 0) return fail("%s: not a .npy file", path);
  if (size < 8) return fail("%s: truncated in its header", path);
  unsigned major = file[6], minor = file[7];
  if (major < 1 || major > 3 || minor != 0) {
    return fail("%s: .npy version %u.%u is not supported (1.0, 2.0 and 3.0 are)", path, major,
                minor);
  }
  size_t bytes = major == 1 ? 2 : 4;
  if (size < 8 + bytes) return fail("%s: truncated in its header", path);
  span->begin = 8 + bytes;
  span->length = 0;
  for (size_t i = bytes; i-- > 0;) span->length = span->length << 8 | file[8 + i];
  if (span->length > size - span->begin) {
    return fail("%s: truncated: a header of %zu bytes, but the file has %zu after its start", path,
                span->length, size - span->begin);
  }
  return 0;
}

static int read_array(npy *array) {
  const unsigned char *file = array->mapping;
  header_span span = {0, 0};
  if (find_header(array->path, file, array->mapping_size, &span)) return 1;
  if (npy_parse_header(array, (const char *)file + span.begin, span.length)) return 1;

  size_t wanted = array->count * npy_type_size(array->type);
  size_t begin = span.begin + span.length;
  size_t found = array->mapping_size - begin;
  if (found < wanted) {
    return fail("%s: truncated: %zu of %zu bytes of data", array->path, found, wanted);
  }
  if (found > wanted) return fail("%s: %zu bytes after the data", array->path, found - wanted);
  array->data = file + begin;
  /* Writers pad the header to 16 or 64 bytes; the format does not insist. */
  if (begin % npy_type_size(array->type) != 0 && wanted > 0) {
    array->copy = malloc(wanted);
    if (array->copy == NULL) return fail("%s: out of memory", array->path);
    array->data = memcpy(array->copy, file + begin, wanted);
  }
  return 0;
}

static int map_file(npy *array, int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return fail("%s: %s", array->path, strerror(errno));
  if (!S_ISREG(status.st_mode)) return fail("%s: not a regular file", array->path);
  if (status.st_size == 0) return fail("%s: empty file", array->path);
  array->mapping_size = (size_t)status.st_size;
  array->mapping = mmap(NULL, array->mapping_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (array->mapping == MAP_FAILED) {
    array->mapping = NULL;
    return fail("%s: cannot map: %s", array->path, strerror(errno));
  }
  return 0;
}

int npy_open(npy *array, const char *path) {
  *array = (npy){.path = path};
  /* O_NONBLOCK: a pipe is an error here, and opening one must not wait for a writer. */
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return fail("%s: %s", path, strerror(errno));
  int status = map_file(array, descriptor);
  close(descriptor);
  if (status == 0) status = read_array(array);
  if (status != 0) npy_close(array);
  return status;
}

void npy_close(npy *array) {
  free(array->copy);
  if (array->mapping != NULL) munmap(array->mapping, array->mapping_size);
  *array = (npy){.path = NULL};
}
