/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group bitmap: strings as rows of bits. */
#include "context/commands.h"

#include "../../base/mem.h"
#include "../data/bits.h"
#include "../store.h"
#include "../type/key-string.h"

/* Where a bit is: @text is its number, or with a # in front that of a field of @width bits,
 * if there are such. */
static bool read_place(call *c, bytes text, unsigned width, uint64_t *ret) {
        int64_t at = -1;
        bool counts = width > 0 && text.n > 0 && text.p[0] == '#';

        if (decimal_read(text.p + counts, text.n - counts, &at) &&
            !(counts && __builtin_mul_overflow(at, width, &at)) && at >= 0 &&
            (uint64_t)at / 8 < c->store->config.proto_max_bulk_len) {
                *ret = (uint64_t)at;
                return true;
        }
        call_fail(c, "ERR bit offset is not an integer or out of range");
        return false;
}

/* The string in argument 1, long enough for the bit @last, to be written to; *@ret_n is how
 * many bytes it has, and whether it had fewer is said too. NULL, and it has been answered. */
static char *open_string(call *c, uint64_t last, size_t *ret_n, bool *ret_grown) {
        size_t n = last / 8 + 1, n_old;
        bool is_new;
        char *p;
        key *k;

        if (!call_write(c, 1, KEY_STRING, &k))
                return NULL;
        is_new = !k;
        n_old = k ? string_length(k) : 0;
        if (is_new)
                k = db_add(c->db, c->argv[1], KEY_STRING);
        *ret_grown = n > n_old;
        *ret_n = *ret_grown ? n : n_old;
        if (!k || !string_resize(c->db, k, *ret_n, &p)) {
                if (is_new && k)
                        db_remove(c->db, k);
                call_fail_memory(c);
                return NULL;
        }
        return p;
}

/* one bit */

void cmd_setbit(call *c) {
        bool grown, old;
        uint64_t at;
        int64_t on;
        size_t n;
        char *p;

        if (!read_place(c, c->argv[2], 0, &at) ||
            !call_integer_in(c, 3, 0, 1, &on, "ERR bit is not an integer or out of range"))
                return;
        p = open_string(c, at, &n, &grown);
        if (!p)
                return;
        old = bits_get((bytes){ p, n }, at);
        if (grown || old != on) {
                bits_set(p, at, on);
                db_changed(c->db, c->argv[1], NOTIFY_STRING, "setbit");
        }
        resp_out_integer(c->out, old);
}

void cmd_getbit(call *c) {
        char scratch[DECIMAL_MAX];
        uint64_t at;
        key *k;

        if (read_place(c, c->argv[2], 0, &at) && call_read(c, 1, KEY_STRING, &k))
                resp_out_integer(c->out, k && bits_get(string_get(k, scratch), at));
}

/* ranges of them */

/* Whether argument @i says that bits are meant, not bytes. */
static bool read_unit(call *c, int i, bool *ret_bits) {
        *ret_bits = call_is(c, i, "BIT");
        if (*ret_bits || call_is(c, i, "BYTE"))
                return true;
        call_fail_syntax(c);
        return false;
}

/* A range as it is written, with the last one in it, as one of the bits of @n_bytes. */
static void clip(int64_t from, int64_t to, size_t n_bytes, bool in_bits, uint64_t *ret_from,
                 uint64_t *ret_to) {
        int64_t unit = in_bits ? 1 : 8, n = (int64_t)n_bytes * 8 / unit;

        if (from < 0)
                from = from + n < 0 ? 0 : from + n;
        if (to < 0)
                to = to + n < 0 ? 0 : to + n;
        if (to >= n)
                to = n - 1;
        *ret_from = from > to ? 0 : (uint64_t)(from * unit);
        *ret_to = from > to ? 0 : (uint64_t)((to + 1) * unit);
}

void cmd_bitcount(call *c) {
        char scratch[DECIMAL_MAX];
        int64_t first = 0, last = -1;
        bool in_bits = false;
        uint64_t from, to;
        bytes text;
        key *k;

        /* what does not exist has no bits, whatever follows */
        if (!call_read(c, 1, KEY_STRING, &k))
                return;
        if (!k) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (c->argc == 3 || c->argc > 5) {
                call_fail_syntax(c);
                return;
        }
        if (c->argc > 3) {
                if (!call_integer(c, 2, &first, NULL) || !call_integer(c, 3, &last, NULL))
                        return;
                if (first < 0 && last < 0 && first > last) {
                        resp_out_integer(c->out, 0);
                        return;
                }
                if (c->argc == 5 && !read_unit(c, 4, &in_bits))
                        return;
        }
        text = string_get(k, scratch);
        clip(first, last, text.n, in_bits, &from, &to);
        resp_out_integer(c->out, (int64_t)bits_count(text, from, to));
}

