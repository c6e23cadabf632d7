/* SPDX-License-Identifier: Apache-2.0 */
/* Libc's allocation and output, seen by the linker (-Wl,--wrap of what meson.build lists). */
#ifndef VLOSS_TESTS_WATCH_H
#define VLOSS_TESTS_WATCH_H

void watch_begin(void);
/* The last function that was called since although the library must not, or NULL. */
const char *watch_end(void);

/* Fails the running test unless the watch itself works. */
void watch_check(void);

/* Whether the upper halves of the vector registers are in use, as a call must not leave them. */
int upper_halves_dirty(void);
void upper_halves_clear(void);
/* Whether this machine tells: some hypervisors and emulators do not. */
int upper_halves_told(void);

#endif
