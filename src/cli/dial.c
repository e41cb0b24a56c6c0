/* SPDX-License-Identifier: Apache-2.0 */

/* Dialling and listening, and what to say when they fail: what, where, what to do. */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

static bool starts(const char *text, const char *with) {
        return strncmp(text, with, strlen(with)) == 0;
}

static int bad_url(const char *url) {
        if (starts(url, "unix:") && url[5] != '/' && url[5] != '@') {
                say_error("%s: a socket wants its whole path, as unix:$PWD/%s", url, url + 5);
                return CLI_MISUSE;
        }
        if (starts(url, "unix:") && strlen(url) > strlen("unix:") + 107) {
                say_error("%s: too long for a socket, which has room for 107 bytes", url);
                return CLI_MISUSE;
        }
        say_error("%s: not an address; those are unix:/path, unix:@name, tcp://host:port, "
                  "ws://host:port/path, fd:N",
                  url);
        return CLI_MISUSE;
}

/* Between two tries of --wait: short against a start of a service; picked. */
enum { TRY_MS = 20 };

/* How a service like that is started. */
static const char *const starting[] = { "beam serve %s --echo", "beam context serve %s" };
enum { A_SERVICE, A_CONTEXT };

static int unreachable(const char *url, int r, int what) {
        static const char *const stranger[] = { "does not speak Beam",
                                                "is neither a context nor a Redis" };
        static const char *const late[] = { "nobody said hello in time", "no answer in time" };
        char how[300];

        switch (r) {
        case -EINVAL:
        case -EAFNOSUPPORT:
        case -EPROTONOSUPPORT:
                return bad_url(url);
        case -ETIMEDOUT:
                say_error("cannot reach %s: %s", url, late[what]);
                return CLI_TIMEOUT;
        case -ENOENT:
        case -ECONNREFUSED:
                if (starts(url, "mem:"))
                        say_error("cannot reach %s: such names live within one process; "
                                  "use unix: or tcp: between processes",
                                  url);
                else {
                        snprintf(how, sizeof(how), starting[what], url);
                        say_error("cannot reach %s: %s; is the service started? try: %s", url,
                                  r != -ENOENT         ? "nobody listens there"
                                  : starts(url, "ws:") ? "there is no such path"
                                                       : "no such file",
                                  how);
                }
                break;
        case -EADDRNOTAVAIL:
                say_error("cannot reach %s: no such host; is the name spelt right?", url);
                break;
        case -EPROTO:
                say_error("cannot use %s: what answers there %s", url, stranger[what]);
                break;
        case -ENOTCONN:
        case -ECONNRESET:
                say_error("cannot use %s: what was there hung up without saying hello", url);
                break;
        case -EACCES:
        case -EPERM:
                say_error(
                        "cannot reach %s: not allowed; look at the owner and mode of the socket%s",
                        url, what == A_CONTEXT ? ", or give its --password" : "");
                break;
        case -EBADF:
        case -ENOTSOCK:
                say_error("cannot use %s: that descriptor is not an open socket", url);
                return CLI_MISUSE;
        default:
                say_error("cannot reach %s: %s", url, beam_strerror(r));
        }
        return CLI_UNREACHABLE;
}

/* Nobody is there yet, and we were told to wait: a little later, try again. */
static bool may_wait(const cli_opts *o, int r, int64_t deadline) {
        if (!o->wait || (r != -ENOENT && r != -ECONNREFUSED) || beam_now() >= deadline)
                return false;
        (void)poll(NULL, 0, TRY_MS);
        return true;
}

int cli_dial(const char *url, const cli_opts *o, beam_session **ret, int64_t deadline) {
        int r;

        while (may_wait(o, r = beam_dial(url, NULL, ret, deadline), deadline))
                ;
        return r < 0 ? unreachable(url, r, A_SERVICE) : CLI_DONE;
}

int cli_exec(beam_client *c, const char *url, const beam_arg *argv, size_t argc, beam_result *ret,
             int64_t deadline) {
        int r = beam_client_exec(c, argv, argc, ret, deadline);

        if (r == -EPROTO)
                return unreachable(url, r, A_CONTEXT);
        return r < 0 ? cli_failed("executing at", url, r, NULL) : CLI_DONE;
}

