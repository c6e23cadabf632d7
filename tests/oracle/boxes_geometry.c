/* SPDX-License-Identifier: Apache-2.0 */
#include "boxes.h"

#include <math.h>

/* The sum of a few numbers as if rounded once: what additions lose is added again. */
static wide exact_sum(wide *terms, size_t count) {
  wide sum = 0;
  for (size_t pass = 0; pass < count; pass++)
    for (size_t i = 1; i < count; i++) {
      wide a = terms[i - 1], b = terms[i], both = a + b, part = both - a;
      terms[i] = both;
      terms[i - 1] = (a - (both - part)) + (b - part);
    }
  for (size_t i = 0; i < count; i++) sum += terms[i];
  return sum;
}

static wide difference(place a, place b) {
  wide terms[2 * PLACE_TERMS];
  for (size_t i = 0; i < PLACE_TERMS; i++) {
    terms[i] = a.terms[i];
    terms[PLACE_TERMS + i] = -b.terms[i];
  }
  return exact_sum(terms, 2 * PLACE_TERMS);
}

static void corners(const sample *s, const wide *box, int a, place *low, place *high) {
  wide first = box[a], second = box[a + 2];
  switch ((vloss_box_format)oracle_parameter(s, "format")) {
    case VLOSS_XYXY: *low = (place){{first}}, *high = (place){{second}}; break;
    case VLOSS_XYWH: *low = (place){{first}}, *high = (place){{first, second}}; break;
    case VLOSS_CXCYWH:
      *low = (place){{first, -second / 2}}, *high = (place){{first, second / 2}};
      break;
  }
}

static wide given_extent(const sample *s, const wide *box, int a) {
  return oracle_parameter(s, "format") == VLOSS_XYXY ? box[a + 2] - box[a] : box[a + 2];
}

static int invert(place *low, place *high, wide *extent) {
  if (!(*extent < 0)) return 0;
  place centre = {{low->terms[0] / 2, low->terms[1] / 2, high->terms[0] / 2, high->terms[1] / 2}};
  *low = *high = centre;
  *extent = 0;
  return 1;
}

/* 1 if positive, 1/2 in a tie */
static wide wins(wide lead) { return lead > 0 ? 1 : lead == 0 ? 0.5L : 0; }

static axis make_axis(const sample *s, int a) {
  axis x;
  corners(s, s->input, a, &x.low, &x.high);
  corners(s, s->target, a, &x.target_low, &x.target_high);
  x.extent = given_extent(s, s->input, a);
  x.target_extent = given_extent(s, s->target, a);
  x.inverted = invert(&x.low, &x.high, &x.extent);
  x.target_inverted = invert(&x.target_low, &x.target_high, &x.target_extent);
  x.from_low = difference(x.low, x.target_low);
  x.spread = fabsl(x.from_low) + x.extent + x.target_extent;
  x.from_high = difference(x.high, x.target_high);
  place last = x.from_high < 0 ? x.target_high : x.high;
  place first = x.from_low > 0 ? x.target_low : x.low;
  x.overlap =
      difference(x.from_high < 0 ? x.high : x.target_high, x.from_low > 0 ? x.low : x.target_low);
  x.enclosing = difference(last, first);
  x.low_wins = wins(x.from_low);
  x.high_wins = wins(-x.from_high);
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
    const place places[] = {x->low, x->high, x->target_low, x->target_high};
    for (int i = 0; i < 4; i++)
      if (fabsl(difference(places[i], (place){{0}})) > most) return 0;
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

wide box_noise(const sample *s) { return s->call->dtype == F32 ? 0x1p-21L : 0x1p-50L; }

/* Whether rounding decides which corner wins. Not with corners that are given, whose comparison is
 * exact, nor with round numbers or equal ones. */
static int is_close(const sample *s, const axis *x, int a) {
  wide limit = x->spread * box_noise(s);
  int corners_given = oracle_parameter(s, "format") == VLOSS_XYXY;
  int same = s->input[a] == s->target[a] && s->input[a + 2] == s->target[a + 2];
  int ties = fabsl(x->from_low) < limit || fabsl(x->from_high) < limit;
  return !corners_given && !same && !is_round(s, a) && ties;
}

static dual with_value(dual a, wide value) {
  a.value = value;
  return a;
}

/* The slopes of the prediction's corners, each its own variable. */
static dual corner_dual(size_t which) {
  dual a = constant(0);
  a.grad[which] = a.size[which] = 1;
  return a;
}

static void measure_axis(const sample *s, boxes *b, int a) {
  axis *x = &b->axes[a];
  *x = make_axis(s, a);
  dual low = corner_dual((size_t)(2 * a)), high = corner_dual((size_t)(2 * a + 1));
  dual inner = subtract(scale(high, x->high_wins), scale(low, x->low_wins));
  dual outer = subtract(scale(high, 1 - x->high_wins), scale(low, 1 - x->low_wins));
  b->extent[a] = with_value(subtract(high, low), x->extent);
  b->target_extent[a] = constant(x->target_extent);
  b->overlap[a] = with_value(inner, x->overlap);
  b->enclosing[a] = with_value(outer, x->enclosing);
  b->low[a] = with_value(low, x->from_low);
  b->high[a] = with_value(high, x->from_high);
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
