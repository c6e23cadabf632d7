/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "oracle.h"

enum { X, Y, AXES };

/* One axis of the pair: corners, extents, selectors of section 1.4 of the contract. */
typedef struct axis {
  wide low, high, target_low, target_high;
  wide extent, target_extent, overlap, enclosing;
  wide low_wins, high_wins; /* 1 if the prediction's corner bounds the intersection, 1/2 in a tie */
  int inverted, target_inverted;
} axis;

typedef struct pair {
  axis axes[AXES];
} pair;

/* Value, slope and size of the terms of a quantity, by low and high corner of each axis. */
typedef struct slope {
  wide low[AXES], high[AXES];
} slope;

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
static int in_domain(const sample *s, const pair *p) {
  int single = s->call->dtype == F32;
  wide most = single ? 1e18L : 1e150L, least = ldexpl(1, single ? -60 : -500);
  for (int a = 0; a < AXES; a++) {
    const axis *x = &p->axes[a];
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
static void put(const sample *s, const pair *p, const slope *g, wide sign, wide *out) {
  for (int a = 0; a < AXES; a++) {
    wide low = g->low[a], high = g->high[a];
    if (p->axes[a].inverted) low = high = (low + high) / 2;
    switch ((vloss_box_format)oracle_parameter(s, "format")) {
      case VLOSS_XYXY: out[a] = low, out[a + 2] = high; break;
      case VLOSS_XYWH: out[a] = low + high, out[a + 2] = high; break;
      case VLOSS_CXCYWH: out[a] = low + high, out[a + 2] = (high + sign * low) / 2; break;
    }
  }
}

/* The corner slopes of area, intersection and enclosing area, one corner at a time. */
typedef struct corner {
  wide area, intersection, enclosing;
} corner;

static corner corner_slopes(const pair *p, int a, int high, wide meets) {
  const axis *x = &p->axes[a], *other = &p->axes[1 - a];
  wide sign = high ? 1 : -1, winner = high ? x->high_wins : x->low_wins;
  return (corner){sign * other->extent, meets * sign * winner * other->overlap,
                  sign * (1 - winner) * other->enclosing};
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

/* The terms of GIoU's slope: IoU's and the hull's. */
typedef struct giou_terms {
  wide iou, q, all, hull; /* denominators with eps, infinite where guarded */
  int close;
} giou_terms;

static void giou_slope(const pair *p, const giou_terms *t, int a, int high, wide meets, slope *grad,
                       slope *size) {
  const axis *x = &p->axes[a], *other = &p->axes[1 - a];
  corner d = corner_slopes(p, a, high, meets);
  corner most = {other->extent, fabsl(other->overlap), other->enclosing};
  wide pull = (t->iou * d.area - (1 + t->iou) * d.intersection) / t->all;
  wide push = ((1 - t->q) * d.enclosing - d.area + d.intersection) / t->hull;
  wide terms = (t->iou * fabsl(d.area) + (1 + t->iou) * fabsl(d.intersection)) / t->all +
               ((1 + t->q) * fabsl(d.enclosing) + fabsl(d.area) + fabsl(d.intersection)) / t->hull;
  if (!isinf(t->hull)) terms += 1 / x->enclosing;
  if (t->close)
    terms = ((most.area + most.intersection) / t->all +
             (most.area + most.intersection + most.enclosing) / t->hull) *
            0x1p60L;
  (high ? grad->high : grad->low)[a] = pull + push;
  (high ? size->high : size->low)[a] = terms;
}

static wide guarded(const sample *s, wide denominator) {
  return denominator < oracle_smallest(s->call->dtype) ? (wide)INFINITY : denominator;
}

static void giou(const sample *s, truth *t) {
  pair p;
  slope grad, size;
  for (int a = 0; a < AXES; a++) p.axes[a] = make_axis(s, a);
  const axis *x = &p.axes[X], *y = &p.axes[Y];
  wide eps = oracle_parameter(s, "eps"), meets = x->overlap > 0 && y->overlap > 0;
  wide intersection = meets * x->overlap * y->overlap, hull = x->enclosing * y->enclosing;
  wide all = x->extent * y->extent + x->target_extent * y->target_extent - intersection;
  giou_terms g = {.all = guarded(s, all + eps), .hull = guarded(s, hull + eps)};
  g.iou = intersection / g.all;
  g.q = fmaxl(0, (hull - all) / g.hull);
  g.close = is_close(s, x, X) || is_close(s, y, Y);
  for (int a = 0; a < AXES; a++)
    for (int high = 0; high < 2; high++) giou_slope(&p, &g, a, high, meets, &grad, &size);
  t->loss = 1 - g.iou + g.q;
  t->loss_size = 1;
  t->degenerate = x->inverted || y->inverted || x->target_inverted || y->target_inverted;
  t->trust = in_domain(s, &p) ? TRUST_ACCURATE : TRUST_NOT_NAN;
  put(s, &p, &grad, -1, t->grad);
  put(s, &p, &size, 1, t->grad_size);
  if (not_finite(s)) spoil(t);
}

const oracle_row oracle_boxes[] = {{"giou", giou}, {NULL, NULL}};
