/* SPDX-License-Identifier: Apache-2.0 */
/* Merging states; in double with the exponential of math/elementary.h, once for all instruction
 * sets. */
#include "api/score.h"
#include "math/elementary.h"
#include "softmax_state.h"

static void put(int64_t to[2], double value) {
  double up = value * STATE_UP, whole = (double)(int64_t)up; /* may be larger than STATE_ROUND */
  to[0] = (int64_t)whole;
  to[1] = (int64_t)((up - whole) * STATE_UP);
}

/* The exponentials relative to a larger maximum. */
static void rescale_sums(vloss_softmax_state *s, double maximum) {
  double fall = s->maximum - maximum, factor = vexp(fall);
  double sum = state_value(s->sum), entropy = state_value(s->entropy);
  put(s->entropy, factor > 0 ? factor * (entropy - fall * sum) : 0);
  put(s->sum, factor > 0 ? factor * sum : 0);
}

/* The weighted differences from it, in units of a larger depth. Infinite ones are a mark. */
static void rescale_drops(vloss_softmax_state *s, double maximum, double depth) {
  double weight = state_value(s->weight), drop = state_value(s->drop);
  int was = state_depth_exponent(s->maximum, s->depth), is = state_depth_exponent(maximum, depth);
  if (weight == 0) return;
  if (maximum > DBL_MAX) {
    if (s->maximum <= DBL_MAX) put(s->drop, 1);
    return;
  }
  double rise = maximum * 0.5 - s->maximum * 0.5;
  put(s->drop, from_digits(drop, was - is) + from_digits(rise, -is) * weight);
}

static void rescale(vloss_softmax_state *s, double maximum, double depth) {
  if (s->maximum == maximum && s->depth == depth) return;
  if (s->classes) rescale_drops(s, maximum, depth);
  if (s->classes && s->maximum != maximum) rescale_sums(s, maximum);
  s->maximum = maximum;
  s->depth = depth;
}

static void add_words(int64_t *to, const int64_t *from, size_t count) {
  for (size_t k = 0; k < count; k++) to[k] = (int64_t)((uint64_t)to[k] + (uint64_t)from[k]);
}

void vloss_state_merge(vloss_softmax_state *into, const vloss_softmax_state *from) {
  vloss_softmax_state s = *from;
  double maximum = s.maximum > into->maximum ? s.maximum : into->maximum;
  double depth = s.depth > into->depth ? s.depth : into->depth;
  rescale(&s, maximum, depth);
  rescale(into, maximum, depth);
  add_words(&into->classes, &s.classes, 1);
  add_words(&into->label, &s.label, 1);
  add_words(into->sum, s.sum, 2);
  add_words(into->entropy, s.entropy, 2);
  add_words(into->weight, s.weight, 2);
  add_words(into->drop, s.drop, 2);
}

vloss_status vloss_softmax_init(size_t rows, vloss_softmax_state *states) {
  score_request s;
  vloss_score_open(&s, NULL, NULL);
  vloss_score_output(&s, "states", states, rows, sizeof *states);
  if (vloss_score_ready(&s))
    for (size_t i = 0; i < rows; i++)
      states[i] = (vloss_softmax_state){.maximum = -(double)INFINITY, .depth = -(double)INFINITY};
  return vloss_score_close(&s);
}

vloss_status vloss_softmax_merge(const vloss_softmax_state *from, size_t rows, vloss_report *report,
                                 vloss_softmax_state *into) {
  score_request s;
  vloss_score_open(&s, report, NULL);
  vloss_score_input(&s, "from", from, rows, sizeof *from);
  vloss_score_output(&s, "into", into, rows, sizeof *into);
  if (vloss_score_ready(&s))
    for (size_t i = 0; i < rows; i++) vloss_state_merge(&into[i], &from[i]);
  return vloss_score_close(&s);
}
