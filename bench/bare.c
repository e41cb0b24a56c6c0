/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
        size_t n = n_bare_ring_cases + n_bare_socket_cases;
        bench_case *all = malloc(n * sizeof(*all));

        if (!all)
                return 1;
        memcpy(all, bare_ring_cases, n_bare_ring_cases * sizeof(*all));
        memcpy(all + n_bare_ring_cases, bare_socket_cases, n_bare_socket_cases * sizeof(*all));
        return bench_main(all, n, argc, argv);
}
