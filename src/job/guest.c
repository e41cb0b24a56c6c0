/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/decimal.h"
#include "../base/fds.h"
#include "../base/mem.h"
#include "../chan/end.h"
#include "../link/join.h"
#include "../wire/rdb/crc64.h"
#include "key.h"

enum { STANDARD = 3 }; /* streams that every program has */

/* what is said */

static void on_word(void *data, beam_receiver *rx) {
        guest *g = data;
        beam_msg *msg;
        slip s;
        bytes word;
        int r = beam_recv(rx, &msg, BEAM_NOW);

        if (r == -ETIMEDOUT)
                return;
        if (r != 1) {
                receiver_watch(rx, false, NULL, NULL);
                g->left(g);
                return;
        }
        if (slip_open(msg, &s) == 0 && slip_next(&s, &word))
                g->heard(g, word);
        beam_msg_free(msg);
}

/* streams */

static void close_stream(guest_stream *s) {
        s->fd = fd_close(s->fd);
        if (s->join)
                join_stop(s->join);
        else if (s->st)
                beam_stream_close(s->st);
        s->join = NULL;
        s->st = NULL;
}

static void on_bytes(void *data, const void *p, size_t n) {
        guest_stream *s = data;

        s->n_bytes += n;
        s->crc = crc64(s->crc, p, n);
}

static void look_whether_empty(guest *g) {
        if (!g->is_emptying)
                return;
        for (size_t i = 0; i < g->n_streams; i++)
                if (g->streams[i].join)
                        return;
        g->is_emptying = false;
        g->emptied(g);
}

static void on_over(void *data, int r) {
        guest_stream *s = data;

        (void)r;
        s->join = NULL;
        look_whether_empty(s->of);
}

/* A pipe, or what goes both ways, whose end @ret_ours is pumped. */
static int make_pipe(guest_stream *s, int *ret_ours) {
        int fds[2], r;

        if (s->number < STANDARD)
                r = pipe2(fds, O_CLOEXEC);
        else
                r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
        if (r < 0)
                return -errno;
        s->fd = fds[s->number > 0];
        *ret_ours = fds[s->number == 0];
        return 0;
}

static int start_pump(guest_stream *s) {
        const bool is_read = s->number > 0, is_written = s->number == 0 || s->number >= STANDARD;
        int ours = -1, r = make_pipe(s, &ours);

        if (r < 0)
                return r;
        r = join_start(s->st, is_read ? ours : -1, is_written ? ours : -1, false, on_over, s,
                       &s->join);
        if (r < 0) {
                fd_close(ours);
                return r;
        }
        s->st = NULL;
        s->is_counted = is_read;
        join_watch(s->join, on_bytes);
        return 0;
}

/* Where nothing was given a program reads nothing, and writes to nobody. */
static int open_rest(guest *g) {
        for (uint8_t i = 0; i < STANDARD; i++) {
                bool is_there = false;
                int fd;

                for (size_t k = 0; k < g->n_streams; k++)
                        is_there |= g->streams[k].number == i;
                if (is_there)
                        continue;
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                g->streams[g->n_streams++] = (guest_stream){ .of = g, .number = i, .fd = fd };
        }
        return 0;
}

int guest_open(guest *g, int **ret, size_t *ret_n) {
        size_t n = 0;
        int *fds, r = open_rest(g);

        for (size_t i = 0; r == 0 && i < g->n_streams; i++) {
                if (g->streams[i].st)
                        r = start_pump(&g->streams[i]);
                n = g->streams[i].number >= n ? g->streams[i].number + 1u : n;
        }
        fds = r == 0 ? mem_array(n, sizeof(*fds)) : NULL;
        if (!fds)
                return r < 0 ? r : -ENOMEM;
        for (size_t i = 0; i < n; i++)
                fds[i] = -1;
        for (size_t i = 0; i < g->n_streams; i++)
                fds[g->streams[i].number] = take_fd(&g->streams[i].fd);
        *ret = fds;
        *ret_n = n;
        return 0;
}

