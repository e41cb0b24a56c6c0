/* SPDX-License-Identifier: Apache-2.0 */
#include "mount.h"

#include <assert.h>
#include <errno.h>

#include "../../base/grow.h"
#include "../../base/mem.h"
#include "../store.h"

static bool begins_with(bytes text, bytes prefix) {
        return text.n >= prefix.n && memcmp(text.p, prefix.p, prefix.n) == 0;
}

/* Whether nothing stands in the way of a mount at @prefix. */
static bool is_free(db *d, bytes prefix) {
        bool found = false;
        table_iter i;
        const key *k;

        if (d->mounts) {
                list_each(node, d->mounts) {
                        const mount *m = container_of(node, mount, node);

                        if (begins_with(m->prefix, prefix) || begins_with(prefix, m->prefix))
                                return false;
                }
        }
        table_iter_begin(&i, &d->keys);
        while (!found && (k = table_iter_next(&i)))
                found = begins_with(key_name(k), prefix);
        table_iter_end(&i);
        return !found;
}

int mount_new(db *d, bytes prefix, const beam_mount_calls *calls, void *data, mount **ret) {
        mounting *of = &d->store->mounting;
        char *text;
        mount *m;

        if (prefix.n > KEY_NAME_MAX || !calls->read)
                return -EINVAL;
        if (of->is_calling)
                return -EBUSY;
        if (!is_free(d, prefix))
                return -EEXIST;
        m = mem_zero(sizeof(*m) + prefix.n);
        if (!m)
                return -ENOMEM;
        if (!d->mounts) {
                d->mounts = mem_new(sizeof(*d->mounts));
                if (!d->mounts) {
                        mem_free(m);
                        return -ENOMEM;
                }
                list_init(d->mounts);
        }
        m->db = d;
        m->id = ++of->next_id;
        memcpy(&m->calls, calls, calls->size < sizeof(m->calls) ? calls->size : sizeof(m->calls));
        m->data = data;
        text = (char *)(m + 1);
        memcpy(text, prefix.p, prefix.n);
        m->prefix = (bytes){ text, prefix.n };
        list_init(&m->node);
        list_append(d->mounts, &m->node);
        of->n_mounts++;
        mount_send_all(m, true);
        *ret = m;
        return 0;
}

mount *mount_free(mount *m) {
        if (!m)
                return NULL;
        assert(!m->db->store->mounting.is_calling);
        mount_send_all(m, false);
        mount_forget(m->db->store);
        list_remove(&m->node);
        if (list_is_empty(m->db->mounts))
                m->db->mounts = mem_free(m->db->mounts);
        m->db->store->mounting.n_mounts--;
        mem_free(m->owned);
        return mem_free(m);
}

mount *mount_of(const db *d, bytes name) {
        if (d->mounts) {
                list_each(node, d->mounts) {
                        mount *m = container_of(node, mount, node);

                        if (begins_with(name, m->prefix))
                                return m;
                }
        }
        return NULL;
}

mount *mount_next(const db *d, uint64_t id) {
        if (d->mounts) {
                /* in the order of their numbers */
                list_each(node, d->mounts) {
                        mount *m = container_of(node, mount, node);

                        if (m->id > id)
                                return m;
                }
        }
        return NULL;
}

/* names */

int beam_names_add(beam_names *names, const void *data, size_t n) {
        bytes prefix = names->mount->prefix;
        size_t length = prefix.n + n, size = sizeof(length) + length;
        char *at, *grown = grow(names->p, &names->cap, names->n, size);

        if (!grown) {
                names->failed = true;
                return -ENOMEM;
        }
        names->p = grown;
        at = names->p + names->n;
        memcpy(at, &length, sizeof(length));
        memcpy(at + sizeof(length), prefix.p, prefix.n);
        memcpy(at + sizeof(length) + prefix.n, data, n);
        names->n += size;
        names->count++;
        return 0;
}

void mount_list(mount *m, beam_names *ret) {
        int r = 0;

        *ret = (beam_names){ .mount = m };
        if (m->calls.list) {
                m->db->store->mounting.is_calling = true;
                r = m->calls.list(m->data, ret);
                m->db->store->mounting.is_calling = false;
        }
        if (ret->failed)
                r = -ENOMEM;
        if (r < 0)
                mount_refuse(m->db->store, m->prefix, beam_strerror(r));
}

bool names_next(const beam_names *names, size_t *at, bytes *ret) {
        if (*at == names->n)
                return false;
        memcpy(&ret->n, names->p + *at, sizeof(ret->n));
        ret->p = names->p + *at + sizeof(ret->n);
        *at += sizeof(ret->n) + ret->n;
        return true;
}

void names_deinit(beam_names *names) {
        names->p = mem_free(names->p);
}

size_t mount_count(const db *d) {
        size_t n = 0;

        for (mount *m = NULL; (m = mount_next(d, m ? m->id : 0));) {
                beam_names names;

                mount_list(m, &names);
                n += names.count;
                names_deinit(&names);
        }
        return n;
}
