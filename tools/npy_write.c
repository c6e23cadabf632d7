/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "npy.h"

/* Where the file will be: a rename replaces a link, not what it points to, and would turn a device
 * into a file. NULL after an error. */
static char *resolve(const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) return strdup(path);
  if (S_ISREG(status.st_mode)) return realpath(path, NULL);
  errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  return NULL;
}

/* A name in the folder of `path`, for mkstemp. */
static char *temporary_name(const char *path) {
  static const char name[] = ".vloss-XXXXXX";
  const char *slash = strrchr(path, '/');
  size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1;
  char *text = malloc(folder + sizeof name);
  if (text == NULL) return NULL;
  memcpy(text, path, folder);
  memcpy(text + folder, name, sizeof name);
  return text;
}

static int write_all(int descriptor, const void *data, size_t size) {
  const char *bytes = data;
  while (size > 0) {
    ssize_t done = write(descriptor, bytes, size);
    if (done < 0 && errno != EINTR) return 1;
    if (done < 0) continue;
    bytes += done;
    size -= (size_t)done;
  }
  return 0;
}

/* Version 1.0, with the data at a multiple of 64 bytes. */
static int write_header(int descriptor, npy_type type, const npy_shape *shape) {
  enum { PREFIX = 10 };
  char text[NPY_SHAPE_TEXT];
  char header[PREFIX + NPY_SHAPE_TEXT + 192] = "\x93NUMPY\x01";
  int length = snprintf(header + PREFIX, sizeof header - PREFIX,
                        "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }",
                        npy_type_size(type) == 1 ? '|' : '<', npy_type_name(type),
                        npy_shape_text(shape, text));
  size_t used = PREFIX + (size_t)length;
  size_t total = (used + 1 + 63) / 64 * 64;
  memset(header + used, ' ', total - used - 1);
  header[total - 1] = '\n';
  header[8] = (char)((total - PREFIX) & 255);
  header[9] = (char)((total - PREFIX) >> 8);
  return write_all(descriptor, header, total);
}

/* mkstemp gives 0600; the result should have the permissions of any new file. */
static int set_mode(int descriptor) {
  mode_t mask = umask(0);
  umask(mask);
  return fchmod(descriptor, 0666 & ~mask);
}

int npy_stage(npy_output *output, const char *path, npy_type type, const npy_shape *shape,
              const void *data) {
  *output = (npy_output){resolve(path), NULL};
  if (output->path == NULL) return fail("%s: cannot write: %s", path, strerror(errno));
  char *temporary = temporary_name(output->path);
  int descriptor = temporary == NULL ? -1 : mkstemp(temporary);
  if (descriptor < 0) {
    int status = fail("%s: cannot write: %s", path, strerror(errno));
    free(temporary);
    npy_discard(output);
    return status;
  }
  output->temporary = temporary;
  size_t count = npy_shape_count(shape, 0, shape->axes);
  int bad = set_mode(descriptor) != 0 || write_header(descriptor, type, shape) != 0 ||
            write_all(descriptor, data, count * npy_type_size(type)) != 0;
  int cause = errno;
  if (close(descriptor) != 0 && !bad) {
    bad = 1;
    cause = errno;
  }
  if (!bad) return 0;
  npy_discard(output);
  return fail("%s: cannot write: %s", path, strerror(cause));
}

int npy_commit(npy_output *output) {
  if (rename(output->temporary, output->path) != 0) {
    return fail("%s: cannot write: %s", output->path, strerror(errno));
  }
  free(output->temporary);
  output->temporary = NULL;
  return 0;
}

void npy_discard(npy_output *output) {
  if (output->temporary != NULL) unlink(output->temporary);
  free(output->temporary);
  free(output->path);
  *output = (npy_output){NULL, NULL};
}
