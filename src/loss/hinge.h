/* SPDX-License-Identifier: Apache-2.0 */
/* L = max(0, 1 - t p), dL/dp = -t where it is above 0 */
static inline pair hinge(vec input, vec target, vec upstream, const vec *parameters) {
  (void)parameters;
  vec zero = vset1(0), loss = vmax(zero, vfnma(target, input, vset1(1)));
  return (pair){loss, vselect(vlt(zero, loss), vmul(vneg(target), upstream), loss)};
}
