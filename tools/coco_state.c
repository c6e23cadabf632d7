/* SPDX-License-Identifier: Apache-2.0 */
/* Records in memory and in files: a header, the lists of the options, the records. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "coco_match.h"
#include "fail.h"

/* Little-endian, as the records behind it are in memory. */
typedef struct header {
  char magic[8];
  uint64_t version, kind, type;
  uint64_t thresholds, recalls, areas, limits, classes; /* numbers of the lists */
  uint64_t names;                                       /* bytes, a multiple of 8 */
  uint64_t records, images, dropped;
  uint64_t check; /* of everything else */
} header;

static const char magic[8] = {'V', 'L', 'O', 'S', 'S', 'C', 'O', 'C'};
enum { VERSION = 1 };

/* The parts of a file behind the header, with their sizes. */
typedef struct part {
  void *bytes;
  size_t size;
} part;

enum { PARTS = 8 };

void coco_state_free(coco_state *state) {
  free(state->thresholds);
  free(state->recalls);
  free(state->areas);
  free(state->limits);
  free(state->classes);
  free(state->frequencies);
  free(state->names);
  free(state->records);
}

static void *copy(const void *from, size_t bytes) {
  void *to = malloc(bytes + 1);
  if (to != NULL && bytes > 0) memcpy(to, from, bytes);
  return to;
}

static int link_options(coco_state *s) {
  vloss_coco_options *o = &s->options;
  if (s->thresholds == NULL || s->recalls == NULL || s->areas == NULL || s->limits == NULL ||
      s->classes == NULL || s->frequencies == NULL)
    return fail("out of memory");
  o->thresholds = s->thresholds;
  o->recalls = s->recalls;
  o->areas = s->areas;
  o->max_detections = s->limits;
  o->classes = s->classes;
  o->frequencies = o->kind == VLOSS_COCO_LVIS ? s->frequencies : NULL;
  return 0;
}

static int copy_names(coco_state *state, const coco_data *data) {
  size_t size = 0;
  for (size_t k = 0; k < data->category_count; k++)
    size += 1 + (data->categories[k].name ? strlen(data->categories[k].name) : 0);
  state->names_size = (size + 7) / 8 * 8;
  state->names = calloc(state->names_size + 1, 1);
  if (state->names == NULL) return fail("out of memory");
  char *to = state->names;
  for (size_t k = 0; k < data->category_count; k++) {
    const char *name = data->categories[k].name ? data->categories[k].name : "";
    strcpy(to, name);
    to += strlen(name) + 1;
  }
  return 0;
}

int coco_state_open(coco_state *state, const coco_data *data) {
  vloss_coco_options options = VLOSS_COCO_OPTIONS_INIT, *o = &state->options;
  size_t count = data->category_count;
  options.kind = data->lvis                     ? VLOSS_COCO_LVIS
                 : data->type == COCO_KEYPOINTS ? VLOSS_COCO_KEYPOINTS
                                                : VLOSS_COCO_DETECTION;
  *state = (coco_state){.type = data->type, .images = data->image_count, .dropped = data->dropped};
  vloss_status status = vloss_coco_complete(&options, o);
  if (status != VLOSS_OK) return fail("%s", vloss_status_string(status));
  o->class_count = count;
  state->thresholds = copy(o->thresholds, o->threshold_count * sizeof *o->thresholds);
  state->recalls = copy(o->recalls, o->recall_count * sizeof *o->recalls);
  state->areas = copy(o->areas, 2 * o->area_count * sizeof *o->areas);
  state->limits = copy(o->max_detections, o->max_detection_count * sizeof *o->max_detections);
  state->classes = malloc((count + 1) * sizeof *state->classes);
  state->frequencies = calloc(count + 8, 1);
  int failed = link_options(state);
  for (size_t k = 0; !failed && k < count; k++) {
    state->classes[k] = data->categories[k].id;
    state->frequencies[k] = data->categories[k].frequency;
  }
  return failed ? failed : copy_names(state, data);
}

