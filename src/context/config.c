/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "../wire/resp/request.h"

void config_init(config *c) {
        *c = (config){
                .databases = 16,
                .proto_max_bulk_len = RESP_BULK_MAX,
                .hash_max_listpack_entries = 512,
                .hash_max_listpack_value = 64,
                .zset_max_listpack_entries = 128,
                .zset_max_listpack_value = 64,
                .set_max_intset_entries = 512,
                .list_max_listpack_size = -2,
                .stream_node_max_bytes = 4096,
                .stream_node_max_entries = 100,
        };
}
