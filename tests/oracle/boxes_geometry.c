/* SPDX-License-Identifier: Apache-2.0 */
#include "boxes.h"

#include <math.h>

static void corners(const sample *s, const wide *box, int a, wide *low, wide *high) {
  wide first = box[a], second = box[a + 2];
  switch ((vloss_box_format)oracle_parameter(s, "format")) {
    case VLOSS_XYXY: *low = first, *high = second; break;
    case VLOSS_XYWH: *low = first, *high = first + second; break;
    case VLOSS_CXCYWH: *low = first - second / 2, *high = first + second / 2; break;
  }
}

static wide given_extent(const sample *s, const wide *box, int a) {
  return oracle_parameter(s, "format") == VLOSS_XYXY ? box[a + 2] - box[a] : box[a + 2];
}

static int invert(wide *low, wide *high, wide *extent) {
  if (!(*extent < 0)) return 0;
  *low = *high = (*low + *high) / 2;
  *extent = 0;
  return 1;
}

static wide wins(wide x, wide y) { return x > y ? 1 : x == y ? 0.5L : 0; }

static axis make_axis(const sample *s, int a) {
  axis x;
  corners(s, s->input, a, &x.low, &x.high);
  corners(s, s->target, a, &x.target_low, &x.target_high);
  x.extent = given_extent(s, s->input, a);
  x.target_extent = given_extent(s, s->target, a);
  x.inverted = invert(&x.low, &x.high, &x.extent);
  x.target_inverted = invert(&x.target_low, &x.target_high, &x.target_extent);
  x.overlap = fminl(x.high, x.target_high) - fmaxl(x.low, x.target_low);
  x.enclosing = fmaxl(x.high, x.target_high) - fminl(x.low, x.target_low);
  x.low_wins = wins(x.low, x.target_low);
  x.high_wins = wins(x.target_high, x.high);
  return x;
}

static int not_finite(const sample *s) {
  for (int k = 0; k < 4; k++)
    if (!isfinite(s->input[k]) || !isfinite(s->target[k])) return 1;
  return 0;
}

/* Extents that the bound is promised for: 0, or not too small; and coordinates not too large. */
static int in_domain(const sample *s, const axis *axes) {
  int single = s->call->dtype == F32;
  wide most = single ? 1e18L : 1e150L, least = ldexpl(1, single ? -60 : -500);
  for (int a = 0; a < AXES; a++) {
    const axis *x = &axes[a];
    const wide places[] = {x->low, x->high, x->target_low, x->target_high};
    for (int i = 0; i < 4; i++)
      if (fabsl(places[i]) > most) return 0;
    if (fabsl(s->input[a]) > most || fabsl(s->input[a + 2]) > most) return 0;
    if (fabsl(s->target[a]) > most || fabsl(s->target[a + 2]) > most) return 0;
    if (x->extent != 0 && x->extent < least) return 0;
    if (x->target_extent != 0 && x->target_extent < least) return 0;
  }
  return 1;
}

/* From slopes at the corners to slopes in the call's format, inverted axes included. `sign` is -1
 * for slopes and 1 for sizes, which add where slopes cancel. */
static void put(const sample *s, const axis *axes, const wide *corner, wide sign, wide *out) {
  for (int a = 0; a < AXES; a++) {
    wide low = corner[2 * a], high = corner[2 * a + 1];
    if (axes[a].inverted) low = high = (low + high) / 2;
    switch ((vloss_box_format)oracle_parameter(s, "format")) {
      case VLOSS_XYXY: out[a] = low, out[a + 2] = high; break;
      case VLOSS_XYWH: out[a] = low + high, out[a + 2] = high; break;
      case VLOSS_CXCYWH: out[a] = low + high, out[a + 2] = (high + sign * low) / 2; break;
    }
  }
}

/* A coordinate that is not finite makes the whole box NaN. */
static void spoil(truth *t) {
  t->trust = TRUST_ACCURATE;
  t->loss = (wide)NAN;
  for (int k = 0; k < 4; k++) t->grad[k] = (wide)NAN;
}

/* The largest magnitude among the numbers of an axis. */
static wide magnitude(const sample *s, int a) {
  wide largest = 0;
  for (int k = a; k < 4; k += 2)
    largest = fmaxl(largest, fmaxl(fabsl(s->input[k]), fabsl(s->target[k])));
  return largest;
}

