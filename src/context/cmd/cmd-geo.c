/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group geo: sorted sets whose scores are places (geohash.h). */
#include "context/commands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../base/mem.h"
#include "../../base/real.h"
#include "../data/geohash.h"
#include "../data/longreal.h"
#include "../store.h"
#include "../type/key-zset.h"

/* arguments */

/* A point in argument @i and the next. */
static bool read_point(call *c, int i, geo_point *ret) {
        char text[1024]; /* two doubles may have 309 digits each */
        geo_point p;

        if (!call_double(c, i, &p.longitude, NULL) || !call_double(c, i + 1, &p.latitude, NULL))
                return false;
        if (!geohash_has(p)) {
                snprintf(text, sizeof(text), "ERR invalid longitude,latitude pair %f,%f",
                         p.longitude, p.latitude);
                call_fail(c, text);
                return false;
        }
        *ret = p;
        return true;
}

/* The meters of the unit that argument @i names. */
static bool read_unit(call *c, int i, double *ret) {
        static const struct {
                const char *name;
                double meters;
        } units[] = { { "m", 1 }, { "km", 1000 }, { "ft", 0.3048 }, { "mi", 1609.34 } };

        for (size_t u = 0; u < sizeof(units) / sizeof(*units); u++) {
                if (call_is(c, i, units[u].name)) {
                        *ret = units[u].meters;
                        return true;
                }
        }
        call_fail(c, "ERR unsupported unit provided. please use M, KM, FT, MI");
        return false;
}

/* members */

static bool find_point(const key *k, bytes member, geo_point *ret) {
        double score;

        if (!k || !zset_score(k, member, &score))
                return false;
        *ret = geohash_point(score);
        return true;
}

/* As many digits as make a difference, and no exponent. */
static void answer_degrees(call *c, double degrees) {
        char text[LONGREAL_MAX];

        resp_out_double_bytes(c->out, text, longreal_print(degrees, text));
}

static void answer_point(call *c, geo_point p) {
        resp_out_array(c->out, 2);
        answer_degrees(c, p.longitude);
        answer_degrees(c, p.latitude);
}

static void answer_distance(call *c, double distance) {
        char text[REAL_MAX + 300];

        resp_out_bulk(c->out, text, (size_t)snprintf(text, sizeof(text), "%.4f", distance));
}

/* GEOADD is ZADD with scores of points, and that is what replicas get. */
void cmd_geoadd(call *c) {
        bool nx = false, xx = false;
        uint64_t n_changes = c->store->n_changes;
        char(*scores)[DECIMAL_MAX];
        call zadd = *c;
        bytes *argv;
        int first = 2, argc;

        for (; first < c->argc; first++) {
                if (call_is(c, first, "NX"))
                        nx = true;
                else if (call_is(c, first, "XX"))
                        xx = true;
                else if (!call_is(c, first, "CH"))
                        break;
        }
        if ((c->argc - first) % 3 || (nx && xx)) {
                call_fail_syntax(c);
                return;
        }
        argv = mem_array((size_t)c->argc, sizeof(*argv));
        scores = mem_array((size_t)c->argc, sizeof(*scores));
        if (!argv || !scores) {
                call_fail_memory(c);
                goto end;
        }
        argv[0] = BYTES("ZADD");
        for (argc = 1; argc < first; argc++)
                argv[argc] = c->argv[argc];
        for (int i = first; i < c->argc; i += 3) {
                geo_point p;

                if (!read_point(c, i, &p))
                        goto end;
                argv[argc++] =
                        (bytes){ scores[i], decimal_print((int64_t)geohash_of(p), scores[i]) };
                argv[argc++] = c->argv[i + 2];
        }
        zadd.argv = argv;
        zadd.argc = argc;
        cmd_zadd(&zadd);
        if (c->store->n_changes != n_changes)
                call_send_instead(c, argv, argc);
end:
        mem_free(argv);
        mem_free(scores);
}

void cmd_geopos(call *c) {
        geo_point p;
        key *k;

        if (!call_read(c, 1, KEY_ZSET, &k))
                return;
        resp_out_array(c->out, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++) {
                if (find_point(k, c->argv[i], &p))
                        answer_point(c, p);
                else
                        resp_out_null_array(c->out);
        }
}

