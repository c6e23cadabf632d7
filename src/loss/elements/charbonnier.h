/* SPDX-License-Identifier: Apache-2.0 */
/* L = sqrt(d^2 + epsilon^2), dL/dp = d / L; by the larger of |d| and epsilon, whose squares may
 * leave the type, and their ratio */
ALWAYS_INLINE element_result charbonnier_step(element x, const element_options *o) {
  vec one = vset1(1), epsilon = o->parameters[0], d = vsub(x.input, x.target), distance = vabs(d);
  vec larger = vmax(epsilon, distance), ratio = vdiv(vmin(epsilon, distance), larger);
  vec root = vsqrt(vfma(ratio, ratio, one));
  vec share = vselect(vlt(epsilon, distance), vturned(one, d), vdiv(d, epsilon));
  return give(vmul(larger, root), vmul(vdiv(share, root), o->upstream));
}

static const element_loss charbonnier = {.plain = charbonnier_step};
