/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "beam-side.h"

int main(int argc, char **argv) {
        size_t n = n_beam_mem_cases + n_beam_link_cases + n_beam_held_cases;
        bench_case *all = malloc(n * sizeof(*all)), *p = all;

        if (!all)
                return 1;
        memcpy(p, beam_mem_cases, n_beam_mem_cases * sizeof(*p));
        p += n_beam_mem_cases;
        memcpy(p, beam_link_cases, n_beam_link_cases * sizeof(*p));
        p += n_beam_link_cases;
        memcpy(p, beam_held_cases, n_beam_held_cases * sizeof(*p));
        return bench_main(all, n, argc, argv);
}
