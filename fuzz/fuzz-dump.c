/* SPDX-License-Identifier: Apache-2.0 */
/* RESTORE of any bytes whose checksum is right: either it is refused and nothing is there,
 * or what it made is a value, which is dumped and restored as the same again. */
#include "context/file/dump.h"
#include "context/file/load.h"
#include "context/store.h"
#include "context/type/value.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(int good) {
        if (!good)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        rdb_out out = { 0 }, again = { 0 };
        key *k, *same;
        store *s;
        db *d;

        check(store_new(NULL, &s) == 0);
        d = &s->dbs[0];
        if (load_value(d, BYTES("a"), (bytes){ (const char *)data, n }, &k) < 0) {
                check(db_size(d) == 0);
                store_free(s);
                return 0;
        }
        rdb_out_byte(&out, dump_kind(k));
        dump_value(&out, k);
        check(load_value(d, BYTES("b"), (bytes){ (const char *)out.p, out.n }, &same) == 0);
        check(value_count(k) == value_count(same));
        dump_value(&again, same);
        /* in another order perhaps, where there is none */
        check(again.n == out.n - 1);
        rdb_out_deinit(&out);
        rdb_out_deinit(&again);
        store_free(s);
        return 0;
}
