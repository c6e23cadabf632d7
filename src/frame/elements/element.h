/* SPDX-License-Identifier: Apache-2.0 */
/* What a loss of elements is: a step, from elements in lanes to losses and gradients. A step is
 * given anything, NaN and infinities included. Of a NaN it makes NaN; at +-inf, and where a
 * difference overflows, the limits of loss and gradient, never inf - inf, inf / inf or 0 inf. */
#ifndef VLOSS_ELEMENT_H
#define VLOSS_ELEMENT_H

#include "frame/elements/domain.h"

/* Elements. Losses of logits have no target, or a probability; others may read a further array. */
typedef struct element {
  vec input, target, further;
  vec prepared; /* what prepare() made of the input */
} element;

/* What the elements of a call share; of weighted ones, each has its own upstream gradient, and of
 * classes their first parameter. */
typedef struct element_options {
  vec upstream;
  vec parameters[ELEMENT_PARAMETERS];
  int flags;
} element_options;

/* Losses, and gradients times upstream. */
typedef struct element_result {
  vec loss, grad;
  vec further;  /* gradient with respect to the further array */
  mask outside; /* of the domain of the loss, where it is NaN */
} element_result;

/* What most losses give. */
ALWAYS_INLINE element_result give(vec loss, vec grad) {
  return (element_result){.loss = loss, .grad = grad};
}

typedef element_result element_step(element x, const element_options *o);

/* A long chain of operations that a step begins with, for a whole group in a loop of its own. The
 * out-of-order window of a CPU holds many short chains, but few long ones:
 * binary_cross_entropy_with_logits in cache takes 0.70 ns per float, in one loop 0.91. */
typedef vec element_prepare(vec input);

/* A parameter that has its usual value. */
typedef struct usual_parameter {
  int index;
  real value;
} usual_parameter;

/* A setting of the flags that has loops of its own: a step for it that takes all elements. */
typedef struct flagged_step {
  int flags;
  element_step *step;
} flagged_step;

/* A loss; what it does not name, it does not have. */
typedef struct element_loss {
  element_step *plain; /* the step in the loops: of elements as `domain` tells, without */
  element_step *any;   /* flags, if this one takes all; NULL: plain does */
  element_prepare *prepare;
  const element_domain *domain;
  flagged_step flagged;
  const usual_parameter *usual; /* has a loop where it is a constant */
  int further;                  /* there is a further array */
  int signed_infinity;          /* losses may be -inf: beside +inf their sum is not NaN */
} element_loss;

/* slope times upstream, where the slope may be infinite and 0 times it is 0 */
static inline vec times_upstream(vec slope, vec upstream) {
  vec bound = vselect(veq(upstream, vset1(0)), vset1(real_max), vset1(real_infinity));
  return vmul(vmin(bound, vmax(vneg(bound), slope)), upstream);
}

/* sign(d) times upstream; d itself, a zero or a NaN, where it has none */
static inline vec signed_upstream(vec d, vec upstream) {
  return vselect(vlt(vset1(0), vabs(d)), vturned(upstream, d), d);
}

#endif
