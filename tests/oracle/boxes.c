/* SPDX-License-Identifier: Apache-2.0 */
#include "boxes.h"

#include <math.h>

static const wide pi = 3.14159265358979323846264338327950288L;

/* 1 - a */
static dual rest(dual a) { return subtract(constant(1), a); }

/* What a loss calls constant in its gradient: handed back, it stays when the boxes move. */
static wide hold(const sample *s, truth *t, wide value) {
  t->held = value;
  return s->held != NULL ? *s->held : value;
}

static dual hull_penalty(const boxes *b) {
  dual q = fraction(b, subtract(b->hull, b->all), add(b->hull, b->eps));
  q.value = fmaxl(0, q.value);
  return q;
}

static dual square(dual a) { return multiply(a, a); }

static dual diagonal_square(const boxes *b) {
  return add(square(b->enclosing[X]), square(b->enclosing[Y]));
}

static dual centre_penalty(const boxes *b) {
  dual distance_square = add(square(b->centre[X]), square(b->centre[Y]));
  return fraction(b, distance_square, add(diagonal_square(b), b->eps));
}

/* (4 / pi^2) times the squared angle between the diagonals. */
static dual aspect_penalty(const boxes *b) {
  wide w = b->extent[X].value, h = b->extent[Y].value;
  wide target_w = b->target_extent[X].value, target_h = b->target_extent[Y].value;
  wide angle = atan2l(target_w * h - w * target_h, target_h * h + target_w * w);
  wide below = w * w + h * h, factor = 8 / (pi * pi);
  dual v = constant(factor / 2 * angle * angle);
  for (int k = 0; k < CORNERS && below > 0; k++) {
    wide by_w = -factor * h / below, by_h = factor * w / below;
    v.grad[k] = angle * (by_w * b->extent[X].grad[k] + by_h * b->extent[Y].grad[k]);
    v.size[k] = fabsl(by_w) * b->extent[X].size[k] + fabsl(by_h) * b->extent[Y].size[k];
  }
  return v;
}

static wide aspect_weight(wide v, wide iou) { return v > 0 ? v / (1 - iou + v) : 0; }

static dual extent_penalty(const boxes *b, int a) {
  dual difference = subtract(b->extent[a], b->target_extent[a]);
  return fraction(b, square(difference), add(square(b->enclosing[a]), b->eps));
}

static void iou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  dual u = b.iou;
  wide floor = oracle_narrow(s, "floor");
  switch ((vloss_iou_form)oracle_parameter(s, "form")) {
    case VLOSS_IOU_LINEAR: finish_boxes(s, &b, rest(u), 1, t); return;
    case VLOSS_IOU_SQUARE: finish_boxes(s, &b, rest(square(u)), 2, t); return; /* a power */
    case VLOSS_IOU_LOG: break;
  }
  dual loss = u.value < floor ? constant(-logl(floor)) : apply(u, -logl(u.value), -1 / u.value);
  finish_boxes(s, &b, loss, 1, t);
  if (fabsl(u.value - floor) < 1e-5L * floor) t->trust = TRUST_NOT_NAN; /* a kink */
}

static void giou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  finish_boxes(s, &b, add(rest(b.iou), hull_penalty(&b)), 1, t);
}

static void diou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  finish_boxes(s, &b, add(rest(b.iou), centre_penalty(&b)), 1, t);
}

static void ciou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  dual v = aspect_penalty(&b);
  wide alpha = aspect_weight(v.value, b.iou.value);
  int gated = oracle_parameter(s, "alpha_gate") != 0;
  if (gated && b.iou.value <= 0.5L) alpha = 0;
  dual loss = add(rest(b.iou), centre_penalty(&b));
  finish_boxes(s, &b, add(loss, scale(v, hold(s, t, alpha))), 1, t);
  if (gated && fabsl(b.iou.value - 0.5L) < 1e-5L) t->trust = TRUST_NOT_NAN;
}

static dual eiou_loss(const boxes *b) {
  dual extents = add(extent_penalty(b, X), extent_penalty(b, Y));
  return add(add(rest(b->iou), centre_penalty(b)), extents);
}

