/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A fuzz target without a fuzzer: runs each file of the directories given, in a block
 * of its own. So what was once found is run by every compiler with all the tests.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int run_file(const char *path) {
        FILE *f = fopen(path, "rbe");
        uint8_t *data;
        long n;

        if (!f || fseek(f, 0, SEEK_END) || (n = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
                perror(path);
                return 1;
        }
        data = malloc((size_t)n);
        if (fread(data, 1, (size_t)n, f) != (size_t)n) {
                perror(path);
                return 1;
        }
        fclose(f);
        printf("# %s\n", path);
        fflush(stdout); /* before it crashes */
        LLVMFuzzerTestOneInput(data, (size_t)n);
        free(data);
        return 0;
}

int main(int argc, char **argv) {
        int n_run = 0, n_bad = 0;

        for (int i = 1; i < argc; i++) {
                char path[4096];
                DIR *dir = opendir(argv[i]);

                if (!dir) {
                        perror(argv[i]);
                        return 1;
                }
                for (struct dirent *e; (e = readdir(dir));) {
                        if (e->d_name[0] == '.')
                                continue;
                        snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
                        n_bad += run_file(path);
                        n_run++;
                }
                closedir(dir);
        }
        printf("%d inputs\n", n_run);
        return n_bad || !n_run;
}
