/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that test one instruction set: main() is built without its flags. */
#ifndef VLOSS_TESTS_ISA_MAIN_H
#define VLOSS_TESTS_ISA_MAIN_H

/* The checks, built with the flags of the instruction set; the number of failures. */
int isa_checks(void);

#endif
