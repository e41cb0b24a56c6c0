/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between two looks at a word that another core writes. */
static inline void cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
}