void cmd_bitpos(call *c) {
        char scratch[DECIMAL_MAX];
        int64_t wanted, first = 0, last = -1, found;
        bool in_bits = false;
        uint64_t from, to;
        bytes text;
        key *k;

        if (!call_integer(c, 2, &wanted, NULL))
                return;
        if (wanted != 0 && wanted != 1) {
                call_fail(c, "ERR The bit argument must be 1 or 0.");
                return;
        }
        if (!call_read(c, 1, KEY_STRING, &k))
                return;
        if (!k) {
                resp_out_integer(c->out, wanted ? -1 : 0);
                return;
        }
        if (c->argc > 6) {
                call_fail_syntax(c);
                return;
        }
        if ((c->argc > 3 && !call_integer(c, 3, &first, NULL)) ||
            (c->argc == 6 && !read_unit(c, 5, &in_bits)) ||
            (c->argc > 4 && !call_integer(c, 4, &last, NULL)))
                return;
        text = string_get(k, scratch);
        clip(first, last, text.n, in_bits, &from, &to);
        found = bits_find(text, from, to, wanted);
        /* a string is followed by zeros, unless one asks about a part of it */
        if (found < 0 && !wanted && from < to && c->argc < 5)
                found = (int64_t)to;
        resp_out_integer(c->out, found);
}

/* bit by bit */

typedef enum operation { AND, OR, XOR, NOT } operation;

/* @to becomes what comes of it and @from, which is followed by zeros. */
static void combine(operation op, char *to, size_t n, bytes from) {
        size_t i;

        switch (op) {
        case AND:
                for (i = 0; i < from.n; i++)
                        to[i] &= from.p[i];
                memset(to + from.n, 0, n - from.n);
                break;
        case OR:
                for (i = 0; i < from.n; i++)
                        to[i] |= from.p[i];
                break;
        case XOR:
                for (i = 0; i < from.n; i++)
                        to[i] ^= from.p[i];
                break;
        case NOT:
                for (i = 0; i < from.n; i++)
                        to[i] = (char)~from.p[i];
                break;
        }
}

static bool read_operation(call *c, operation *ret) {
        static const char *const names[] = {
                [AND] = "AND", [OR] = "OR", [XOR] = "XOR", [NOT] = "NOT"
        };

        for (operation op = AND; op <= NOT; op++) {
                if (!call_is(c, 1, names[op]))
                        continue;
                *ret = op;
                if (op != NOT || c->argc == 4)
                        return true;
                call_fail(c, "ERR BITOP NOT must be called with a single source key.");
                return false;
        }
        call_fail_syntax(c);
        return false;
}

/* The longest of the sources; false if one is no string, and that has been answered. */
static bool measure(call *c, size_t *ret_n) {
        *ret_n = 0;
        for (int i = 3; i < c->argc; i++) {
                size_t n;
                key *k;

                if (!call_read(c, i, KEY_STRING, &k))
                        return false;
                n = k ? string_length(k) : 0;
                if (n > *ret_n)
                        *ret_n = n;
        }
        return true;
}

void cmd_bitop(call *c) {
        char scratch[DECIMAL_MAX], *p = NULL;
        key loose = { .type = KEY_STRING };
        operation op;
        size_t n;

        if (!read_operation(c, &op) || !measure(c, &n))
                return;
        value_init(&loose);
        if (n > 0 && !string_resize(c->db, &loose, n, &p)) {
                call_fail_memory(c);
                return;
        }
        for (int i = 3; i < c->argc && n > 0; i++) {
                const key *k = db_peek(c->db, c->argv[i]);
                bytes text = k ? string_get(k, scratch) : (bytes){ "", 0 };

                if (i == 3 && op != NOT)
                        memcpy(p, text.p, text.n);
                else
                        combine(op, p, n, text);
        }
        call_keep(c, c->argv[2], &loose, n, NOTIFY_STRING, "set");
        value_free(&loose);
}

/* fields */

typedef enum overflow { WRAP, SAT, FAIL } overflow;

typedef struct field {
        enum { GET, SET, INCRBY } verb;
        bool is_signed;
        unsigned width;
        uint64_t at;
        int64_t value; /* of SET and INCRBY */
        overflow how;
} field;

typedef struct fields {
        field *each;
        size_t n;
        bool writes;
        uint64_t last; /* of the bits that are written */
} fields;

/* "i8", "u63": up to 64 bits with a sign, and 63 without, as replies have a sign. */
static bool read_width(call *c, bytes text, field *ret) {
        int64_t width;

        ret->is_signed = text.n > 0 && text.p[0] == 'i';
        if ((ret->is_signed || (text.n > 0 && text.p[0] == 'u')) &&
            decimal_read(text.p + 1, text.n - 1, &width) && width >= 1 &&
            width <= (ret->is_signed ? 64 : 63)) {
                ret->width = (unsigned)width;
                return true;
        }
        call_fail(c, "ERR Invalid bitfield type. Use something like i16 u8. "
                     "Note that u64 is not supported but i64 is.");
        return false;
}

static bool read_overflow(call *c, int i, overflow *ret) {
        static const char *const names[] = { [WRAP] = "WRAP", [SAT] = "SAT", [FAIL] = "FAIL" };

        for (overflow how = WRAP; how <= FAIL; how++) {
                if (call_is(c, i, names[how])) {
                        *ret = how;
                        return true;
                }
        }
        call_fail(c, "ERR Invalid OVERFLOW type specified");
        return false;
}

