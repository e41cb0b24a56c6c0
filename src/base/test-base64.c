/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

#include "test.h"

#include <errno.h>
#include <string.h>

/* RFC 4648, 10. */
TEST(both_ways) {
        static const struct {
                const char *bytes, *text;
        } cases[] = {
                { "", "" },
                { "f", "Zg==" },
                { "fo", "Zm8=" },
                { "foo", "Zm9v" },
                { "foob", "Zm9vYg==" },
                { "fooba", "Zm9vYmE=" },
                { "foobar", "Zm9vYmFy" },
                { "\xff\xfe\xfd", "//79" },
                { "\xfb\xf0", "+/A=" },
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                size_t n = strlen(cases[i].bytes), n_text = strlen(cases[i].text);
                uint8_t bytes[8];
                char text[16];

                assert_eq(BASE64_SIZE(n), n_text);
                base64_print(cases[i].bytes, n, text);
                assert_mem(text, n_text, cases[i].text, n_text);
                assert_r(base64_read(text, n_text, bytes), (int)n);
                assert_mem(bytes, n, cases[i].bytes, n);
        }
}

TEST(refused) {
        static const char *const cases[] = {
                "Z",    "Zg",       "Zg=",  "Zg===", "====", "=",    "Z===",     "Zh==",
                "Zm9=", "Zg==Zg==", "Zm\n", "Zm9_",  " Zm9", "Zg=v", "Zm9v\r\n", "Z=g=",
        };
        uint8_t bytes[16];

        for (size_t i = 0; i < n_of(cases); i++)
                if (base64_read(cases[i], strlen(cases[i]), bytes) != -EINVAL)
                        test_fail("'%s' is read", cases[i]);
}
