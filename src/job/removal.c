/* SPDX-License-Identifier: Apache-2.0 */
#include "removal.h"

#include "key.h"

/* But for the places of its readers, which expire. */
static const char *const forms[][2] = {
        { "/jobs/", "" },
        { "/jobs/", "/args" },
        { "/jobs/", "/env" },
        { "/jobs/", "/in" },
        { "/jobs/", "/out" },
        { "/jobs/", "/status" },
        { "/jobs/", "/wait" },
        { "/beam/jobs/", "" },
        { "/beam/jobs/", "/log" },
        { "/beam/jobs/", "/control" },
        { "/beam/jobs/", "/owner" },
        { "/beam/jobs/", "/brief" },
        { "/beam/jobs/", "/readers" },
};
enum { N_FORMS = sizeof(forms) / sizeof(forms[0]) };

int removal_say(asker *a, const char *id, asker_fn *fn, void *data) {
        char keys[N_FORMS][KEY_MAX];
        bytes argv[1 + N_FORMS] = { BYTES("DEL") };

        for (size_t i = 0; i < N_FORMS; i++)
                argv[1 + i] = key_print(keys[i], "%s%s%s", forms[i][0], id, forms[i][1]);
        asker_say(a, NULL, NULL, BYTES("MULTI"));
        asker_say(a, NULL, NULL, BYTES("LSET"), BYTES("/jobs"), bytes_of(id), BYTES(""));
        asker_ask(a, NULL, NULL, argv, 1 + N_FORMS);
        asker_say(a, NULL, NULL, BYTES("ZREM"), BYTES("/beam/dead"), bytes_of(id));
        return asker_say(a, fn, data, BYTES("EXEC"));
}
