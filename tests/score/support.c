/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "cpu.h"
#include "dispatch.h"

size_t box_number_size(box_type type) { return type == BOX_F64 ? 8 : 4; }
size_t value_number_size(box_type type) { return type == BOX_F32 ? 4 : 8; }

double number_at(const void *array, box_type type, size_t i) {
  if (type == BOX_I32) return ((const int32_t *)array)[i];
  return type == BOX_F64 ? ((const double *)array)[i] : (double)((const float *)array)[i];
}

double value_at(const void *array, box_type type, size_t i) {
  return type == BOX_F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

void number_put(void *array, box_type type, size_t i, double value) {
  if (type == BOX_I32)
    ((int32_t *)array)[i] = (int32_t)value;
  else if (type == BOX_F64)
    ((double *)array)[i] = value;
  else
    ((float *)array)[i] = (float)value;
}

static void fill_plain(rng *r, box_type type, double span[4]) {
  double size = type == BOX_I32 ? 60 : 1;
  for (int axis = 0; axis < 2; axis++) {
    span[axis] = rng_between(r, -size, size);
    span[axis + 2] = rng_between(r, 0, size);
  }
}

static void fill_odd(rng *r, box_type type, double span[4]) {
  double largest = type == BOX_F32 ? (double)FLT_MAX : DBL_MAX;
  const double odd[] = {NAN,   INFINITY, -INFINITY, largest, -largest, largest * 0x1p-70,
                        1e-30, 1e-44,    0.0,       -0.0,    1e18,     -1e9};
  const double whole[] = {INT32_MAX, INT32_MIN, 0, 1, -1, 46341};
  for (size_t count = 1 + rng_below(r, 3); count > 0; count--) {
    size_t at = rng_below(r, 4);
    span[at] = type == BOX_I32 ? whole[rng_below(r, 6)] : odd[rng_below(r, 12)];
  }
}

/* Of a lattice: its square is the least number of f64, and a half of that of f32. */
static double faint_unit(box_type type) {
  return type == BOX_F32 ? 0x1p-75 : type == BOX_F64 ? 0x1p-537 : 1;
}

void boxes_fill(rng *r, box_data kind, box_type type, vloss_box_format format, void *boxes,
                size_t n) {
  for (size_t i = 0; i < n; i++) {
    double span[4]; /* low corner and extents */
    if (kind == BOXES_PLAIN) {
      fill_plain(r, type, span);
    } else {
      for (size_t k = 0; k < 4; k++) span[k] = (double)rng_below(r, 7) - (k > 1);
    }
    for (size_t k = 0; kind == BOXES_FAINT && k < 4; k++) span[k] *= faint_unit(type);
    for (size_t k = 2; k < 4; k++)
      if (span[k] == 0 && i % 2) span[k] = -0.0;
    if (format == VLOSS_XYXY) {
      span[2] += span[0];
      span[3] += span[1];
    }
    if (kind == BOXES_ODD && rng_below(r, 3) == 0) fill_odd(r, type, span);
    for (size_t k = 0; k < 4; k++) number_put(boxes, type, 4 * i + k, span[k]);
  }
}

static int usable(const isa *row) {
  return (row->features & vloss_cpu_features()) == row->features;
}

size_t isas_usable(void) {
  size_t count = 0;
  for (size_t i = 0; i < vloss_isas_count; i++) count += usable(&vloss_isas[i]) != 0;
  return count;
}

const char *isa_use(size_t index) {
  for (size_t i = 0; i < vloss_isas_count; i++) {
    if (!usable(&vloss_isas[i]) || index-- > 0) continue;
    vloss_isa_force(&vloss_isas[i]);
    return vloss_isas[i].name;
  }
  abort();
}

static double rounded(const oracle_form *f, double a) {
  return f->type == BOX_F32 ? (double)(float)a : a;
}

typedef struct side {
  double low, high, extent;
} side;

static side side_of(const oracle_form *f, double p, double q) {
  side s = {p, q, q};
  double centre;
  if (f->format == VLOSS_XYXY) {
    if (f->any_corners && q < p) s = (side){q, p, 0};
    s.extent = rounded(f, s.high - s.low);
    centre = rounded(f, p / 2 + q / 2);
  } else if (f->format == VLOSS_XYWH) {
    s.high = rounded(f, p + q);
    centre = rounded(f, p + q / 2);
  } else {
    s.low = rounded(f, p - rounded(f, q / 2));
    s.high = rounded(f, p + rounded(f, q / 2));
    centre = p;
  }
  return s.extent < 0 ? (side){centre, centre, 0} : s;
}

static double angle_of(double width, double height) {
  if (height == 0) return width == 0 ? 0 : acos(-1) / 2;
  return atan(width / height);
}

/* alpha v; of a box without extents the angle between the boxes is 0 */
static double aspect(const side a[2], const side b[2], double iou) {
  double pi = acos(-1),
         between = angle_of(b[0].extent, b[1].extent) - angle_of(a[0].extent, a[1].extent);
  if (a[0].extent + a[1].extent == 0 || b[0].extent + b[1].extent == 0) between = 0;
  double v = 4 / (pi * pi) * between * between, whole = 1 - iou + v;
  return whole == 0 ? 0 : v / whole * v;
}

static double share(const oracle_form *f, double part, double whole) {
  return whole == 0 ? 0 : rounded(f, part / whole);
}

double oracle_similarity(const oracle_form *f, const double a[4], const double b[4], int crowd) {
  side p[2], q[2];
  double inner[2], outer[2], distance[2];
  for (int axis = 0; axis < 2; axis++) {
    side s = p[axis] = side_of(f, a[axis], a[axis + 2]);
    side t = q[axis] = side_of(f, b[axis], b[axis + 2]);
    if (s.low != s.low || s.high != s.high || t.low != t.low || t.high != t.high) return NAN;
    inner[axis] = rounded(f, fmin(s.high, t.high) - fmax(s.low, t.low));
    outer[axis] = rounded(f, fmax(s.high, t.high) - fmin(s.low, t.low));
    double sum = rounded(f, rounded(f, s.low - t.low) + rounded(f, s.high - t.high));
    distance[axis] = rounded(f, rounded(f, sum / 2) * rounded(f, sum / 2));
  }
  double area = rounded(f, p[0].extent * p[1].extent);
  double other = rounded(f, q[0].extent * q[1].extent), overlap = 0;
  if (inner[0] > 0 && inner[1] > 0) overlap = rounded(f, inner[0] * inner[1]);
  double united = rounded(f, rounded(f, area + other) - overlap);
  if (f->kind == VLOSS_SIMILARITY_INTERSECTION) return overlap;
  if (f->kind == VLOSS_SIMILARITY_IOF) return overlap == 0 ? 0 : rounded(f, overlap / area);
  double iou = overlap == 0 ? 0 : rounded(f, overlap / (crowd ? area : united));
  if (f->kind == VLOSS_SIMILARITY_IOU) return iou;
  if (f->kind == VLOSS_SIMILARITY_GIOU) {
    double hull = rounded(f, outer[0] * outer[1]);
    return rounded(f, iou - share(f, rounded(f, hull - united), hull));
  }
  double diagonal = rounded(f, rounded(f, outer[0] * outer[0]) + rounded(f, outer[1] * outer[1]));
  double diou = rounded(f, iou - share(f, rounded(f, distance[0] + distance[1]), diagonal));
  return f->kind == VLOSS_SIMILARITY_DIOU ? diou : diou - aspect(p, q, iou);
}

/* alpha v is at most 1, and 5e-6 are 40 units in its last place: those of an angle and of alpha,
 * which grows as fast as 1 / (1 - IoU) does. */
int oracle_agrees(const oracle_form *f, double value, double truth) {
  if (value != value || truth != truth) return value != value && truth != truth;
  if (f->kind != VLOSS_SIMILARITY_CIOU || value == truth) return value == truth;
  return fabs(value - truth) <= (f->type == BOX_F32 ? 5e-6 : 1e-13);
}

size_t oracle_order(const double *scores, size_t n, double threshold, size_t *order) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    if (!(scores[i] > threshold || (threshold == -INFINITY && scores[i] == scores[i]))) continue;
    size_t k = count++;
    for (; k > 0 && scores[order[k - 1]] < scores[i]; k--) order[k] = order[k - 1];
    order[k] = i;
  }
  return count;
}
