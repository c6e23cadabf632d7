/* SPDX-License-Identifier: Apache-2.0 */
/* Eight pixels at a time: one in each byte of a 64-bit number, the first in the lowest, on machines
 * of either order of bytes. Compilers make one load or store of these. */
#ifndef VLOSS_MASK_PIXELS_H
#define VLOSS_MASK_PIXELS_H

#include <stddef.h>
#include <stdint.h>

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Heights up to which a block of columns of a row-major image stands as bits on the stack. */
enum { BLOCK_COLUMNS = 8, BLOCK_HEIGHT = 1 << 14 };

static inline uint64_t load8(const uint8_t *p) {
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
         (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline void store8(uint8_t *p, uint64_t a) {
  p[0] = (uint8_t)a;
  p[1] = (uint8_t)(a >> 8);
  p[2] = (uint8_t)(a >> 16);
  p[3] = (uint8_t)(a >> 24);
  p[4] = (uint8_t)(a >> 32);
  p[5] = (uint8_t)(a >> 40);
  p[6] = (uint8_t)(a >> 48);
  p[7] = (uint8_t)(a >> 56);
}

/* 1 in each byte that is not 0 */
static inline uint64_t flags8(uint64_t a) {
  const uint64_t low = EACH_BYTE * 127;
  return ((((a & low) + low) | a) >> 7) & EACH_BYTE;
}

/* The flags of 8 bytes in 8 bits: the product adds each at a place of its own of the top byte. */
static inline uint64_t pack8(uint64_t flags) {
  return (flags * UINT64_C(0x0102040810204080)) >> 56;
}

#endif
