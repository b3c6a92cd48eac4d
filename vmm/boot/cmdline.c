/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel command line: a part for the kernel, a part for init, one bounded text of both. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot/boot.h"

#define SEPARATOR " -- "
#define SEPARATOR_LEN 4u
#define TOO_LONG "Inserting string would make command line too long."

static bool is_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

/* Narrow [*p, *p + *len) to what lies between its outer blanks. */
static void trim(const char **p, size_t *len)
{
    while (*len > 0 && is_space(**p)) {
        (*p)++;
        (*len)--;
    }
    while (*len > 0 && is_space((*p)[*len - 1])) {
        (*len)--;
    }
}

/* Where the first separator outside double quotes begins; len: none. */
static size_t find_separator(const char *text, size_t len)
{
    bool quoted = false;

    for (size_t i = 0; i + SEPARATOR_LEN <= len; i++) {
        if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && memcmp(text + i, SEPARATOR, SEPARATOR_LEN) == 0) {
            return i;
        }
    }
    return len;
}

/* Length of the whole text without its NUL. */
static size_t total(size_t boot_len, size_t init_len)
{
    return boot_len + (init_len > 0 ? SEPARATOR_LEN + init_len : 0);
}

int cmdline_init(struct cmdline *c, const char *text, struct bp_err *err)
{
    size_t len = strlen(text);
    size_t at = find_separator(text, len);
    const char *boot = text;
    const char *init = "";
    size_t boot_len = at;
    size_t init_len = 0;

    if (at < len) {
        init = text + at + SEPARATOR_LEN;
        init_len = len - at - SEPARATOR_LEN;
    }
    trim(&boot, &boot_len);
    trim(&init, &init_len);
    if (boot_len >= BOOT_CMDLINE_MAX || init_len >= BOOT_CMDLINE_MAX ||
        total(boot_len, init_len) >= BOOT_CMDLINE_MAX) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "Invalid cmdline capacity provided.");
    }
    memset(c, 0, sizeof(*c));
    memcpy(c->boot, boot, boot_len);
    memcpy(c->init, init, init_len);
    return 0;
}

int cmdline_insert(struct cmdline *c, const char *text, struct bp_err *err)
{
    size_t len = strlen(text);
    size_t have = strlen(c->boot);
    size_t blank = have > 0 ? 1 : 0;

    trim(&text, &len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) {
            return bp_fail(err, -EINVAL, BP_E_CONFIG,
                           "String contains a non-printable ASCII character.");
        }
    }
    if (len >= BOOT_CMDLINE_MAX || total(have + blank + len, strlen(c->init)) >= BOOT_CMDLINE_MAX) {
        return bp_fail(err, -E2BIG, BP_E_CONFIG, TOO_LONG);
    }
    if (blank) {
        c->boot[have] = ' ';
    }
    memcpy(c->boot + have + blank, text, len);
    c->boot[have + blank + len] = '\0';
    return 0;
}

int cmdline_text(const struct cmdline *c, char *ret_text, size_t cap, struct bp_err *err)
{
    if (c->boot[0] == '\0' && c->init[0] != '\0') {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "Cmdline cannot contain only init args.");
    }
    if (total(strlen(c->boot), strlen(c->init)) >= cap) {
        return bp_fail(err, -E2BIG, BP_E_CONFIG, TOO_LONG);
    }
    (void)snprintf(ret_text, cap, "%s%s%s", c->boot, c->init[0] ? SEPARATOR : "", c->init);
    return 0;
}
