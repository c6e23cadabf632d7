/* SPDX-License-Identifier: Apache-2.0 */
/* L = max(0, 1 - t p), dL/dp = -t where it is above 0 */
ALWAYS_INLINE element_result hinge_step(element x, const element_options *o) {
  vec zero = vset1(0), loss = vmax(zero, vfnma(x.target, x.input, vset1(1)));
  return give(loss, vselect(vlt(zero, loss), vmul(vneg(x.target), o->upstream), loss));
}

static const element_loss hinge = {.plain = hinge_step};
