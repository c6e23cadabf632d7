/* SPDX-License-Identifier: Apache-2.0 */
/* L = |d|, dL/dp = sign(d) */
static inline pair l1(vec input, vec target, vec upstream, const vec *parameters) {
  (void)parameters;
  vec d = vsub(input, target);
  return (pair){vabs(d), signed_upstream(d, upstream)};
}
