/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded test data, bit for bit the same on every platform: integer arithmetic, exact conversions
 * and single IEEE operations only. */
#ifndef VLOSS_TESTS_DATA_H
#define VLOSS_TESTS_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "call.h"

/* xoshiro256**. C leaves the order of two calls in one expression open: never write that. */
typedef struct rng {
  uint64_t state[4];
} rng;

/* VLOSS_TEST_SEED from the environment, or a fixed default; printed on first use. */
uint64_t data_seed(void);

/* Independent generators for one seed. */
rng rng_init(uint64_t seed, uint64_t stream);
uint64_t rng_next(rng *r);
size_t rng_below(rng *r, size_t bound); /* bound > 0 */
double rng_unit(rng *r);                /* [0, 1) */
double rng_between(rng *r, double low, double high);
double rng_signed(rng *r, double value); /* value or -value */

typedef enum data_kind {
  DATA_PLAIN,   /* ordinary values */
  DATA_NASTY,   /* cancellation, near-ties, huge next to tiny, saturated logits, degenerate boxes,
                   masks on classes that are not the target: finite results of moderate size */
  DATA_WILD,    /* nasty plus anything finite up to the largest number, subnormals */
  DATA_SPECIAL, /* wild plus NaN and infinities anywhere */
  DATA_KINDS
} data_kind;

const char *data_kind_name(data_kind kind);

/* Fill the arrays of a call whose loss, dtype, shape, parameters and labels are set. `target` is
 * touched where the loss has one. Samples of every kind of nastiness take turns, in seeded order.
 */
void data_fill(rng *r, data_kind kind, const call *c, void *input, void *target);

/* Variances for such a call: positive if plain. */
void data_fill_variance(rng *r, data_kind kind, const call *c, void *variance);

/* `count` labels for a call whose shape and parameters are set; one in eight is ignored if `ignore`
 * and the type can hold ignore_index. */
void data_fill_labels(rng *r, const call *c, size_t count, int ignore, vloss_label_type type,
                      void *labels);
size_t data_label_size(vloss_label_type type);
/* The label at an index. */
int64_t data_label(const vloss_labels *labels, size_t index);

/* Weights (class weights alike): 0, 1, powers of two, ordinary ones, in [0, 4]. */
void data_fill_weights(rng *r, dtype type, size_t count, void *weights);
/* Upstream gradients: the same with signs. */
void data_fill_upstream(rng *r, dtype type, size_t count, void *values);

/* One element of an array of that dtype, exact. */
double data_get(dtype type, const void *array, size_t index);
/* Rounded to the dtype. */
void data_set(dtype type, void *array, size_t index, double value);

/* FNV-1a over 64-bit words of the values; all NaN hash alike. */
uint64_t data_hash(uint64_t hash, dtype type, const void *array, size_t count);
#define DATA_HASH_INIT UINT64_C(0xcbf29ce484222325)

/* 1 if equal bit for bit, or both NaN, everywhere; else 0 and the first index that differs. */
int data_same(dtype type, const void *a, const void *b, size_t count, size_t *where);

#endif
