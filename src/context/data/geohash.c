/* SPDX-License-Identifier: Apache-2.0 */
#include "geohash.h"

#include <math.h>

enum { STEPS = 26 };

static const double latitude_max = 85.05112878, longitude_max = 180;
static const double radius_of_earth = 6372797.560856; /* meters; Redis's */
static const double mercator_max = 20037726.37;       /* half the length of the equator there */

static double radians(double degrees) {
        return degrees * (M_PI / 180);
}

static double degrees(double radians) {
        return radians / (M_PI / 180);
}

bool geohash_has(geo_point p) {
        return p.longitude >= -longitude_max && p.longitude <= longitude_max &&
               p.latitude >= -latitude_max && p.latitude <= latitude_max;
}

/* cells */

typedef struct cell {
        uint32_t x, y; /* eastwards, northwards */
        int steps;
} cell;

/* From the eastern or northern limit on there is one more: a number beyond the others. */
static cell cell_of(geo_point p, double latitude_limit, int steps) {
        double x = (p.longitude + longitude_max) / (2 * longitude_max);
        double y = (p.latitude + latitude_limit) / (2 * latitude_limit);
        double n = (double)(1u << steps);

        return (cell){ .x = (uint32_t)(x * n), .y = (uint32_t)(y * n), .steps = steps };
}

/* The bits of @v with a place free above each. */
static uint64_t spread(uint32_t v) {
        uint64_t w = v;

        w = (w | w << 16) & 0x0000ffff0000ffff;
        w = (w | w << 8) & 0x00ff00ff00ff00ff;
        w = (w | w << 4) & 0x0f0f0f0f0f0f0f0f;
        w = (w | w << 2) & 0x3333333333333333;
        return (w | w << 1) & 0x5555555555555555;
}

static uint32_t gather(uint64_t w) {
        w &= 0x5555555555555555;
        w = (w | w >> 1) & 0x3333333333333333;
        w = (w | w >> 2) & 0x0f0f0f0f0f0f0f0f;
        w = (w | w >> 4) & 0x00ff00ff00ff00ff;
        w = (w | w >> 8) & 0x0000ffff0000ffff;
        return (uint32_t)(w | w >> 16);
}

static uint64_t bits_of(cell c) {
        return spread(c.x) << 1 | spread(c.y);
}

/* Where a cell begins, or with one more where it ends. */
static double longitude_at(uint32_t x, int steps) {
        return -longitude_max + (double)x / (double)(1u << steps) * (2 * longitude_max);
}

static double latitude_at(uint32_t y, int steps) {
        return -latitude_max + (double)y / (double)(1u << steps) * (2 * latitude_max);
}

/* Around the earth, at the poles too: what is there then is too far away and not within. */
static cell neighbour(cell c, int east, int north) {
        uint32_t mask = (1u << c.steps) - 1;

        if (east)
                c.x = (c.x + (uint32_t)east) & mask;
        if (north)
                c.y = (c.y + (uint32_t)north) & mask;
        return c;
}

/* points */

uint64_t geohash_of(geo_point p) {
        return bits_of(cell_of(p, latitude_max, STEPS));
}

/* Of one that was never a place, as an x86-64 converts it. */
static uint64_t bits_of_score(double score) {
        if (score >= 0x1p63)
                return score < 0x1p64 ? (uint64_t)score : 0;
        return score >= -0x1p63 ? (uint64_t)(int64_t)score : (uint64_t)1 << 63;
}

static double clamp(double v, double most) {
        return v > most ? most : v < -most ? -most : v;
}

geo_point geohash_point(double score) {
        uint64_t bits = bits_of_score(score);
        uint32_t x = gather(bits >> 1), y = gather(bits);
        double longitude = (longitude_at(x, STEPS) + longitude_at(x + 1, STEPS)) / 2;
        double latitude = (latitude_at(y, STEPS) + latitude_at(y + 1, STEPS)) / 2;

        return (geo_point){ clamp(longitude, longitude_max), clamp(latitude, latitude_max) };
}

/* Others count latitudes up to the poles. Five bits a letter: 52 do for ten of them. */
void geohash_text(geo_point p, char ret[static GEOHASH_TEXT]) {
        static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
        uint64_t bits = bits_of(cell_of(p, 90, STEPS));

        for (int i = 0; i < GEOHASH_TEXT - 1; i++)
                ret[i] = letters[bits >> (2 * STEPS - 5 * (i + 1)) & 31];
        ret[GEOHASH_TEXT - 1] = letters[0];
}

/* distances */

static double along_meridian(double a, double b) {
        return radius_of_earth * fabs(radians(b) - radians(a));
}