static void list_parts(coco_state *s, const header *h, part parts[PARTS]) {
  const part all[PARTS] = {
      {s->thresholds, h->thresholds * sizeof *s->thresholds},
      {s->recalls, h->recalls * sizeof *s->recalls},
      {s->areas, 2 * h->areas * sizeof *s->areas},
      {s->limits, h->limits * sizeof *s->limits},
      {s->classes, h->classes * sizeof *s->classes},
      {s->frequencies, (h->classes + 7) / 8 * 8},
      {s->names, h->names},
      {s->records, h->records * sizeof *s->records},
  };
  memcpy(parts, all, sizeof all);
}

/* Fowler, Noll and Vo's hash, of words; all parts are made of them. */
static uint64_t checksum(const header *h, const part parts[PARTS]) {
  uint64_t sum = 0xcbf29ce484222325u, word;
  for (int p = -1; p < PARTS; p++) {
    const char *bytes = p < 0 ? (const char *)h : parts[p].bytes;
    size_t size = p < 0 ? offsetof(header, check) : parts[p].size;
    for (size_t i = 0; i + sizeof word <= size; i += sizeof word) {
      memcpy(&word, bytes + i, sizeof word);
      sum = (sum ^ word) * 0x100000001b3u;
      sum ^= sum >> 32;
    }
  }
  return sum;
}

void coco_state_write(const coco_state *state, FILE *file) {
  const vloss_coco_options *o = &state->options;
  coco_state all = *state;
  part parts[PARTS];
  header h = {.version = VERSION,
              .kind = o->kind,
              .type = state->type,
              .thresholds = o->threshold_count,
              .recalls = o->recall_count,
              .areas = o->area_count,
              .limits = o->max_detection_count,
              .classes = o->class_count,
              .names = state->names_size,
              .records = state->count,
              .images = state->images,
              .dropped = state->dropped};
  memcpy(h.magic, magic, sizeof magic);
  list_parts(&all, &h, parts);
  h.check = checksum(&h, parts);
  fwrite(&h, sizeof h, 1, file);
  for (int p = 0; p < PARTS; p++) fwrite(parts[p].bytes, 1, parts[p].size, file);
}

/* Numbers that no file of ours has are refused before memory is asked for. */
static int check_header(const header *h, const char *path) {
  const uint64_t most = (uint64_t)1 << 40;
  if (memcmp(h->magic, magic, sizeof magic) != 0)
    return fail("%s: not a state of vloss coco", path);
  if (h->version != VERSION)
    return fail("%s: a state of version %llu; this program reads version %d", path,
                (unsigned long long)h->version, VERSION);
  if (h->kind > VLOSS_COCO_LVIS || h->type > COCO_KEYPOINTS ||
      h->thresholds > VLOSS_COCO_MAX_CELLS || h->recalls > most ||
      h->areas > VLOSS_COCO_MAX_CELLS || h->limits > VLOSS_COCO_MAX_LIMITS || h->classes > most ||
      h->names > most || h->names % 8 != 0 || h->records > most)
    return fail("%s: damaged", path);
  return 0;
}

/* A regular file has the size that its header tells. */
static int check_size(FILE *file, const header *h, const char *path) {
  coco_state none = {0};
  part parts[PARTS];
  struct stat about;
  size_t size = sizeof *h;
  list_parts(&none, h, parts);
  for (int p = 0; p < PARTS; p++) size += parts[p].size;
  if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) return 0;
  if ((uintmax_t)about.st_size < size) return fail("%s: ends too early", path);
  return (uintmax_t)about.st_size == size ? 0 : fail("%s: goes on behind its end", path);
}