/* Say who we are, as the options have it. */
static int authenticate(beam_client *c, const char *url, const cli_opts *o, int64_t deadline) {
        const char *said[] = { "AUTH", o->service ? o->service : "default",
                               o->password ? o->password : "" };
        beam_arg argv[3];
        beam_result result;
        int status;

        if (!o->service && !o->password)
                return CLI_DONE;
        for (int i = 0; i < 3; i++)
                argv[i] = (beam_arg){ said[i], strlen(said[i]) };
        status = cli_exec(c, url, argv, 3, &result, deadline);
        if (status != CLI_DONE || result.kind != BEAM_RESULT_ERROR)
                return status;
        if (o->password)
                say_error("%s does not let us in: %.*s", url, (int)result.n, result.data);
        else
                say_error("%s has no context of the name %s", url, o->service);
        return CLI_FAILED;
}

int cli_dial_context(const char *url, const cli_opts *o, beam_client **ret, int64_t deadline) {
        int r;

        while (may_wait(o, r = beam_client_dial(url, ret, deadline), deadline))
                ;
        return r < 0 ? unreachable(url, r, A_CONTEXT) : authenticate(*ret, url, o, deadline);
}

int cli_follow(const char *url, const cli_opts *o, const beam_follow_options *opt,
               beam_follower **ret, int64_t deadline) {
        int r;

        while (may_wait(o, r = beam_follow(url, opt, ret, deadline), deadline))
                ;
        if (r == -EINVAL && opt->position) {
                say_error(
                        "%s is no position that `beam context sync --json` tells, or %s no address",
                        opt->position, url);
                return CLI_MISUSE;
        }
        return r < 0 ? unreachable(url, r, A_CONTEXT) : CLI_DONE;
}

int cli_unreachable_context(const char *url, int r) {
        return unreachable(url, r, A_CONTEXT);
}

int cli_follow_context(beam_context *ctx, const char *url) {
        int r = beam_context_follow(ctx, url);

        return r < 0 ? unreachable(url, r, A_CONTEXT) : CLI_DONE;
}

const char *cli_password(const cli_opts *o) {
        return o->password ? o->password : o->service ? "" : NULL;
}

static int unstarted(const char *url, int r, bool direct) {
        if (direct && (r == -EPROTO || r == -EOPNOTSUPP)) {
                say_error("%s takes no jobs over channels; try without --direct", url);
                return CLI_LOST;
        }
        switch (r) {
        case -EACCES:
                say_error("%s does not let us in; see --password", url);
                return CLI_LOST;
        case -EPROTO:
                say_error("%s takes no jobs: it is no Redis, or its keys are of another kind", url);
                return CLI_LOST;
        case -ETIMEDOUT:
                say_error("%s: not done in time; nobody knows whether it began", url);
                return CLI_TIMEOUT;
        case -ECONNRESET:
                say_error("%s: the link was lost; nobody knows whether it began", url);
                return CLI_LOST;
        }
        r = unreachable(url, r, A_CONTEXT);
        return r == CLI_MISUSE ? r : CLI_LOST;
}

int cli_start_job(const char *url, const cli_opts *o, const beam_job_options *opt, beam_job **ret,
                  int64_t deadline) {
        int r;

        while (may_wait(o, r = beam_job_start(url, opt, ret, deadline), deadline))
                ;
        return r < 0 ? unstarted(url, r, opt->direct) : CLI_DONE;
}

int cli_attach_job(const char *url, const cli_opts *o, uint64_t id, beam_job **ret,
                   int64_t deadline) {
        const beam_job_options opt = { .size = sizeof(opt),
                                       .user = o->service,
                                       .password = cli_password(o) };
        int r;

        while (may_wait(o, r = beam_job_attach(url, id, &opt, ret, deadline), deadline))
                ;
        if (r == -ESRCH) {
                say_error("%s has no job %llu; `beam job ls %s` lists those there are", url,
                          (unsigned long long)id, url);
                return CLI_LOST;
        }
        return r < 0 ? unstarted(url, r, false) : CLI_DONE;
}