static void eiou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  finish_boxes(s, &b, eiou_loss(&b), 1, t);
}

static void focal_eiou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  wide gamma = oracle_parameter(s, "gamma"), weight = gamma > 0 ? powl(b.iou.value, gamma) : 1;
  wide relative = fmaxl(1, gamma);
  dual loss = eiou_loss(&b);
  finish_boxes(s, &b, scale(loss, hold(s, t, weight)), relative, t);
  for (int k = 0; k < CORNERS; k++) t->grad_size[k] *= relative;
  if (oracle_parameter(s, "normalize") == 0) return;
  t->share = isnan(t->loss) ? 0 : weight; /* not 1 where gamma is 0 */
  t->share_size = t->share * relative;
  wide least = fminl(b.iou.value, weight);
  int underflows = least > 0 && least < oracle_smallest(s->call->dtype);
  if (underflows && t->trust < TRUST_NOT_NAN) t->trust = TRUST_NOT_NAN;
}

static void cdiou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  const dual *xs[] = {&b.low[X], &b.high[X], &b.high[X], &b.low[X]};
  const dual *ys[] = {&b.low[Y], &b.low[Y], &b.high[Y], &b.high[Y]};
  int corners_given = oracle_parameter(s, "format") == VLOSS_XYXY;
  wide most = s->call->dtype == F32 ? 0x1p90L : 0x1p750L;
  wide lambda = fminl(most, oracle_parameter(s, "lambda"));
  wide spread = b.axes[X].spread + b.axes[Y].spread;
  dual sum = constant(0);
  for (int k = 0; k < 4; k++) {
    dual d = distance(*xs[k], *ys[k]);
    for (int i = 0; i < CORNERS && d.value > 0 && !corners_given; i++) /* where does it point? */
      d.size[i] += spread / d.value;
    sum = add(sum, d);
  }
  dual diagonal = distance(b.enclosing[X], b.enclosing[Y]);
  dual corner_penalty = scale(fraction(&b, sum, scale(diagonal, 4)), lambda);
  dual loss = add(rest(b.iou), corner_penalty);
  if (oracle_parameter(s, "base") == VLOSS_BASE_GIOU) loss = add(loss, hull_penalty(&b));
  finish_boxes(s, &b, loss, fmaxl(1, lambda), t);
}

static dual exponential(dual a) { return apply(a, expl(a.value), expl(a.value)); }

/* 1 - e^(-g r^2) of an axis */
static dual axis_cost(const boxes *b, dual g, int a) {
  dual ratio = fraction(b, b->centre[a], b->enclosing[a]);
  return rest(exponential(scale(multiply(g, square(ratio)), -1)));
}

/* (1 - e^-w)^theta of an axis */
static dual shape_cost(const boxes *b, int a, wide theta) {
  dual difference = absolute(subtract(b->extent[a], b->target_extent[a]));
  int larger = b->extent[a].value > b->target_extent[a].value;
  dual longest = larger ? b->extent[a] : b->target_extent[a];
  dual base = rest(exponential(scale(fraction(b, difference, longest), -1)));
  if (base.value == 0) return constant(0);
  dual cost = apply(base, powl(base.value, theta), theta * powl(base.value, theta - 1));
  for (int k = 0; k < CORNERS; k++) cost.size[k] *= theta * (1 + fabsl(theta - 1) / base.value);
  return cost;
}

/* sin of twice the angle of the line between the centres; how far the edges are apart says how
 * wrong the line may be */
static dual angle_cost(const boxes *b) {
  dual x = absolute(b->centre[X]), y = absolute(b->centre[Y]);
  dual cost = fraction(b, scale(multiply(x, y), 2), add(square(x), square(y)));
  wide apart = 0, longest = fmaxl(x.value, y.value);
  for (int a = 0; a < AXES; a++) apart += fabsl(b->low[a].value) + fabsl(b->high[a].value);
  for (int k = 0; k < CORNERS && longest > 0; k++) cost.size[k] *= 1 + apart / longest;
  return cost;
}

