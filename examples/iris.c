/* SPDX-License-Identifier: Apache-2.0 */
/* Train a softmax classifier on Fisher's iris measurements: iris [IRIS.csv [LOGITS.npy]].
 *
 * vloss gives loss and gradient with respect to the logits; the rest is plain C loops of fixed
 * order. So the whole training gives the same bits on every instruction set, and the program checks
 * that. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vloss/vloss.h>

#ifndef IRIS_CSV
#define IRIS_CSV "examples/data/iris.csv"
#endif

enum { FLOWERS = 150, MEASUREMENTS = 4, INPUTS = MEASUREMENTS + 1, SPECIES = 3 };
enum { STEPS = 200, STEPS_PER_LINE = 20 };

static const char *const species_name[SPECIES] = {"setosa", "versicolor", "virginica"};
static const float learning_rate = 0.5F;
static const float momentum = 0.9F;
static const double wanted_accuracy = 0.96;

typedef struct flowers {
  float input[FLOWERS][INPUTS]; /* the last one is 1: its weights are the bias */
  uint8_t species[FLOWERS];
} flowers;

typedef struct classifier {
  float weight[INPUTS][SPECIES];
} classifier;

/* one number for each species: logits, or the gradient with respect to them */
typedef struct scores {
  float of[FLOWERS][SPECIES];
} scores;

static void die(const char *what, const char *why) {
  fprintf(stderr, "iris: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static uint8_t species_index(const char *name) {
  uint8_t k = 0;
  while (k < SPECIES && strcmp(name, species_name[k]) != 0) k++;
  return k;
}

static void read_flowers(const char *path, flowers *data) {
  FILE *file = fopen(path, "r");
  if (file == NULL) die(path, "cannot be opened");
  if (fscanf(file, "%*[^\n]") == EOF) die(path, "is empty");
  for (size_t i = 0; i < FLOWERS; i++) {
    float *x = data->input[i];
    char name[16];
    if (fscanf(file, " %f,%f,%f,%f,%15s", &x[0], &x[1], &x[2], &x[3], name) != 5)
      die(path, "is not 150 rows of four measurements and a species");
    x[MEASUREMENTS] = 1;
    data->species[i] = species_index(name);
    if (data->species[i] == SPECIES) die(path, "names an unknown species");
  }
  fclose(file);
}

/* Every measurement gets mean 0 and variance 1. */
static void standardise(flowers *data) {
  for (size_t k = 0; k < MEASUREMENTS; k++) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < FLOWERS; i++) mean += (double)data->input[i][k] / FLOWERS;
    for (size_t i = 0; i < FLOWERS; i++) {
      double d = (double)data->input[i][k] - mean;
      variance += d * d / FLOWERS;
    }
    for (size_t i = 0; i < FLOWERS; i++)
      data->input[i][k] = (float)(((double)data->input[i][k] - mean) / sqrt(variance));
  }
}

/* z = input weight */
static void forward(const flowers *data, const classifier *model, scores *z) {
  for (size_t i = 0; i < FLOWERS; i++)
    for (size_t c = 0; c < SPECIES; c++) {
      z->of[i][c] = 0;
      for (size_t k = 0; k < INPUTS; k++) z->of[i][c] += data->input[i][k] * model->weight[k][c];
    }
}

/* velocity = momentum velocity + input^T grad, weight -= learning_rate velocity */
static void descend(const flowers *data, const scores *grad, classifier *velocity,
                    classifier *model) {
  for (size_t k = 0; k < INPUTS; k++)
    for (size_t c = 0; c < SPECIES; c++) {
      float sum = 0;
      for (size_t i = 0; i < FLOWERS; i++) sum += data->input[i][k] * grad->of[i][c];
      velocity->weight[k][c] = momentum * velocity->weight[k][c] + sum;
      model->weight[k][c] -= learning_rate * velocity->weight[k][c];
    }
}

static size_t predict(const float *z) {
  size_t best = 0;
  for (size_t c = 1; c < SPECIES; c++)
    if (z[c] > z[best]) best = c;
  return best;
}

static double accuracy(const flowers *data, const scores *z) {
  size_t right = 0;
  for (size_t i = 0; i < FLOWERS; i++) right += predict(z->of[i]) == data->species[i];
  return (double)right / FLOWERS;
}