/* By haversines, which are exact for near points too. */
double geo_distance(geo_point a, geo_point b) {
        double v = sin((radians(b.longitude) - radians(a.longitude)) / 2), u, h;

        if (v == 0)
                return along_meridian(a.latitude, b.latitude);
        u = sin((radians(b.latitude) - radians(a.latitude)) / 2);
        h = u * u + cos(radians(a.latitude)) * cos(radians(b.latitude)) * v * v;
        return 2 * radius_of_earth * asin(sqrt(h));
}

bool geo_within(const geo_shape *s, geo_point p, double *ret_distance) {
        geo_point beside = { s->center.longitude, p.latitude };

        if (s->is_box && (along_meridian(p.latitude, s->center.latitude) > s->height / 2 ||
                          geo_distance(p, beside) > s->width / 2))
                return false;
        *ret_distance = geo_distance(s->center, p);
        return s->is_box || *ret_distance <= s->radius;
}

/* shapes */

typedef struct bounds {
        double west, south, east, north;
} bounds;

static bounds bounds_of(const geo_shape *s) {
        double lon = s->center.longitude, lat = s->center.latitude;
        double up = degrees((s->is_box ? s->height / 2 : s->radius) / radius_of_earth);
        double aside = (s->is_box ? s->width / 2 : s->radius) / radius_of_earth;
        double top = degrees(aside / cos(radians(lat + up)));
        double bottom = degrees(aside / cos(radians(lat - up)));
        double widest = lat < 0 ? bottom : top; /* nearer to a pole */

        return (bounds){ lon - widest, lat - up, lon + widest, lat + up };
}

/* How small the cells may be, so that a cell and those around it hold a circle. */
static int steps_for(double radius, double latitude) {
        int steps = 1;

        if (radius == 0)
                return STEPS;
        while (radius < mercator_max) {
                radius *= 2;
                steps++;
        }
        steps -= 2;
        /* towards the poles cells are narrower */
        if (fabs(latitude) > 66)
                steps--;
        if (fabs(latitude) > 80)
                steps--;
        return steps < 1 ? 1 : steps > STEPS ? STEPS : steps;
}

/* Whether the cells around @c reach as far as the shape. */
static bool reaches(cell c, const bounds *b) {
        uint32_t mask = (1u << c.steps) - 1;
        uint32_t west = (c.x - 1) & mask, east = (c.x + 1) & mask;
        uint32_t south = (c.y - 1) & mask, north = (c.y + 1) & mask;

        return latitude_at(north + 1, c.steps) >= b->north &&
               latitude_at(south, c.steps) <= b->south &&
               longitude_at(east + 1, c.steps) >= b->east && longitude_at(west, c.steps) <= b->west;
}

int geohash_ranges(const geo_shape *s, geohash_range ret[static GEOHASH_RANGES]) {
        /* from the middle; this way round, as it decides what COUNT with ANY finds */
        static const struct {
                int east, north;
        } around[GEOHASH_RANGES] = {
                { 0, 0 }, { 0, 1 },  { 0, -1 }, { 1, 0 },   { -1, 0 },
                { 1, 1 }, { -1, 1 }, { 1, -1 }, { -1, -1 },
        };
        double radius =
                s->is_box ? sqrt(s->width * s->width / 4 + s->height * s->height / 4) : s->radius;
        bounds b = bounds_of(s);
        cell middle = cell_of(s->center, latitude_max, steps_for(radius, s->center.latitude));
        bool skips;
        int n = 0;

        if (middle.steps > 1 && !reaches(middle, &b))
                middle = cell_of(s->center, latitude_max, middle.steps - 1);
        skips = middle.steps >= 2;
        for (int i = 0; i < GEOHASH_RANGES; i++) {
                int east = around[i].east, north = around[i].north;
                cell c = neighbour(middle, east, north);
                int shift = 2 * (STEPS - c.steps);
                geohash_range range = { bits_of(c) << shift, (bits_of(c) + 1) << shift };

                /* where the shape does not go beyond the middle one */
                if (skips && ((north < 0 && latitude_at(middle.y, middle.steps) < b.south) ||
                              (north > 0 && latitude_at(middle.y + 1, middle.steps) > b.north) ||
                              (east < 0 && longitude_at(middle.x, middle.steps) < b.west) ||
                              (east > 0 && longitude_at(middle.x + 1, middle.steps) > b.east)))
                        continue;
                /* of very large ones the cell to the left is the one to the right */
                if (n > 0 && ret[n - 1].from == range.from)
                        continue;
                ret[n++] = range;
        }
        return n;
}
