/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG
#include "say.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_bytes(FILE *out, bytes text) {
        fputc(' ', out);
        if (text.n == 0)
                fputs("%", out);
        for (size_t i = 0; i < text.n; i++) {
                unsigned char c = (unsigned char)text.p[i];

                if (c > 0x20 && c < 0x7f && c != '%')
                        fputc(c, out);
                else
                        fprintf(out, "%%%02X", c);
        }
}

static void say_id(FILE *out, rdb_id id) {
        fprintf(out, " %" PRIu64 "-%" PRIu64, id.ms, id.seq);
}

static void say_key(FILE *out, const rdb_in *in) {
        static const char *const types[] = {
                [RDB_STRING] = "string", [RDB_LIST] = "list", [RDB_SET] = "set",
                [RDB_ZSET] = "zset",     [RDB_HASH] = "hash", [RDB_STREAM] = "stream",
        };

        fprintf(out, "%s", types[in->type]);
        say_bytes(out, in->a);
        if (in->expiry != INT64_MAX)
                fprintf(out, " expires %" PRId64, in->expiry);
        if (in->idle >= 0)
                fprintf(out, " idle %" PRId64, in->idle);
        if (in->freq >= 0)
                fprintf(out, " freq %d", in->freq);
}

static void say_element(FILE *out, const rdb_in *in) {
        fprintf(out, " ");
        say_bytes(out, in->a);
        if (in->type == RDB_HASH)
                say_bytes(out, in->b);
        if (in->type == RDB_ZSET)
                fprintf(out, " %.17g", in->score);
}

static void say(FILE *out, const rdb_in *in) {
        switch (in->got) {
        case RDB_GOT_AUX:
                fprintf(out, "aux");
                say_bytes(out, in->a);
                say_bytes(out, in->b);
                break;
        case RDB_GOT_SELECT:
                fprintf(out, "select %" PRIu64, in->number);
                break;
        case RDB_GOT_RESIZE:
                fprintf(out, "resize %" PRIu64 " %" PRIu64, in->number, in->other);
                break;
        case RDB_GOT_FUNCTION:
                fprintf(out, "function");
                say_bytes(out, in->a);
                break;
        case RDB_GOT_KEY:
                say_key(out, in);
                break;
        case RDB_GOT_ELEMENT:
                say_element(out, in);
                break;
        case RDB_GOT_ENTRY:
                fprintf(out, "  entry");
                say_id(out, in->id);
                fprintf(out, " %" PRIu64, in->number);
                break;
        case RDB_GOT_FIELD:
                fprintf(out, "  field");
                say_bytes(out, in->a);
                say_bytes(out, in->b);
                break;
        case RDB_GOT_STREAM:
                fprintf(out, "  stream");
                say_id(out, in->id);
                say_id(out, in->first);
                say_id(out, in->deleted);
                fprintf(out, " %" PRIu64, in->number);
                break;
        case RDB_GOT_GROUP:
                fprintf(out, "  group");
                say_bytes(out, in->a);
                say_id(out, in->id);
                fprintf(out, " %" PRId64, (int64_t)in->number);
                break;
        case RDB_GOT_PENDING:
                fprintf(out, "  pending");
                say_id(out, in->id);
                fprintf(out, " %" PRId64 " %" PRIu64, in->ms, in->number);
                break;
        case RDB_GOT_CONSUMER:
                fprintf(out, "  consumer");
                say_bytes(out, in->a);
                fprintf(out, " %" PRId64 " %" PRId64, in->ms, in->active_ms);
                break;
        case RDB_GOT_OWNED:
                fprintf(out, "  owned");
                say_id(out, in->id);
                break;
        case RDB_GOT_VALUE:
                return; /* the next line says as much */
        case RDB_GOT_END:
                fprintf(out, "end");
                break;
        }
        fputc('\n', out);
}

static const char *error_words(int r) {
        switch (r) {
        case -EPROTO:
                return "broken";
        case -EMSGSIZE:
                return "too large";
        case -ENOTSUP:
                return "unknown";
        case -EBADMSG:
                return "checksum";
        }
        return strerror(-r);
}

/* The input: what has not been consumed, in a block of just that size. */
static uint8_t *join(uint8_t *old, size_t at, size_t n, const char *more, size_t n_more) {
        uint8_t *block = malloc(n - at + n_more ? n - at + n_more : 1);

        assert(block);
        if (n - at)
                memcpy(block, old + at, n - at);
        if (n_more)
                memcpy(block + n - at, more, n_more);
        free(old);
        return block;
}

char *rdb_say(bool is_payload, const char *data, size_t n, rdb_cuts cuts) {
        size_t piece = cuts.first, used = 0, at = 0, n_in = 0, n_text;
        bool is_over = false;
        uint8_t *input = NULL;
        char *text = NULL;
        FILE *out = open_memstream(&text, &n_text);
        rdb_in in;
        int r = 0;

        assert(out);
        if (is_payload)
                rdb_in_init_payload(&in);
        else
                rdb_in_init(&in);
        do {
                if (piece > n - used)
                        piece = n - used;
                input = join(input, at, n_in, data + used, piece);
                n_in = n_in - at + piece;
                used += piece;
                at = 0;
                while ((r = rdb_in_next(&in, input + at, n_in - at)) > 0) {
                        assert(in.consumed <= n_in - at);
                        at += in.consumed;
                        say(out, &in);
                        is_over |= in.got == (is_payload ? RDB_GOT_VALUE : RDB_GOT_END);
                }
                if (r == 0) {
                        at += in.consumed;
                        assert(is_over || in.want > n_in - at);
                }
                piece = cuts.step;
        } while (r == 0 && used < n);
        if (r < 0)
                fprintf(out, "error %s\n", error_words(r));
        else if (!is_over)
                fprintf(out, "want %zu\n", in.want);
        else if (at < n_in)
                fprintf(out, "left %zu\n", n_in - at);
        else
                fprintf(out, "over\n");
        /* and it stays so */
        assert(rdb_in_next(&in, input + at, n_in - at) == r);
        free(input);
        rdb_in_deinit(&in);
        rdb_in_deinit(&in);
        fclose(out);
        return text;
}