void cmd_geohash(call *c) {
        char text[GEOHASH_TEXT];
        geo_point p;
        key *k;

        if (!call_read(c, 1, KEY_ZSET, &k))
                return;
        resp_out_array(c->out, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++) {
                if (find_point(k, c->argv[i], &p)) {
                        geohash_text(p, text);
                        resp_out_bulk(c->out, text, sizeof(text));
                } else {
                        resp_out_null(c->out);
                }
        }
}

void cmd_geodist(call *c) {
        double unit = 1;
        geo_point a, b;
        key *k;

        if (c->argc > 5) {
                call_fail_syntax(c);
                return;
        }
        if ((c->argc == 5 && !read_unit(c, 4, &unit)) || !call_read(c, 1, KEY_ZSET, &k))
                return;
        if (find_point(k, c->argv[2], &a) && find_point(k, c->argv[3], &b))
                answer_distance(c, geo_distance(a, b) / unit);
        else
                resp_out_null(c->out);
}

/* searching */

typedef enum sorting { UNSORTED, NEAREST_FIRST, FARTHEST_FIRST } sorting;

typedef struct search {
        const key *k; /* NULL: nothing to search */
        geo_shape shape;
        double unit;
        bool has_center, has_shape;
        bool with_distance, with_hash, with_point;
        sorting order;
        int64_t count; /* 0: all */
        bool any;
        const bytes *store;
        bool stores_distance;
} search;

/* Which words a command knows. */
typedef enum search_kind {
        GEORADIUS = 1 << 0, /* center and radius stand in front; STORE behind */
        GEOSEARCH = 1 << 1, /* each behind a word of its own */
        READS = 1 << 2,     /* it keeps nothing */
} search_kind;

static bool read_radius(call *c, int i, search *s) {
        double radius;

        if (!call_double(c, i, &radius, "ERR need numeric radius"))
                return false;
        if (radius < 0) {
                call_fail(c, "ERR radius cannot be negative");
                return false;
        }
        if (!read_unit(c, i + 1, &s->unit))
                return false;
        s->shape.radius = radius * s->unit;
        s->shape.is_box = false;
        s->has_shape = true;
        return true;
}

static bool read_box(call *c, int i, search *s) {
        double width, height;

        if (!call_double(c, i, &width, "ERR need numeric width") ||
            !call_double(c, i + 1, &height, "ERR need numeric height"))
                return false;
        if (width < 0 || height < 0) {
                call_fail(c, "ERR height or width cannot be negative");
                return false;
        }
        if (!read_unit(c, i + 2, &s->unit))
                return false;
        s->shape.width = width * s->unit;
        s->shape.height = height * s->unit;
        s->shape.is_box = true;
        s->has_shape = true;
        return true;
}

/* The center is a member; where there is nothing to search that does not matter yet. */
static bool read_member(call *c, int i, search *s) {
        if (s->k && !find_point(s->k, c->argv[i], &s->shape.center)) {
                call_fail(c, "ERR could not decode requested zset member");
                return false;
        }
        s->has_center = true;
        return true;
}

/* One option at argument @i. Returns how many arguments it has, or -1 when it is wrong and
 * that has been answered. */
static int read_option(call *c, int i, unsigned kind, search *s) {
        int left = c->argc - i - 1;
        bool stores = (kind & (GEORADIUS | READS)) == GEORADIUS && left >= 1;
        bool seeks = kind & GEOSEARCH;

        if (call_is(c, i, "WITHDIST")) {
                s->with_distance = true;
        } else if (call_is(c, i, "WITHHASH")) {
                s->with_hash = true;
        } else if (call_is(c, i, "WITHCOORD")) {
                s->with_point = true;
        } else if (call_is(c, i, "ANY")) {
                s->any = true;
        } else if (call_is(c, i, "ASC")) {
                s->order = NEAREST_FIRST;
        } else if (call_is(c, i, "DESC")) {
                s->order = FARTHEST_FIRST;
        } else if (call_is(c, i, "COUNT") && left >= 1) {
                if (!call_integer(c, i + 1, &s->count, NULL))
                        return -1;
                if (s->count > 0)
                        return 1;
                call_fail(c, "ERR COUNT must be > 0");
                return -1;
        } else if (stores && (call_is(c, i, "STORE") || call_is(c, i, "STOREDIST"))) {
                s->store = &c->argv[i + 1];
                s->stores_distance = call_is(c, i, "STOREDIST");
                return 1;
        } else if (seeks && s->store && call_is(c, i, "STOREDIST")) {
                s->stores_distance = true;
        } else {
                call_fail_syntax(c);
                return -1;
        }
        return 0;
}