static int unheard(const char *url, int r) {
        if (r == -ENOENT && starts(url, "fd:")) {
                say_error("cannot listen at %s: no socket was handed over (LISTEN_FDS); that is "
                          "for a service that a socket unit of systemd starts",
                          url);
                return CLI_MISUSE;
        }
        if (starts(url, "mem:")) {
                say_error("cannot listen at %s: nobody could reach it, as such names live within "
                          "one process; use unix: or tcp:",
                          url);
                return CLI_MISUSE;
        }
        switch (r) {
        case -EINVAL:
        case -EAFNOSUPPORT:
        case -EPROTONOSUPPORT:
                return bad_url(url);
        case -EBADF:
        case -ENOTSOCK:
                say_error("cannot listen at %s: that descriptor is not an open socket", url);
                return CLI_MISUSE;
        case -EADDRINUSE:
                say_error("cannot listen at %s: somebody listens there already; end that one or "
                          "choose another address",
                          url);
                break;
        case -EADDRNOTAVAIL:
                say_error("cannot listen at %s: this machine has no such address", url);
                break;
        case -EACCES:
                if (starts(url, "tcp:") || starts(url, "ws:")) {
                        say_error(
                                "cannot listen at %s: not allowed; as long as there is no rule for "
                                "access, only 127.0.0.1, [::1] or localhost, and a port above 1023",
                                url);
                        return CLI_MISUSE;
                }
                say_error("cannot listen at %s: not allowed; choose another directory", url);
                break;
        case -ENOENT:
                say_error("cannot listen at %s: there is no such directory; make it first", url);
                break;
        default:
                say_error("cannot listen at %s: %s", url, beam_strerror(r));
        }
        return CLI_UNREACHABLE;
}

int cli_listen(const char *url, beam_listener **ret) {
        int r = starts(url, "mem:") ? -EINVAL : beam_listen(url, NULL, ret);

        return r < 0 ? unheard(url, r) : CLI_DONE;
}

int cli_serve_context(beam_context *ctx, const char *url, const cli_opts *o,
                      beam_context_server **ret) {
        int r = o->each    ? beam_context_serve_each(url, NULL, NULL, ret)
                : o->named ? beam_context_serve_named(url, NULL, NULL, ret)
                           : beam_context_serve(ctx, url, ret);

        return r < 0 ? unheard(url, r) : CLI_DONE;
}
int cli_failed(const char *what, const char *url, int r, const beam_reason *reason) {
        if (r == -ETIMEDOUT) {
                say_error("%s %s: not done in time", what, url);
                return CLI_TIMEOUT;
        }
        if (r == -ECONNRESET || (reason && reason->code == BEAM_CODE_LOST))
                say_error("%s %s: the link was lost; nobody knows what arrived", what, url);
        else if (reason && reason->code == BEAM_CODE_NO_SERVICE)
                say_error("%s %s: %s; see --service", what, url,
                          *reason->text ? reason->text : "no such service there");
        else if (reason && *reason->text)
                say_error("%s %s: the other side said: %s (code %u)", what, url, reason->text,
                          reason->code);
        else if (reason && reason->code != BEAM_CODE_NONE)
                say_error("%s %s: the other side closed with code %u", what, url, reason->code);
        else if (r == -EPIPE)
                say_error("%s %s: the other side closed", what, url);
        else if (r == -EMSGSIZE)
                say_error("%s %s: the message is larger than the other side takes", what, url);
        else
                say_error("%s %s: %s", what, url, beam_strerror(r));
        /* Our deadline went along with the message, and is over there as soon as here. */
        return reason && reason->code == BEAM_CODE_TIMEOUT ? CLI_TIMEOUT : CLI_FAILED;
}

int cli_read_all(int fd, size_t max, char **ret_data, size_t *ret_n) {
        size_t n = 0, size = 0;
        char *data = NULL;

        for (;;) {
                ssize_t k;

                if (n == size) {
                        size_t more = size ? 2 * size : 4096;
                        char *p = realloc(data, more);

                        if (!p)
                                break;
                        data = p;
                        size = more;
                }
                k = read(fd, data + n, size - n);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0) {
                        int r = -errno;

                        free(data);
                        return r;
                }
                if (k == 0) {
                        *ret_data = data;
                        *ret_n = n;
                        return 0;
                }
                n += (size_t)k;
                if (n > max) {
                        free(data);
                        return -EMSGSIZE;
                }
        }
        free(data);
        return -ENOMEM;
}
