/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: chunked_linear [ROWS [CLASSES]]
 * Cross entropy of a linear layer z = x W of very many classes, chunk by chunk: no row of logits is
 * ever in memory as a whole. Then the plain way, and the peak memory of both. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <vloss/state.h>
#include <vloss/vloss.h>

enum { FEATURES = 64, CHUNK = 2048, LANES = 8 };

typedef struct layer {
  size_t rows, classes;
  float *x, *w; /* rows x FEATURES, FEATURES x classes */
  int32_t *labels;
  float *grad_x; /* rows x FEATURES */
  float *step_w; /* FEATURES x CHUNK: of the weights of a chunk, to be used at once */
} layer;

static int all_right(vloss_status status) {
  if (status == VLOSS_OK) return 1;
  fprintf(stderr, "chunked_linear: %s\n", vloss_status_string(status));
  return 0;
}

static float *numbers(size_t count) {
  float *p = calloc(count, sizeof *p);
  if (!p) perror("chunked_linear"), exit(EXIT_FAILURE);
  return p;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* ----------------------------------------- the products, of classes [first, first + count) */

/* z (rows x count) = x W */
static void forward(const layer *l, size_t first, size_t count, float *z) {
  for (size_t i = 0; i < l->rows; i++)
    for (size_t k = 0; k < count; k++) z[i * count + k] = 0;
  for (size_t h = 0; h < FEATURES; h++)
    for (size_t i = 0; i < l->rows; i++) {
      const float x = l->x[i * FEATURES + h], *w = l->w + h * l->classes + first;
      for (size_t k = 0; k < count; k++) z[i * count + k] += x * w[k];
    }
}

static float dot(const float *a, const float *b, size_t count) {
  float sum[LANES] = {0}, total = 0;
  size_t k = 0;
  for (; k + LANES <= count; k += LANES)
    for (size_t j = 0; j < LANES; j++) sum[j] += a[k + j] * b[k + j];
  for (; k < count; k++) total += a[k] * b[k];
  for (size_t j = 0; j < LANES; j++) total += sum[j];
  return total;
}

/* From g (rows x count, `pitch` apart): grad_x += g W^T, and step_w = x^T g. */
static void backward(const layer *l, size_t first, size_t count, const float *g, size_t pitch) {
  for (size_t h = 0; h < FEATURES; h++) {
    const float *w = l->w + h * l->classes + first;
    float *step = l->step_w + h * CHUNK;
    for (size_t k = 0; k < count; k++) step[k] = 0;
    for (size_t i = 0; i < l->rows; i++) {
      const float x = l->x[i * FEATURES + h], *row = g + i * pitch;
      l->grad_x[i * FEATURES + h] += dot(row, w, count);
      for (size_t k = 0; k < count; k++) step[k] += x * row[k];
    }
  }
}

/* ----------------------------------------------------------------------------------- both ways */

/* Forward twice: for the states of the rows, and once they are known for the gradient. */
static int chunked(const layer *l, float *loss) {
  vloss_softmax_state *states = malloc(l->rows * sizeof *states);
  float *z = numbers(l->rows * CHUNK);
  const vloss_labels labels = {l->labels, VLOSS_LABEL_INT32};
  vloss_shard s = VLOSS_SHARD_INIT;
  int good = states && all_right(vloss_softmax_init(l->rows, states));
  s.n = l->rows;
  s.all_classes = l->classes;
  for (int pass = 0; pass < 2; pass++)
    for (size_t first = 0; good && first < l->classes; first += CHUNK) {
      s.first_class = first;
      s.classes = smaller(CHUNK, l->classes - first);
      forward(l, first, s.classes, z);
      if (pass == 0) {
        good = all_right(vloss_softmax_update_f32(z, labels, &s, NULL, 0, NULL, states));
        continue;
      }
      good = all_right(
          vloss_cross_entropy_from_states_f32(states, z, labels, &s, NULL, NULL, loss, z));
      backward(l, first, s.classes, z, s.classes);
    }
  free(z);
  free(states);
  return good;
}

static int whole(const layer *l, float *loss) {
  float *z = numbers(l->rows * l->classes);
  const vloss_labels labels = {l->labels, VLOSS_LABEL_INT32};
  forward(l, 0, l->classes, z);
  int good =
      all_right(vloss_cross_entropy_f32(z, labels, l->rows, l->classes, 1, NULL, NULL, loss, z));
  for (size_t first = 0; good && first < l->classes; first += CHUNK)
    backward(l, first, smaller(CHUNK, l->classes - first), z + first, l->classes);
  free(z);
  return good;
}

static long peak_kilobytes(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

static void fill(float *p, size_t count, uint32_t seed, float size) {
  for (size_t i = 0; i < count; i++) {
    seed = seed * 1664525U + 1013904223U;
    p[i] = size * ((float)(seed >> 8) * 0x1p-23F - 1);
  }
}

int main(int argc, char **argv) {
  layer l = {.rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 128,
             .classes = argc > 2 ? strtoul(argv[2], NULL, 10) : 131072};
  size_t inputs = l.rows * FEATURES;
  float loss[2] = {0, 0}, *first = numbers(inputs), difference = 0;
  l.x = numbers(inputs);
  l.w = numbers(FEATURES * l.classes);
  l.step_w = numbers((size_t)FEATURES * CHUNK);
  l.labels = calloc(l.rows, sizeof *l.labels);
  if (!l.labels || !l.classes) return EXIT_FAILURE;
  fill(l.x, inputs, 1, 1);
  fill(l.w, FEATURES * l.classes, 2, 0.5F);
  for (size_t i = 0; i < l.rows; i++) l.labels[i] = (int32_t)(i * 7919 % l.classes);

  long before = peak_kilobytes(), peak[2] = {0, 0};
  for (int way = 0; way < 2; way++) {
    l.grad_x = way ? numbers(inputs) : first;
    if (!(way ? whole : chunked)(&l, &loss[way])) return EXIT_FAILURE;
    peak[way] = peak_kilobytes() - before; /* of the way that needs less first */
    printf("%-7s loss %.6f, peak memory beside the layer %ld KiB\n", way ? "whole" : "chunked",
           (double)loss[way], peak[way]);
  }
  for (size_t i = 0; i < inputs; i++) difference = fmaxf(difference, fabsf(first[i] - l.grad_x[i]));
  printf("difference: loss %.1e, gradient of x %.1e\n", (double)fabsf(loss[0] - loss[1]),
         (double)difference);
  free(l.x), free(l.w), free(l.step_w), free(l.labels), free(l.grad_x), free(first);
  return fabsf(loss[0] - loss[1]) <= 1e-5F && difference <= 1e-6F ? EXIT_SUCCESS : EXIT_FAILURE;
}