int guest_begun(guest *g, pid_t pid) {
        char text[DECIMAL_MAX];

        (void)slip_say(g->tell, BYTES("started"), ((bytes){ text, decimal_print(pid, text) }));
        return receiver_watch(g->words, false, on_word, g);
}

void guest_end_input(guest *g) {
        for (size_t i = 0; i < g->n_streams; i++) {
                guest_stream *s = &g->streams[i];

                if (s->number > 0 || !s->join)
                        continue;
                join_stop(s->join);
                s->join = NULL;
        }
}

void guest_end_output(guest *g) {
        for (size_t i = 0; i < g->n_streams; i++)
                if (g->streams[i].number > 0 && g->streams[i].join)
                        join_end_in(g->streams[i].join);
}

void guest_empty(guest *g) {
        g->is_emptying = true;
        guest_end_input(g);
        guest_end_output(g);
        look_whether_empty(g);
}

/* the end */

/* J21: two fields, and what they say. */
typedef struct count {
        char texts[4][24];
        bytes fields[4];
} count;

static void count_print(const guest_stream *s, count *ret) {
        snprintf(ret->texts[0], sizeof(ret->texts[0]), "out.%u.bytes", s->number);
        snprintf(ret->texts[1], sizeof(ret->texts[1]), "%" PRIu64, s->n_bytes);
        snprintf(ret->texts[2], sizeof(ret->texts[2]), "out.%u.crc", s->number);
        snprintf(ret->texts[3], sizeof(ret->texts[3]), "%016" PRIx64, s->crc);
        for (size_t i = 0; i < 4; i++)
                ret->fields[i] = bytes_of(ret->texts[i]);
}

void guest_say_counts(const guest *g, const char *id, asker *a) {
        for (size_t i = 0; i < g->n_streams; i++) {
                char key[KEY_MAX];
                count c;

                if (!g->streams[i].is_counted)
                        continue;
                count_print(&g->streams[i], &c);
                asker_say(a, NULL, NULL, BYTES("HSET"), key_print(key, "/beam/jobs/%s", id),
                          c.fields[0], c.fields[1], c.fields[2], c.fields[3]);
        }
}

void guest_tell_end(const guest *g, const verdict *v) {
        beam_msg *msg = NULL;
        size_t later, n;
        resp_out out;

        resp_out_init(&out, 2);
        later = resp_out_later(&out);
        n = verdict_put(v, &out);
        for (size_t i = 0; i < g->n_streams; i++) {
                count c;

                if (!g->streams[i].is_counted)
                        continue;
                count_print(&g->streams[i], &c);
                for (size_t k = 0; k < 4; k++, n++)
                        resp_out_bulk(&out, c.fields[k].p, c.fields[k].n);
        }
        resp_out_head(&out, later, RESP_ARRAY, n);
        if (slip_msg(&out, &msg) == 0 && sender_send(g->tell, msg) < 0)
                beam_msg_free(msg);
}

int guest_new(const slip_order *o, beam_msg *msg, guest **ret) {
        guest *g = mem_zero(sizeof(*g));

        if (g)
                g->streams = mem_array(o->n_streams + STANDARD, sizeof(*g->streams));
        if (!g || !g->streams) {
                mem_free(g);
                return -ENOMEM;
        }
        g->tell = beam_msg_take_sender(msg, SLIP_TELL);
        g->words = beam_msg_take_receiver(msg, SLIP_WORDS);
        for (size_t i = 0; i < o->n_streams; i++) {
                guest_stream *s = &g->streams[g->n_streams++];

                *s = (guest_stream){ .of = g, .number = o->streams[i] };
                s->fd = beam_msg_take_fd(msg, SLIP_STREAMS + i);
                s->st = beam_msg_take_stream(msg, SLIP_STREAMS + i);
        }
        *ret = g;
        return 0;
}

guest *guest_free(guest *g) {
        if (!g)
                return NULL;
        for (size_t i = 0; i < g->n_streams; i++)
                close_stream(&g->streams[i]);
        beam_receiver_close(g->words);
        beam_sender_close(g->tell);
        mem_free(g->streams);
        return mem_free(g);
}