static int allocate(coco_state *s, const header *h) {
  s->thresholds = malloc(h->thresholds * sizeof *s->thresholds + 1);
  s->recalls = malloc(h->recalls * sizeof *s->recalls + 1);
  s->areas = malloc(2 * h->areas * sizeof *s->areas + 1);
  s->limits = malloc(h->limits * sizeof *s->limits + 1);
  s->classes = malloc(h->classes * sizeof *s->classes + 1);
  s->frequencies = malloc((h->classes + 7) / 8 * 8 + 1);
  s->names = malloc(h->names + 1);
  s->records = malloc(h->records * sizeof *s->records + 1);
  if (s->names == NULL || s->records == NULL) return fail("out of memory");
  s->options = (vloss_coco_options)VLOSS_COCO_OPTIONS_INIT;
  s->options.kind = (vloss_coco_kind)h->kind;
  s->type = (coco_type)h->type;
  s->options.threshold_count = h->thresholds;
  s->options.recall_count = h->recalls;
  s->options.area_count = h->areas;
  s->options.max_detection_count = h->limits;
  s->options.class_count = h->classes;
  s->names_size = h->names;
  s->count = h->records;
  s->images = h->images;
  s->dropped = h->dropped;
  return link_options(s);
}

/* A name for each class, options that the library takes, and the limits that tables tell of. */
static int is_sound(const coco_state *s) {
  vloss_coco_options usual = VLOSS_COCO_OPTIONS_INIT, whole;
  size_t names = 0;
  for (size_t i = 0; i < s->names_size; i++) names += s->names[i] == '\0';
  usual.kind = s->options.kind;
  return names >= s->options.class_count && vloss_coco_complete(&s->options, &whole) == VLOSS_OK &&
         vloss_coco_complete(&usual, &usual) == VLOSS_OK &&
         whole.max_detection_count >= usual.max_detection_count;
}

static int read_state(coco_state *state, const char *path, FILE *file) {
  header h;
  part parts[PARTS];
  if (fread(&h, sizeof h, 1, file) != 1) {
    if (ferror(file)) return fail("%s: cannot read: %s", path, strerror(errno));
    return fail("%s: not a state of vloss coco", path);
  }
  int status = check_header(&h, path);
  if (!status) status = check_size(file, &h, path);
  if (!status) status = allocate(state, &h);
  if (status) return status;
  list_parts(state, &h, parts);
  for (int p = 0; p < PARTS; p++) {
    if (fread(parts[p].bytes, 1, parts[p].size, file) != parts[p].size)
      return fail("%s: ends too early", path);
  }
  if (fgetc(file) != EOF) return fail("%s: goes on behind its end", path);
  if (checksum(&h, parts) != h.check || !is_sound(state)) return fail("%s: damaged", path);
  return 0;
}

int coco_state_read(coco_state *state, const char *path) {
  *state = (coco_state){0};
  FILE *file = fopen(path, "rb");
  if (file == NULL) return fail("%s: cannot open: %s", path, strerror(errno));
  int status = read_state(state, path, file);
  fclose(file);
  return status;
}

static int are_equal(const void *a, size_t a_count, const void *b, size_t b_count, size_t width) {
  return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * width) == 0);
}

static int is_same_evaluation(const coco_state *a, const coco_state *b) {
  const vloss_coco_options *x = &a->options, *y = &b->options;
  return x->kind == y->kind && a->type == b->type &&
         are_equal(x->thresholds, x->threshold_count, y->thresholds, y->threshold_count,
                   sizeof *x->thresholds) &&
         are_equal(x->recalls, x->recall_count, y->recalls, y->recall_count, sizeof *x->recalls) &&
         are_equal(x->areas, 2 * x->area_count, y->areas, 2 * y->area_count, sizeof *x->areas) &&
         are_equal(x->max_detections, x->max_detection_count, y->max_detections,
                   y->max_detection_count, sizeof *x->max_detections) &&
         are_equal(x->classes, x->class_count, y->classes, y->class_count, sizeof *x->classes) &&
         are_equal(a->frequencies, x->class_count, b->frequencies, y->class_count, 1);
}

int coco_state_merge(coco_state *state, const coco_state *other, const char *path) {
  if (!is_same_evaluation(state, other))
    return fail("%s: classes or options differ from those of the first state", path);
  size_t count = state->count + other->count;
  vloss_coco_record *records = realloc(state->records, (count + 1) * sizeof *records);
  if (records == NULL) return fail("out of memory");
  if (other->count) memcpy(records + state->count, other->records, other->count * sizeof *records);
  state->records = records;
  state->count = count;
  state->images += other->images;
  state->dropped += other->dropped;
  return 0;
}