static float loss_and_gradient(const flowers *data, const scores *z, scores *grad) {
  const vloss_labels labels = {data->species, VLOSS_LABEL_UINT8};
  float loss = 0;
  const vloss_status status = vloss_cross_entropy_f32(
      z->of[0], labels, FLOWERS, SPECIES, 1, NULL, NULL, &loss, grad == NULL ? NULL : grad->of[0]);
  if (status != VLOSS_OK) die("vloss", vloss_status_string(status));
  return loss;
}

static classifier train(const flowers *data, int verbose) {
  classifier model = {{{0}}}, velocity = {{{0}}};
  scores z, grad;
  for (int step = 0; step < STEPS; step++) {
    forward(data, &model, &z);
    float loss = loss_and_gradient(data, &z, &grad);
    if (verbose && step % STEPS_PER_LINE == 0)
      printf("step %3d   loss %.6f   accuracy %.3f\n", step, (double)loss, accuracy(data, &z));
    descend(data, &grad, &velocity, &model);
  }
  return model;
}

static void print_confusion(const flowers *data, const scores *z) {
  size_t count[SPECIES][SPECIES] = {{0}};
  for (size_t i = 0; i < FLOWERS; i++) count[data->species[i]][predict(z->of[i])]++;
  printf("\n%-16s", "is \\ taken for");
  for (size_t c = 0; c < SPECIES; c++) printf("%12s", species_name[c]);
  for (size_t r = 0; r < SPECIES; r++) {
    printf("\n%-16s", species_name[r]);
    for (size_t c = 0; c < SPECIES; c++) printf("%12zu", count[r][c]);
  }
  printf("\n\n");
}

static void write_npy(const char *path, const scores *z) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) die(path, "cannot be written");
  /* 10 bytes of magic, version and header size (118 = 'v'), then the header: 128 bytes in all */
  fprintf(file, "\x93NUMPY\x01%cv%c%-117s\n", 0, 0,
          "{'descr': '<f4', 'fortran_order': False, 'shape': (150, 3), }");
  size_t rows = fwrite(z->of, sizeof z->of[0], FLOWERS, file);
  if (fclose(file) != 0 || rows != FLOWERS) die(path, "cannot be written");
}

/* FNV-1a: a name for the bits of the weights */
static uint64_t fingerprint(const classifier *model) {
  const unsigned char *bytes = (const unsigned char *)model;
  uint64_t hash = 0xcbf29ce484222325U;
  for (size_t i = 0; i < sizeof *model; i++) hash = (hash ^ bytes[i]) * 0x100000001b3U;
  return hash;
}

/* Train again on every other instruction set that runs here; 1 if all of them gave the same bits.
 * */
static int repeat_elsewhere(const flowers *data, const classifier *model, const char *active) {
  printf("final weights %016" PRIx64 " on %s", fingerprint(model), active);
  int same = 1;
  for (size_t i = 0; i < vloss_isa_count(); i++) {
    const char *isa = vloss_isa_name(i);
    if (!vloss_isa_usable(i) || strcmp(isa, active) == 0) continue;
    if (vloss_set_isa(isa) != VLOSS_OK) die(isa, "cannot be chosen");
    const classifier again = train(data, 0);
    const int equal = memcmp(&again, model, sizeof again) == 0;
    printf(equal ? ", bit-identical on %s" : ", DIFFERENT on %s", isa);
    same &= equal;
  }
  printf("\n");
  return same;
}

int main(int argc, char **argv) {
  static flowers data;
  const char *active = vloss_isa();
  read_flowers(argc > 1 ? argv[1] : IRIS_CSV, &data);
  standardise(&data);

  printf("softmax classifier on %d irises, gradient descent with momentum, vloss %s on %s\n",
         FLOWERS, vloss_version(), active);
  const classifier model = train(&data, 1);
  scores z;
  forward(&data, &model, &z);
  const double reached = accuracy(&data, &z);
  printf("step %3d   loss %.6f   accuracy %.3f\n", STEPS,
         (double)loss_and_gradient(&data, &z, NULL), reached);
  print_confusion(&data, &z);
  if (argc > 2) write_npy(argv[2], &z);

  if (!repeat_elsewhere(&data, &model, active)) return EXIT_FAILURE;
  return reached >= wanted_accuracy ? EXIT_SUCCESS : EXIT_FAILURE;
}
