/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>

#include "api/digits.h"
#include "api/score.h"
#include "exact.h"

int vloss_state_version(void) { return VLOSS_STATE_VERSION; }

/* Makes a carried sum positive; returns whether it was not. */
static int take_sign(vloss_exact_sum *s) {
  if (s->limb[EXACT_TOP] >= 0) return 0;
  for (int k = 0; k < VLOSS_EXACT_LIMBS; k++) s->limb[k] = -s->limb[k];
  exact_carry(s);
  return 1;
}

/* The 64 leading bits of a positive sum; `place` is that of the last one. `rest`: others follow. */
static uint64_t leading_bits(const vloss_exact_sum *s, int top, int *place, int *rest) {
  uint64_t third = top > 1 ? (uint64_t)s->limb[top - 2] : 0;
  uint64_t bits = (uint64_t)s->limb[top] << 32 | (top > 0 ? (uint64_t)s->limb[top - 1] : 0);
  int up = __builtin_clzll(bits);
  *place = 32 * (top - 1) + EXACT_UNIT - up;
  *rest = (third << up & (uint64_t)EXACT_DIGIT) != 0;
  for (int k = 0; k + 2 < top; k++) *rest |= s->limb[k] != 0;
  return bits << up | third >> (32 - up);
}

/* Subnormal sums have no more bits than fit: nothing of them is dropped that is not 0. */
static double round_positive(const vloss_exact_sum *s, int top) {
  enum { DROPPED = 64 - DBL_MANT_DIG };
  const uint64_t half = UINT64_C(1) << (DROPPED - 1);
  int place, rest;
  uint64_t bits = leading_bits(s, top, &place, &rest);
  uint64_t kept = bits >> DROPPED, lost = bits & (2 * half - 1);
  kept += lost > half || (lost == half && (rest || (kept & 1)));
  return from_digits((double)kept, place + DROPPED);
}

double vloss_exact_round(const vloss_exact_sum *sum) {
  if (sum->nans || (sum->positive_infinities && sum->negative_infinities)) return (double)NAN;
  if (sum->positive_infinities) return (double)INFINITY;
  if (sum->negative_infinities) return -(double)INFINITY;
  vloss_exact_sum s = *sum;
  exact_carry(&s);
  int negative = take_sign(&s), top = EXACT_TOP;
  while (top >= 0 && s.limb[top] == 0) top--;
  if (top < 0) return 0;
  double value = round_positive(&s, top);
  return negative ? -value : value;
}

static void open_sums(score_request *s, const void *values, size_t count, size_t width,
                      const char *name, vloss_report *report) {
  vloss_score_open(s, report, NULL);
  vloss_score_input(s, name, values, count, width);
}

vloss_status vloss_exact_sum_add_f32(const float *values, size_t count, vloss_report *report,
                                     vloss_exact_sum *sum) {
  score_request s;
  open_sums(&s, values, count, sizeof *values, "values", report);
  vloss_score_output(&s, "sum", sum, 1, sizeof *sum);
  if (vloss_score_ready(&s) && count) {
    for (size_t i = 0; i < count; i++) exact_add(sum, (double)values[i]);
    exact_carry(sum);
  }
  return vloss_score_close(&s);
}

vloss_status vloss_exact_sum_add_f64(const double *values, size_t count, vloss_report *report,
                                     vloss_exact_sum *sum) {
  score_request s;
  open_sums(&s, values, count, sizeof *values, "values", report);
  vloss_score_output(&s, "sum", sum, 1, sizeof *sum);
  if (vloss_score_ready(&s) && count) {
    for (size_t i = 0; i < count; i++) exact_add(sum, values[i]);
    exact_carry(sum);
  }
  return vloss_score_close(&s);
}

/* A group's sums are three exact sums. */
static vloss_status merge(const void *from, size_t count, size_t each, vloss_report *report,
                          void *into) {
  score_request s;
  size_t width = each * sizeof(vloss_exact_sum);
  open_sums(&s, from, count, width, "from", report);
  vloss_score_output(&s, "into", into, count, width);
  if (vloss_score_ready(&s))
    for (size_t i = 0; i < count * each; i++)
      exact_merge((vloss_exact_sum *)into + i, (const vloss_exact_sum *)from + i);
  return vloss_score_close(&s);
}

vloss_status vloss_exact_sum_merge(const vloss_exact_sum *from, size_t count, vloss_report *report,
                                   vloss_exact_sum *into) {
  return merge(from, count, 1, report, into);
}

vloss_status vloss_group_sums_merge(const vloss_group_sums *from, size_t count,
                                    vloss_report *report, vloss_group_sums *into) {
  return merge(from, count, sizeof *into / sizeof(vloss_exact_sum), report, into);
}

vloss_status vloss_exact_sum_round(const vloss_exact_sum *sum, size_t count, vloss_report *report,
                                   double *value) {
  score_request s;
  open_sums(&s, sum, count, sizeof *sum, "sum", report);
  vloss_score_output(&s, "value", value, count, sizeof *value);
  if (vloss_score_ready(&s))
    for (size_t i = 0; i < count; i++) value[i] = vloss_exact_round(&sum[i]);
  return vloss_score_close(&s);
}
