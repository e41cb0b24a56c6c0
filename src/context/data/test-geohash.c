/* SPDX-License-Identifier: Apache-2.0 */
#include "geohash.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "test.h"

static double random_between(double low, double high) {
        return low + (high - low) * ((double)random_below(1u << 30) / (1u << 30));
}

static geo_point random_point(void) {
        return (geo_point){ random_between(-180, 180), random_between(-85, 85) };
}

/* As a redis-server 7.0 has them. */
TEST(known_places) {
        geo_point palermo = { 13.361389, 38.115556 }, catania = { 15.087269, 37.502669 };
        char text[GEOHASH_TEXT];

        assert_eq(geohash_of(palermo), 3479099956230698u);
        assert_eq(geohash_of(catania), 3479447370796909u);
        palermo = geohash_point(3479099956230698);
        catania = geohash_point(3479447370796909);
        assert_true(fabs(palermo.longitude - 13.36138933897018433) < 1e-15);
        assert_true(fabs(palermo.latitude - 38.11555639549629859) < 1e-14);
        assert_true(fabs(geo_distance(palermo, catania) - 166274.1516) < 0.0001);
        geohash_text(palermo, text);
        assert_mem(text, GEOHASH_TEXT, "sqc8b49rny0", 11);
}

TEST(limits) {
        assert_true(geohash_has((geo_point){ 180, 85.05112878 }));
        assert_true(geohash_has((geo_point){ -180, -85.05112878 }));
        assert_false(geohash_has((geo_point){ 180.001, 0 }));
        assert_false(geohash_has((geo_point){ 0, 85.06 }));
        assert_false(geohash_has((geo_point){ NAN, 0 }));
        /* a score may be anything */
        assert_true(geohash_has(geohash_point(-1)));
        assert_true(geohash_has(geohash_point(INFINITY)));
        assert_true(geohash_point(INFINITY).longitude < -179); /* as Redis has it */
        assert_true(geohash_has(geohash_point(-INFINITY)));
        assert_true(geohash_has(geohash_point(1e19)));
}

/* Back and forth it is the same cell, and its middle is within half a meter. */
TEST(there_and_back) {
        for (int i = 0; i < 10000; i++) {
                geo_point p = random_point();
                uint64_t hash = geohash_of(p);
                geo_point middle = geohash_point((double)hash);

                assert_eq(geohash_of(middle), hash);
                assert_true(geo_distance(p, middle) < 0.5);
        }
}

/* What is within a shape lies in one of its ranges, which do not overlap. */
TEST(ranges) {
        for (int round = 0; round < 2000; round++) {
                geo_shape s = { .center = random_point(), .is_box = round % 2 };
                double size = pow(10, random_between(0, 7)) / 5;
                geohash_range ranges[GEOHASH_RANGES];
                int n;

                s.radius = size;
                s.width = size * random_between(0.1, 2);
                s.height = size * random_between(0.1, 2);
                n = geohash_ranges(&s, ranges);
                assert_true(n >= 1 && n <= GEOHASH_RANGES);
                for (int a = 0; a < n; a++)
                        for (int b = 0; b < a; b++)
                                assert_true(ranges[a].to <= ranges[b].from ||
                                            ranges[b].to <= ranges[a].from);
                for (int i = 0; i < 50; i++) {
                        double wide = size / 100000;
                        geo_point p = { s.center.longitude + random_between(-wide, wide),
                                        s.center.latitude + random_between(-wide, wide) };
                        double distance;
                        uint64_t hash;
                        int in = 0;

                        if (!geohash_has(p) || fabs(p.latitude) > 80 ||
                            !geo_within(&s, p, &distance))
                                continue;
                        hash = geohash_of(p);
                        for (int a = 0; a < n; a++)
                                in += hash >= ranges[a].from && hash < ranges[a].to;
                        assert_eq(in, 1);
                }
        }
}
