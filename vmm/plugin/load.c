/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin file becomes a descriptor. The file is opened once, judged by its fd and loaded by
 * that fd's name, so that nobody can swap it in between.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/errtext.h"
#include "plugin/priv.h"

#define REFUSE(err, ...) bp_fail((err), -EINVAL, BP_E_CONFIG, __VA_ARGS__)
#define ENTRY "bp_plugin_entry_v"

typedef const struct bp_plugin *entry_fn(void);

static int check_file(int fd, struct bp_err *err)
{
    char text[160];
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return bp_fail(err, -errno, BP_E_HOST, "It cannot be examined: %s.",
                       errtext_display(errno, text, sizeof(text)));
    }
    if (S_ISDIR(st.st_mode)) {
        return REFUSE(err, "It is a directory.");
    }
    if (!S_ISREG(st.st_mode)) {
        return REFUSE(err, "It is not a regular file.");
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        return REFUSE(err,
                      "It belongs to user %u, neither to root nor to the user who runs the "
                      "monitor.",
                      (unsigned)st.st_uid);
    }
    if (st.st_mode & S_IWOTH) {
        return REFUSE(err, "Everybody can write to it.");
    }
    if (st.st_mode & S_IWGRP) {
        return REFUSE(err, "Its group can write to it.");
    }
    return 0;
}

/* The header of this program as it lies in memory; the linker defines it. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

/* The dynamic linker's own words for these are no sentences. */
static int check_elf(int fd, struct bp_err *err)
{
    const Elf64_Ehdr *own = &__ehdr_start;
    Elf64_Ehdr e;
    ssize_t n = pread(fd, &e, sizeof(e), 0);
    struct stat st;

    if (n >= SELFMAG && memcmp(e.e_ident, ELFMAG, SELFMAG) != 0) {
        return REFUSE(err, "It is not an ELF file.");
    }
    if (n < (ssize_t)sizeof(e)) {
        return REFUSE(err, "The file is cut short.");
    }
    if (e.e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
        e.e_ident[EI_DATA] != own->e_ident[EI_DATA] || e.e_machine != own->e_machine) {
        return REFUSE(err, "It is built for another architecture.");
    }
    if (e.e_type != ET_DYN) {
        return REFUSE(err, "It is not a shared object.");
    }
    if (fstat(fd, &st) < 0 || e.e_shoff > (uint64_t)st.st_size ||
        (uint64_t)e.e_shnum * e.e_shentsize > (uint64_t)st.st_size - e.e_shoff) {
        return REFUSE(err, "The file is cut short.");
    }
    return 0;
}

static int no_entry(void *so, struct bp_err *err)
{
    unsigned v;

    for (v = 0; v <= 2; v++) {
        char name[32];

        (void)snprintf(name, sizeof(name), ENTRY "%u", v);
        if (dlsym(so, name)) {
            return REFUSE(err, "It is built for ABI %u, this monitor speaks %u.", v, BP_ABI_MAJOR);
        }
    }
    return REFUSE(err, "It has no plugin entry point.");
}

/*
 * The dynamic linker first compares names with those of the objects it has, so a number that was
 * closed and used again would give an earlier plugin. Each load spells the path in its own way:
 * "/" and "/." are the bits of a counter.
 */
static void unique_name(int fd, char *buf, size_t cap)
{
    static uint32_t loads;
    uint32_t v = __atomic_add_fetch(&loads, 1, __ATOMIC_RELAXED);
    size_t at = (size_t)snprintf(buf, cap, "/proc/self/fd");

    for (; v > 0; v >>= 1) {
        at += (size_t)snprintf(buf + at, cap - at, "%s", v & 1 ? "/." : "/");
    }
    (void)snprintf(buf + at, cap - at, "/%d", fd);
}

static int open_so(int fd, const struct bp_plugin **ret_desc, struct bp_err *err)
{
    char name[128], symbol[32];
    entry_fn *entry;
    void *so, *sym;

    unique_name(fd, name, sizeof(name));
    (void)snprintf(symbol, sizeof(symbol), ENTRY "%d", BP_ABI_MAJOR);
    so = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!so) {
        const char *why = dlerror();
        const char *tail = why ? strstr(why, ": ") : NULL;

        return REFUSE(err, "It cannot be loaded: %.1500s.",
                      tail ? tail + 2 : (why ? why : "no reason given"));
    }
    sym = dlsym(so, symbol);
    if (!sym) {
        return no_entry(so, err);
    }
    memcpy(&entry, &sym, sizeof(entry)); /* ISO C has no cast from data to function pointers */
    *ret_desc = entry();
    return 0;
}

int plugin_open_file(const char *path, const struct bp_plugin **ret_desc, int *ret_fd,
                     struct bp_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char text[160];
    int rc;

    if (fd < 0 && errno == ELOOP) {
        return REFUSE(err, "It is a symbolic link.");
    }
    if (fd < 0) {
        return bp_fail(err, -errno, BP_E_CONFIG, "It cannot be opened: %s.",
                       errtext_display(errno, text, sizeof(text)));
    }
    rc = check_file(fd, err);
    rc = rc < 0 ? rc : check_elf(fd, err);
    rc = rc < 0 ? rc : open_so(fd, ret_desc, err);
    *ret_fd = fd;
    return rc;
}
