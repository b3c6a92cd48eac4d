/* SPDX-License-Identifier: Apache-2.0 */
/* All that the guest's first instruction relies on, in order. No state. */
#include "boot/tables.h"

#include <errno.h>
#include <string.h>

#include "kvm/x86_layout.h"

int pool_write(struct table_pool *p, const void *data, uint64_t len, uint64_t *ret_gpa)
{
    int r;

    if (len > p->end - p->next) {
        return -ENOSPC;
    }
    r = guestmem_write(p->m, p->next, data, len);
    if (r < 0) {
        return r;
    }
    *ret_gpa = p->next;
    p->next += len;
    return 0;
}

uint8_t table_checksum(const void *p, uint64_t len)
{
    const uint8_t *bytes = p;
    uint8_t sum = 0;

    for (uint64_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return (uint8_t)-sum;
}

int boot_write_tables(struct guestmem *m, const struct boot_kernel *k, const struct boot_initrd *i,
                      const struct cmdline *c, uint32_t n_vcpus, const struct boot_device *dev,
                      uint32_t n_dev, struct bp_err *err)
{
    struct table_pool pool = { .m = m, .next = X86_TABLES, .end = X86_TABLES_END };
    char text[BOOT_CMDLINE_MAX] = { 0 };
    struct bp_err why;
    uint32_t text_len;
    int r = cmdline_text(c, text, sizeof(text), &why);

    if (r < 0) {
        return bp_fail(err, r, BP_E_CONFIG, "Cannot load command line string: %.1900s", why.text);
    }
    text_len = (uint32_t)strlen(text) + 1;
    r = guestmem_write(m, X86_CMDLINE, text, text_len);
    if (r < 0) {
        return bp_fail(err, r, BP_E_CONFIG,
                       "Cannot load command line string: Kernel Loader: failed writing command "
                       "line to guest memory");
    }
    r = mptable_write(&pool, n_vcpus);
    if (r < 0) {
        return bp_fail(err, r, BP_E_CONFIG, "System configuration error: MpTableSetup");
    }
    r = paging_write(m, k->proto);
    r = r < 0 ? r : params_write(m, k, i, text_len);
    if (r < 0) {
        return bp_fail(err, r, BP_E_CONFIG, "System configuration error: ZeroPageSetup");
    }
    return acpi_write(&pool, n_vcpus, dev, n_dev, err);
}
