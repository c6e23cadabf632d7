/* SPDX-License-Identifier: Apache-2.0 */
#include "data_values.h"

/* One axis of a box: where it begins and how far it reaches. */
typedef struct span {
  double low, extent;
} span;

typedef struct span_pair {
  span input, target;
} span_pair;

enum { RELATIONS = 17 };

/* How the two spans lie. Eighths in [-4, 4] keep centres and sums exact unless `digits`. */
static span_pair relation(rng *r, dtype type, size_t kind, int digits) {
  double a = digits ? rng_between(r, -4, 4) : value_integer(r, -32, 32) * 0.125;
  double e = digits ? rng_between(r, 0.5, 4) : value_integer(r, 4, 32) * 0.125;
  double f = digits ? rng_between(r, 0.5, 4) : value_integer(r, 4, 32) * 0.125;
  double part = digits ? rng_unit(r) : value_integer(r, 1, 7) * 0.125;
  span target = {a, e};
  switch (kind) {
    case 0: return (span_pair){target, target};
    case 1: return (span_pair){{a + part * e / 4, e * 0.5}, target};
    case 2: return (span_pair){target, {a + part * e / 4, e * 0.5}};
    case 3: return (span_pair){{a + e, f}, target};
    case 4: return (span_pair){{a - f, f}, target};
    case 5: return (span_pair){{a + e + f, f}, target};
    case 6: return (span_pair){{a - 1000, f}, target};
    case 7: return (span_pair){{a, f}, target};
    case 8: return (span_pair){{a + e - f, f}, target};
    case 9: return (span_pair){{a + part * e, 0}, target};
    case 10: return (span_pair){{a - part, f}, {a, 0}};
    case 11: return (span_pair){{a, 0}, {a, 0}};
    case 12: return (span_pair){{a + part, -f}, target};
    case 13: return (span_pair){{a - part, f}, {a, -e}};
    case 14: return (span_pair){{value_step(type, a + 8, value_integer(r, -2, 2)), e}, {a + 8, e}};
    case 15:
      return (span_pair){{value_power(type == F32 ? -80 : -600) * value_integer(r, -2, 2), e},
                         {0, e}};
    default: return (span_pair){{a + part, f}, target};
  }
}

static span scaled(span s, double scale, double offset) {
  return (span){s.low * scale + offset, s.extent * scale};
}

/* Coordinates up to 1e18 (1e150), extents from 2^-60 (2^-500). */
static span_pair nasty_axis(rng *r, dtype type, data_kind kind, size_t how) {
  int wide = type == F32 ? 40 : 400, far = type == F32 ? 8 : 36;
  span_pair s = relation(r, type, how, rng_below(r, 3) != 0);
  double scale = 1, offset = 0;
  if (rng_below(r, 8) == 0) scale = value_power(value_integer(r, -wide, wide));
  if (rng_below(r, 8) == 0) offset = value_integer(r, -64, 64) * scale * 16;
  if (rng_below(r, 2) == 0) offset *= value_power(value_integer(r, 0, far));
  if (kind >= DATA_WILD && rng_below(r, 8) == 0) scale = value_power(type == F32 ? -140 : -1060);
  if (kind >= DATA_WILD && rng_below(r, 8) == 0) scale = value_power(type == F32 ? 110 : 1000);
  return (span_pair){scaled(s.input, scale, offset), scaled(s.target, scale, offset)};
}

static void put(const call *c, void *array, size_t box, size_t axis, span s) {
  double format = call_get(c, "format");
  double first = s.low, second = s.extent;
  if (format == (double)VLOSS_XYXY) second = s.low + s.extent;
  if (format == (double)VLOSS_CXCYWH) first = s.low + s.extent / 2;
  data_set(c->dtype, array, box * 4 + axis, first);
  data_set(c->dtype, array, box * 4 + axis + 2, second);
}

static void spoil(rng *r, const call *c, void *array, size_t box) {
  size_t place = rng_below(r, 4);
  data_set(c->dtype, array, box * 4 + place, value_special(r));
}

void fill_boxes(rng *r, data_kind kind, const call *c, void *input, void *target) {
  for (size_t box = 0; box < c->shape[0]; box++) {
    size_t how = rng_below(r, RELATIONS), same = rng_below(r, 2);
    for (size_t axis = 0; axis < 2; axis++) {
      span_pair s = relation(r, c->dtype, RELATIONS - 1, 1);
      if (axis == 1 && !same) how = rng_below(r, RELATIONS);
      if (kind >= DATA_NASTY) s = nasty_axis(r, c->dtype, kind, how);
      put(c, input, box, axis, s.input);
      put(c, target, box, axis, s.target);
    }
    if (kind == DATA_SPECIAL && rng_below(r, 8) == 0) spoil(r, c, input, box);
    if (kind == DATA_SPECIAL && rng_below(r, 8) == 0) spoil(r, c, target, box);
  }
}