/* One operation from argument @i on, into @ret. Returns how many arguments it takes, 0 if
 * it is wrong, and that has been answered. */
static int read_field(call *c, int i, field *ret) {
        int n = c->argc - i;

        if (call_is(c, i, "GET") && n > 2) {
                ret->verb = GET;
        } else if (call_is(c, i, "SET") && n > 3) {
                ret->verb = SET;
        } else if (call_is(c, i, "INCRBY") && n > 3) {
                ret->verb = INCRBY;
        } else {
                call_fail_syntax(c);
                return 0;
        }
        if (!read_width(c, c->argv[i + 1], ret) ||
            !read_place(c, c->argv[i + 2], ret->width, &ret->at) ||
            (ret->verb != GET && !call_integer(c, i + 3, &ret->value, NULL)))
                return 0;
        return ret->verb == GET ? 3 : 4;
}

static bool read_fields(call *c, bool only_get, fields *ret) {
        overflow how = WRAP;

        for (int i = 2, n = 0; i < c->argc; i += n) {
                field *f = &ret->each[ret->n];

                if (call_is(c, i, "OVERFLOW") && i + 1 < c->argc) {
                        if (!read_overflow(c, i + 1, &how))
                                return false;
                        n = 2;
                        continue;
                }
                n = read_field(c, i, f);
                if (n == 0)
                        return false;
                f->how = how;
                if (f->verb != GET) {
                        ret->writes = true;
                        if (ret->last < f->at + f->width - 1)
                                ret->last = f->at + f->width - 1;
                }
                ret->n++;
        }
        if (only_get && ret->writes) {
                call_fail(c, "ERR BITFIELD_RO only supports the GET subcommand");
                return false;
        }
        return true;
}

static int64_t field_value(const field *f, bytes text) {
        uint64_t value = bits_field(text, f->at, f->width);
        unsigned beyond = 64 - f->width;

        return f->is_signed ? (int64_t)(value << beyond) >> beyond : (int64_t)value;
}

/* @value and @by together, as the field can hold it. False if it cannot, and that is to fail. */
static bool fit(const field *f, int64_t value, int64_t by, int64_t *ret) {
        int64_t most = f->is_signed ? INT64_MAX >> (64 - f->width) : INT64_MAX >> (63 - f->width);
        int64_t least = f->is_signed ? -most - 1 : 0, sum;
        bool over, under;

        if (__builtin_add_overflow(value, by, &sum)) {
                over = by > 0;
                under = by < 0;
        } else {
                /* what is put into a field without a sign is a number without one */
                over = sum > most || (!f->is_signed && value < 0);
                under = !over && sum < least;
        }
        if ((over || under) && f->how == FAIL)
                return false;
        if ((over || under) && f->how == SAT)
                sum = over ? most : least;
        *ret = sum;
        return true;
}

/* Answer for a field that is written to. Returns whether that has changed something, as does
 * all that is written where there was nothing. */
static bool write_field(call *c, const field *f, char *p, uint64_t n, bool grown) {
        int64_t old = field_value(f, (bytes){ p, n }), value, now;
        bool fits = f->verb == SET ? fit(f, f->value, 0, &value) : fit(f, old, f->value, &value);

        if (!fits) {
                resp_out_null(c->out);
                return false;
        }
        bits_set_field(p, f->at, f->width, (uint64_t)value);
        now = field_value(f, (bytes){ p, n });
        resp_out_integer(c->out, f->verb == SET ? old : now);
        return grown || now != old;
}

static void read_all(call *c, const fields *all) {
        char scratch[DECIMAL_MAX];
        bytes text = { "", 0 };
        key *k;

        if (!call_read(c, 1, KEY_STRING, &k))
                return;
        if (k)
                text = string_get(k, scratch);
        resp_out_array(c->out, all->n);
        for (size_t i = 0; i < all->n; i++)
                resp_out_integer(c->out, field_value(&all->each[i], text));
}

static void write_all(call *c, const fields *all) {
        int64_t n_written = 0;
        bool grown;
        size_t n;
        char *p = open_string(c, all->last, &n, &grown);

        if (!p)
                return;
        resp_out_array(c->out, all->n);
        for (size_t i = 0; i < all->n; i++) {
                const field *f = &all->each[i];

                if (f->verb == GET)
                        resp_out_integer(c->out, field_value(f, (bytes){ p, n }));
                else
                        n_written += write_field(c, f, p, n, grown);
        }
        if (n_written == 0 && !grown)
                return;
        db_changed(c->db, c->argv[1], NOTIFY_STRING, n_written > 0 ? "setbit" : NULL);
        if (n_written > 1)
                call_count_changes(c, n_written - 1);
}

static void run_fields(call *c, bool only_get) {
        fields all = { .each = mem_array((size_t)c->argc, sizeof(*all.each)) };

        if (!all.each)
                call_fail_memory(c);
        else if (read_fields(c, only_get, &all))
                (all.writes ? write_all : read_all)(c, &all);
        mem_free(all.each);
}

void cmd_bitfield(call *c) {
        run_fields(c, false);
}

void cmd_bitfield_ro(call *c) {
        run_fields(c, true);
}