/* The words of GEOSEARCH for center and shape: as read_option(), or 0 for another word. */
static int read_where(call *c, int i, search *s, bool *ret_by_member, bool *ret_by_point) {
        int left = c->argc - i - 1;

        if (call_is(c, i, "FROMMEMBER") && left >= 1 && !*ret_by_point) {
                *ret_by_member = true;
                return read_member(c, i + 1, s) ? 1 : -1;
        }
        if (call_is(c, i, "FROMLONLAT") && left >= 2 && !*ret_by_member) {
                *ret_by_point = s->has_center = true;
                return read_point(c, i + 1, &s->shape.center) ? 2 : -1;
        }
        if (call_is(c, i, "BYRADIUS") && left >= 2 && !(s->has_shape && s->shape.is_box))
                return read_radius(c, i + 1, s) ? 2 : -1;
        if (call_is(c, i, "BYBOX") && left >= 3 && !(s->has_shape && !s->shape.is_box))
                return read_box(c, i + 1, s) ? 3 : -1;
        return 0;
}

/* The options from argument @i on. */
static bool read_options(call *c, int i, unsigned kind, search *s) {
        bool by_member = false, by_point = false;

        for (; i < c->argc; i++) {
                int n = kind & GEOSEARCH ? read_where(c, i, s, &by_member, &by_point) : 0;

                if (n == 0)
                        n = read_option(c, i, kind, s);
                if (n < 0)
                        return false;
                i += n;
        }
        if (s->store && (s->with_distance || s->with_hash || s->with_point))
                call_failf(c,
                           "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                           kind & GEOSEARCH ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
        else if (!s->has_center)
                call_failf(c,
                           "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s",
                           (int)c->argv[0].n, c->argv[0].p);
        else if (!s->has_shape)
                call_failf(c, "ERR exactly one of BYRADIUS and BYBOX can be specified for %.*s",
                           (int)c->argv[0].n, c->argv[0].p);
        else if (s->any && s->count == 0)
                call_fail(c, "ERR the ANY argument requires COUNT argument");
        else
                return true;
        return false;
}

typedef struct found {
        size_t rank;
        double score, distance;
} found;

typedef struct findings {
        found *each;
        size_t n, cap;
} findings;

static int put(findings *f, found one) {
        if (f->n == f->cap) {
                size_t cap = f->cap ? 2 * f->cap : 16;
                found *grown = mem_resize(f->each, cap * sizeof(*grown));

                if (!grown)
                        return -1;
                f->each = grown;
                f->cap = cap;
        }
        f->each[f->n++] = one;
        return 0;
}

static bool search_range(const search *s, geohash_range range, size_t most, findings *ret) {
        size_t rank = zset_rank_of_score(s->k, (double)range.from, TREE_BEFORE);
        zset_iter i;

        for (bool there = zset_iter_at(&i, s->k, rank);
             there && i.score < (double)range.to && ret->n < most; there = zset_iter_next(&i)) {
                found one = { .rank = rank++, .score = i.score };

                if (geo_within(&s->shape, geohash_point(i.score), &one.distance) &&
                    put(ret, one) < 0)
                        return false;
        }
        return true;
}

/* Those that are equally far stay in the order in which they were found, which is that of
 * their scores within a cell. */
static int compare(const void *left, const void *right, void *arg) {
        const found *a = left, *b = right;
        int order = (a->distance > b->distance) - (a->distance < b->distance);

        if (order == 0)
                return (a->rank > b->rank) - (a->rank < b->rank);
        return *(const sorting *)arg == NEAREST_FIRST ? order : -order;
}

/* False without memory. */
static bool find(search *s, findings *ret) {
        geohash_range ranges[GEOHASH_RANGES];
        int n = geohash_ranges(&s->shape, ranges);
        size_t most = s->any ? (size_t)s->count : SIZE_MAX;

        /* the first ones are no better than others, unless they are the nearest */
        if (s->count > 0 && s->order == UNSORTED && !s->any)
                s->order = NEAREST_FIRST;
        for (int i = 0; i < n && ret->n < most; i++)
                if (!search_range(s, ranges[i], most, ret))
                        return false;
        if (s->order != UNSORTED && ret->n > 0)
                qsort_r(ret->each, ret->n, sizeof(*ret->each), compare, &s->order);
        if (s->count > 0 && (uint64_t)s->count < ret->n)
                ret->n = (size_t)s->count;
        return true;
}

static void answer_findings(call *c, const search *s, const findings *f) {
        size_t n_more = (size_t)s->with_distance + s->with_hash + s->with_point;

        resp_out_array(c->out, f->n);
        for (size_t n = 0; n < f->n; n++) {
                const found *one = &f->each[n];
                zset_iter i;

                zset_iter_at(&i, s->k, one->rank);
                if (n_more)
                        resp_out_array(c->out, n_more + 1);
                resp_out_bulk(c->out, i.member.p, i.member.n);
                if (s->with_distance)
                        answer_distance(c, one->distance / s->unit);
                if (s->with_hash)
                        resp_out_integer(c->out, (int64_t)one->score);
                if (s->with_point)
                        answer_point(c, geohash_point(one->score));
        }
}

static void store_findings(call *c, const search *s, const findings *f, const char *event) {
        key *loose = zset_new();
        int r = loose ? 0 : -1;

        for (size_t n = 0; r >= 0 && n < f->n; n++) {
                const found *one = &f->each[n];
                zset_iter i;

                zset_iter_at(&i, s->k, one->rank);
                r = zset_put(c->db, &loose, i.member,
                             s->stores_distance ? one->distance / s->unit : one->score);
        }
        if (r >= 0) {
                call_keep(c, *s->store, loose, f->n, NOTIFY_ZSET, event);
                if (f->n > 1)
                        call_count_changes(c, (int64_t)f->n - 1);
        } else {
                call_fail_memory(c);
        }
        zset_delete(loose);
}

static void run(call *c, search *s, unsigned kind) {
        findings f = { 0 };

        if (s->k && !find(s, &f))
                call_fail_memory(c);
        else if (s->store)
                store_findings(c, s, &f, kind & GEOSEARCH ? "geosearchstore" : "georadiusstore");
        else
                answer_findings(c, s, &f);
        mem_free(f.each);
}

static void search_around_point(call *c, unsigned kind) {
        search s = { .has_center = true };
        key *k;

        if (!call_read(c, 1, KEY_ZSET, &k))
                return;
        s.k = k;
        if (read_point(c, 2, &s.shape.center) && read_radius(c, 4, &s) &&
            read_options(c, 6, kind, &s))
                run(c, &s, kind);
}

static void search_around_member(call *c, unsigned kind) {
        search s = { .has_center = true, .has_shape = true };
        key *k;

        if (!call_read(c, 1, KEY_ZSET, &k))
                return;
        s.k = k;
        /* what is not there is not looked at closely, but for the options */
        if (k && (!read_member(c, 2, &s) || !read_radius(c, 3, &s)))
                return;
        if (read_options(c, 5, kind, &s))
                run(c, &s, kind);
}

void cmd_georadius(call *c) {
        search_around_point(c, GEORADIUS);
}

void cmd_georadius_ro(call *c) {
        search_around_point(c, GEORADIUS | READS);
}

void cmd_georadiusbymember(call *c) {
        search_around_member(c, GEORADIUS);
}

void cmd_georadiusbymember_ro(call *c) {
        search_around_member(c, GEORADIUS | READS);
}

void cmd_geosearch(call *c) {
        search s = { 0 };
        key *k;

        if (!call_read(c, 1, KEY_ZSET, &k))
                return;
        s.k = k;
        if (read_options(c, 2, GEOSEARCH, &s))
                run(c, &s, GEOSEARCH);
}

void cmd_geosearchstore(call *c) {
        search s = { .store = &c->argv[1] };
        key *k;

        if (!call_read(c, 2, KEY_ZSET, &k))
                return;
        s.k = k;
        if (read_options(c, 3, GEOSEARCH, &s))
                run(c, &s, GEOSEARCH);
}
