/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Points on the earth as numbers whose neighbours are near
 *
 * Longitude and latitude are halved in turn, 26 times each; the bits of both, taken in
 * turns, are a number of 52 bits, which a double holds: the score of a member. Points of
 * one cell, at whatever size, are one range of scores. Latitudes end where the square
 * map of Mercator does, at 85.05 degrees.
 *
 * The earth is a sphere here, so distances are off by up to 0.5 %. The cells, the order in
 * which they are looked at and the arithmetic are Redis's, since the numbers and the order
 * of answers can be seen.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct geo_point {
        double longitude, latitude;
} geo_point;

/* Whether there is a number for it. */
bool geohash_has(geo_point p);

uint64_t geohash_of(geo_point p);

/* The middle of the cell; any number gives some point. */
geo_point geohash_point(double score);

/* The name of a place that others have too: eleven letters, of which the last says nothing. */
enum { GEOHASH_TEXT = 11 };
void geohash_text(geo_point p, char ret[static GEOHASH_TEXT]);

/* In meters. */
double geo_distance(geo_point a, geo_point b);

/* A circle or a box, in meters, around a point. */
typedef struct geo_shape {
        geo_point center;
        bool is_box;
        double radius, width, height;
} geo_shape;

bool geo_within(const geo_shape *s, geo_point p, double *ret_distance);

/* Where the points of a shape are: nine cells at the most, as ranges of numbers without
 * their ends. Returns how many. */
typedef struct geohash_range {
        uint64_t from, to;
} geohash_range;

enum { GEOHASH_RANGES = 9 };
int geohash_ranges(const geo_shape *s, geohash_range ret[static GEOHASH_RANGES]);