/* Whether sums and halves of an axis's numbers are exact in either dtype. */
static int is_round(const sample *s, int a) {
  wide unit = magnitude(s, a) * 0x1p-18L;
  int exponent;
  (void)frexpl(unit, &exponent);
  for (int k = a; k < 4; k += 2)
    if (fmodl(s->input[k], ldexpl(1, exponent)) != 0 ||
        fmodl(s->target[k], ldexpl(1, exponent)) != 0)
      return 0;
  return 1;
}

/* Whether rounding decides which corner wins. Not with plain corners, whose comparison is exact,
 * nor with round numbers or equal ones. */
static int is_close(const sample *s, const axis *x, int a) {
  wide limit = magnitude(s, a) * (s->call->dtype == F32 ? 0x1p-21L : 0x1p-50L);
  int plain = oracle_parameter(s, "format") == VLOSS_XYXY && !x->inverted && !x->target_inverted;
  int same = s->input[a] == s->target[a] && s->input[a + 2] == s->target[a + 2];
  int touches = x->extent > 0 && x->target_extent > 0 && fabsl(x->overlap) < limit;
  int ties = fabsl(x->low - x->target_low) < limit || fabsl(x->high - x->target_high) < limit;
  return !plain && !same && !is_round(s, a) && (touches || ties);
}

/* Coordinates of the prediction's corners, each its own variable. */
static dual corner_dual(wide value, size_t which) {
  dual a = constant(value);
  a.grad[which] = a.size[which] = 1;
  return a;
}

/* The selector of the winning corner, as a mean of both in a tie. */
static dual mean_of(dual a, dual b, wide part) {
  dual r = constant(part == 0 ? b.value : a.value);
  for (int k = 0; k < CORNERS; k++) {
    r.grad[k] = part * a.grad[k] + (1 - part) * b.grad[k];
    r.size[k] = part * a.size[k] + (1 - part) * b.size[k];
  }
  return r;
}

static void measure_axis(const sample *s, boxes *b, int a) {
  axis *x = &b->axes[a];
  *x = make_axis(s, a);
  dual low = corner_dual(x->low, (size_t)(2 * a)), high = corner_dual(x->high, (size_t)(2 * a + 1));
  dual target_low = constant(x->target_low), target_high = constant(x->target_high);
  b->extent[a] = subtract(high, low);
  b->extent[a].value = x->extent;
  b->target_extent[a] = constant(x->target_extent);
  b->overlap[a] =
      subtract(mean_of(high, target_high, x->high_wins), mean_of(low, target_low, x->low_wins));
  b->overlap[a].value = x->overlap;
  b->enclosing[a] =
      subtract(mean_of(target_high, high, x->high_wins), mean_of(target_low, low, x->low_wins));
  b->enclosing[a].value = x->enclosing;
  b->low[a] = subtract(low, target_low);
  b->high[a] = subtract(high, target_high);
  b->centre[a] = scale(add(b->low[a], b->high[a]), 0.5L);
}

boxes measure_boxes(const sample *s) {
  boxes b;
  b.smallest = oracle_smallest(s->call->dtype);
  b.eps = constant(oracle_parameter(s, "eps"));
  for (int a = 0; a < AXES; a++) measure_axis(s, &b, a);
  int meet = b.overlap[X].value > 0 && b.overlap[Y].value > 0;
  b.intersection = meet ? multiply(b.overlap[X], b.overlap[Y]) : constant(0);
  dual area = multiply(b.extent[X], b.extent[Y]);
  dual target_area = multiply(b.target_extent[X], b.target_extent[Y]);
  b.all = subtract(add(area, target_area), b.intersection);
  b.hull = multiply(b.enclosing[X], b.enclosing[Y]);
  b.iou = fraction(&b, b.intersection, add(b.all, b.eps));
  b.close = is_close(s, &b.axes[X], X) || is_close(s, &b.axes[Y], Y);
  return b;
}

void finish_boxes(const sample *s, const boxes *b, dual loss, wide size, truth *t) {
  int degenerate = 0;
  for (int a = 0; a < AXES; a++) {
    degenerate |= b->axes[a].inverted || b->axes[a].target_inverted;
    for (int k = 0; k < 2; k++) {
      wide extent = b->enclosing[a].value;
      if (extent > 0) loss.size[2 * a + k] += 1 / extent;
      if (b->close) loss.size[2 * a + k] *= 0x1p60L;
    }
  }
  t->loss = loss.value;
  t->loss_size = size;
  t->degenerate = degenerate;
  t->trust = in_domain(s, b->axes) ? TRUST_ACCURATE : TRUST_NOT_NAN;
  put(s, b->axes, loss.grad, -1, t->grad);
  put(s, b->axes, loss.size, 1, t->grad_size);
  if (not_finite(s)) spoil(t);
}