/* A sign that rounding decides: that of a difference of such lengths. */
static int is_noise(const sample *s, wide value, wide lengths, int a) {
  int same = s->input[a] == s->target[a] && s->input[a + 2] == s->target[a + 2];
  return !same && fabsl(value) < 2 * box_noise(s) * lengths;
}

static void siou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  wide theta = oracle_parameter(s, "theta");
  dual g = subtract(constant(2), angle_cost(&b));
  dual cost = add(axis_cost(&b, g, X), axis_cost(&b, g, Y));
  cost = add(cost, add(shape_cost(&b, X, theta), shape_cost(&b, Y, theta)));
  finish_boxes(s, &b, add(rest(b.iou), scale(cost, 0.5L)), theta, t);
  for (int a = 0; a < AXES; a++) {
    wide growth = b.extent[a].value - b.target_extent[a].value;
    wide extents = b.extent[a].value + b.target_extent[a].value;
    if (is_noise(s, b.centre[a].value, b.axes[a].spread, a) || is_noise(s, growth, extents, a))
      for (int k = 0; k < 4; k++) t->grad_size[k] *= 0x1p60L;
  }
}

/* The size of a loss's terms grows with that of a power, and with how wrong its base may be. */
typedef struct powers {
  dtype dtype;
  wide alpha;
  dual sum;
  wide size;
} powers;

/* The base may be wrong by `noise` times the bound, and the slope is that of such a base. */
static void add_power(powers *p, dual base, wide noise) {
  wide alpha = p->alpha, at = base.value, wrong = noise * oracle_loss_bound(p->dtype);
  if (at == 0 && alpha < 1) return;
  wide value = powl(at, alpha), slope = at > 0 ? alpha * value / at : 0;
  wide most = powl(at + wrong, alpha - 1), least = powl(fmaxl(0, at - wrong), alpha - 1);
  wide slopes = alpha * fabsl(most - least) / oracle_grad_bound(p->dtype);
  dual term = apply(base, value, slope);
  for (int k = 0; k < CORNERS; k++) term.size[k] += slopes * base.size[k];
  p->sum = add(p->sum, term);
  if (at > 0) p->size += fmaxl(1, alpha) * value * noise / at;
}

static void alpha_iou(const sample *s, truth *t) {
  boxes b = measure_boxes(s);
  wide alpha = oracle_parameter(s, "alpha");
  vloss_box_base base = (vloss_box_base)oracle_parameter(s, "base");
  powers p = {s->call->dtype, alpha, constant(0), 1};
  add_power(&p, b.iou, b.iou.value);
  p.sum = scale(p.sum, -1);
  dual q = hull_penalty(&b), centre = centre_penalty(&b), v = aspect_penalty(&b);
  if (base == VLOSS_BASE_GIOU) add_power(&p, q, 1 + q.value);
  if (base >= VLOSS_BASE_DIOU) add_power(&p, centre, centre.value + sqrtl(centre.value));
  if (base == VLOSS_BASE_CIOU) {
    wide beta = hold(s, t, aspect_weight(v.value, b.iou.value));
    wide lost = sqrtl(v.value) + beta; /* of v */
    add_power(&p, scale(v, beta), beta * (v.value + 4 * lost));
  }
  finish_boxes(s, &b, add(constant(1), p.sum), p.size, t);
  const wide bases[] = {q.value, centre.value, v.value};
  const int used[] = {base == VLOSS_BASE_GIOU, base >= VLOSS_BASE_DIOU, base == VLOSS_BASE_CIOU};
  int same = b.iou.value == 1;
  for (int k = 0; k < 3 && alpha < 1 && !same; k++) /* what rounding leaves of 0 grows */
    if (used[k] && bases[k] < 1e-4L) t->trust = TRUST_NOT_NAN;
}

const oracle_row oracle_boxes[] = {
    {"iou", iou},     {"giou", giou}, {"diou", diou},
    {"ciou", ciou},   {"eiou", eiou}, {"focal_eiou", focal_eiou},
    {"cdiou", cdiou}, {"siou", siou}, {"alpha_iou", alpha_iou},
    {NULL, NULL},
};
