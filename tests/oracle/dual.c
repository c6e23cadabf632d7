/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "boxes.h"

dual constant(wide value) {
  dual r = {.value = value};
  return r;
}

/* p a + q b, with that value */
static dual combine(wide value, dual a, wide p, dual b, wide q) {
  dual r = {.value = value};
  for (int k = 0; k < CORNERS; k++) {
    r.grad[k] = p * a.grad[k] + q * b.grad[k];
    r.size[k] = fabsl(p) * a.size[k] + fabsl(q) * b.size[k];
  }
  return r;
}

dual add(dual a, dual b) { return combine(a.value + b.value, a, 1, b, 1); }
dual subtract(dual a, dual b) { return combine(a.value - b.value, a, 1, b, -1); }
dual multiply(dual a, dual b) { return combine(a.value * b.value, a, b.value, b, a.value); }
dual scale(dual a, wide factor) { return apply(a, a.value * factor, factor); }
dual apply(dual a, wide value, wide slope) { return combine(value, a, slope, a, 0); }

dual absolute(dual a) {
  wide sign = a.value > 0 ? 1 : a.value < 0 ? -1 : 0;
  return apply(a, fabsl(a.value), sign);
}

dual distance(dual a, dual b) {
  wide length = hypotl(a.value, b.value);
  if (length == 0) return constant(0);
  return combine(length, a, a.value / length, b, b.value / length);
}

dual fraction(const boxes *b, dual over, dual under) {
  if (under.value < b->smallest) return constant(0);
  wide ratio = over.value / under.value;
  return combine(ratio, over, 1 / under.value, under, -ratio / under.value);
}
