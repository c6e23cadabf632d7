/* SPDX-License-Identifier: Apache-2.0 */
/* L = -w_y x_y, dL/dx_y = -w_y, x log-probabilities; a NaN stays where w_y is 0 too. */
ALWAYS_INLINE pick nll_pick(vec x, vec w, vec upstream) {
  vec zero = vset1(0);
  mask number = veq(x, x);
  vec half_loss = vmul(w, vmul(vset1((real)-0.5), x));
  half_loss = vselect(vand(veq(w, zero), number), zero, half_loss);
  return (pick){half_loss, vselect(number, vneg(vclamp(vmul(upstream, w))), x)};
}

static const class_step nll = {.labels = 1, .pick = nll_pick};
