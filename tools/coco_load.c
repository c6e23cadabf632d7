/* SPDX-License-Identifier: Apache-2.0 */
#include "coco_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fail.h"

/* Larger files are worth a word while people wait. */
enum { LARGE = 64 << 20 };

/* Of a regular file: the bytes that are still to come; else a guess. */
static size_t expected_size(FILE *stream) {
  struct stat about;
  if (fstat(fileno(stream), &about) != 0 || !S_ISREG(about.st_mode) || about.st_size < 0)
    return 1 << 16;
  return (size_t)about.st_size + 1;
}

static int read_text(FILE *stream, const char *path, char **text, size_t *length) {
  size_t room = 0, more = expected_size(stream);
  *length = 0;
  if (more > LARGE) fprintf(stderr, "vloss: reading %s, %zu MB\n", path, more / 1000000);
  for (;;) {
    int status = coco_grow((void **)text, &room, *length, more + JSON_PADDING, 1);
    if (status) return status;
    size_t got = fread(*text + *length, 1, room - *length - JSON_PADDING, stream);
    *length += got;
    if (got == 0) break;
    more = *length;
  }
  if (ferror(stream)) return fail("%s: cannot read: %s", path, strerror(errno));
  memset(*text + *length, 0, JSON_PADDING);
  return 0;
}

int coco_file_open(coco_file *file, const char *path) {
  const char *reason;
  size_t length;
  *file = (coco_file){0};
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) return fail("%s: cannot open: %s", path, strerror(errno));
  int status = read_text(stream, path, &file->text, &length);
  fclose(stream);
  if (status) return status;
  file->document = json_parse(file->text, length, &file->root, &reason);
  return file->document != NULL ? 0 : fail("%s: not valid JSON: %s", path, reason);
}

void coco_file_close(coco_file *file) {
  if (file->document != NULL) json_free(file->document);
  free(file->text);
}

int coco_add_item(coco_items *items, coco_item **item) {
  int status = coco_grow((void **)&items->items, &items->room, items->count, 1, sizeof **item);
  if (status) return status;
  *item = &items->items[items->count++];
  **item = (coco_item){.image = SIZE_MAX};
  return 0;
}

int coco_read_points(coco_data *data, const entry *e, int field, coco_item *item) {
  int status = coco_grow((void **)&data->numbers, &data->number_room, data->number_count,
                         COCO_POINT_NUMBERS, sizeof *data->numbers);
  if (status) return status;
  item->points = data->number_count;
  data->number_count += COCO_POINT_NUMBERS;
  return entry_numbers(e, field, COCO_POINT_NUMBERS, data->numbers + item->points);
}
