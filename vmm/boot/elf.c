/* SPDX-License-Identifier: Apache-2.0 */
/* ELF kernels: 64-bit entry, or the 32-bit entry that a PVH note names. No state. */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "boot/loader.h"
#include "core/cleanup.h"
#include "kvm/x86_layout.h"

#define NOTE_PHYS32_ENTRY 18u
#define NOTE_SEGMENT_MAX 65536u   /* of one segment that is looked at */
#define NOTE_TOTAL_MAX (1u << 20) /* of all of them */

struct elf_image {
    int fd;
    bool is32, need_pvh; /* no 64-bit entry: only the note's will do */
    uint64_t entry, phoff;
    uint32_t phnum, phentsize;
    uint64_t loaded, noted; /* bytes so far, so that segments cannot repeat for hours */
    bool has_note;
    uint32_t note_entry;
    uint64_t end;
};

struct segment {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz;
};

bool elf_is(int fd)
{
    uint8_t magic[SELFMAG];

    return loader_read(fd, 0, magic, sizeof(magic)) == 0 && memcmp(magic, ELFMAG, SELFMAG) == 0;
}

static void header32(struct elf_image *e, const uint8_t *raw)
{
    Elf32_Ehdr h;

    memcpy(&h, raw, sizeof(h));
    e->entry = le32toh(h.e_entry);
    e->phoff = le32toh(h.e_phoff);
    e->phnum = le16toh(h.e_phnum);
    e->phentsize = le16toh(h.e_phentsize);
}

static void header64(struct elf_image *e, const uint8_t *raw)
{
    Elf64_Ehdr h;

    memcpy(&h, raw, sizeof(h));
    e->entry = le64toh(h.e_entry);
    e->phoff = le64toh(h.e_phoff);
    e->phnum = le16toh(h.e_phnum);
    e->phentsize = le16toh(h.e_phentsize);
}

static int read_header(struct elf_image *e, const char **ret_why)
{
    uint8_t raw[sizeof(Elf64_Ehdr)];
    uint16_t machine;

    *ret_why = "Unable to read elf header";
    if (loader_read(e->fd, 0, raw, sizeof(raw)) < 0) {
        return -EINVAL;
    }
    *ret_why = "Invalid Elf magic number";
    if (memcmp(raw, ELFMAG, SELFMAG) != 0) {
        return -EINVAL;
    }
    *ret_why = "Trying to load big-endian binary on little-endian machine";
    if (raw[EI_DATA] != ELFDATA2LSB) {
        return -EINVAL;
    }
    header64(e, raw);
    if (raw[EI_CLASS] == ELFCLASS32 && e->phentsize != sizeof(Elf64_Phdr)) {
        e->is32 = true;
        header32(e, raw);
    }
    memcpy(&machine, raw + offsetof(Elf64_Ehdr, e_machine), sizeof(machine));
    e->need_pvh = e->is32 || le16toh(machine) == EM_386;
    *ret_why = "Invalid program header size";
    if (e->phentsize != (e->is32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr))) {
        return -EINVAL;
    }
    *ret_why = "Invalid program header offset";
    if (e->phoff < (e->is32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr)) || e->phoff > INT64_MAX) {
        return -EINVAL;
    }
    return 0;
}

static int read_segment(const struct elf_image *e, uint32_t i, struct segment *ret_s)
{
    uint64_t off;
    Elf32_Phdr p32;
    Elf64_Phdr p64;

    if (__builtin_add_overflow(e->phoff, (uint64_t)i * e->phentsize, &off)) {
        return -EINVAL;
    }
    if (e->is32) {
        if (loader_read(e->fd, off, &p32, sizeof(p32)) < 0) {
            return -EINVAL;
        }
        *ret_s = (struct segment){ .type = le32toh(p32.p_type),
                                   .offset = le32toh(p32.p_offset),
                                   .paddr = le32toh(p32.p_paddr),
                                   .filesz = le32toh(p32.p_filesz),
                                   .memsz = le32toh(p32.p_memsz) };
        return 0;
    }
    if (loader_read(e->fd, off, &p64, sizeof(p64)) < 0) {
        return -EINVAL;
    }
    *ret_s = (struct segment){ .type = le32toh(p64.p_type),
                               .offset = le64toh(p64.p_offset),
                               .paddr = le64toh(p64.p_paddr),
                               .filesz = le64toh(p64.p_filesz),
                               .memsz = le64toh(p64.p_memsz) };
    return 0;
}

static int load_segment(struct elf_image *e, struct guestmem *m, const struct segment *s,
                        const char **ret_why)
{
    uint64_t end;

    if (s->filesz == 0 && s->memsz == 0) {
        return 0;
    }
    *ret_why = "Segment larger in the file than in memory";
    if (s->filesz > s->memsz) {
        return -EINVAL;
    }
    *ret_why = "Segment beyond the end of the address space";
    if (__builtin_add_overflow(s->paddr, s->memsz, &end)) {
        return -EINVAL;
    }
    e->end = end > e->end ? end : e->end;
    if (s->filesz == 0) {
        return 0;
    }
    *ret_why = "Segments larger than guest memory";
    if (s->filesz > guestmem_size(m) - e->loaded) {
        return -EINVAL;
    }
    e->loaded += s->filesz;
    *ret_why = "Unable to read kernel image";
    return loader_copy(e->fd, s->offset, m, s->paddr, s->filesz) < 0 ? -EINVAL : 0;
}

/* Note by note; a torn one ends the search. */
static void scan_notes(struct elf_image *e, const uint8_t *p, uint64_t len)
{
    while (len >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr n;
        uint64_t name_len;
        uint64_t desc_len;

        memcpy(&n, p, sizeof(n));
        p += sizeof(n);
        len -= sizeof(n);
        name_len = ((uint64_t)le32toh(n.n_namesz) + 3) & ~(uint64_t)3;
        desc_len = ((uint64_t)le32toh(n.n_descsz) + 3) & ~(uint64_t)3;
        if (name_len > len || desc_len > len - name_len) {
            return;
        }
        if (le32toh(n.n_type) == NOTE_PHYS32_ENTRY && le32toh(n.n_namesz) == 4 &&
            memcmp(p, "Xen", 4) == 0 && le32toh(n.n_descsz) >= 4) {
            memcpy(&e->note_entry, p + name_len, sizeof(e->note_entry));
            e->note_entry = le32toh(e->note_entry);
            e->has_note = true;
            return;
        }
        p += name_len + desc_len;
        len -= name_len + desc_len;
    }
}

static void read_notes(struct elf_image *e, const struct segment *s)
{
    uint64_t len = s->filesz < NOTE_SEGMENT_MAX ? s->filesz : NOTE_SEGMENT_MAX;
    _cleanup_free_ uint8_t *buf = NULL;

    if (e->has_note || len == 0 || len > NOTE_TOTAL_MAX - e->noted) {
        return;
    }
    e->noted += len;
    buf = malloc(len);
    if (buf && loader_read(e->fd, s->offset, buf, len) == 0) {
        scan_notes(e, buf, len);
    }
}

int elf_load(int fd, struct guestmem *m, bool prefer_pvh, struct boot_kernel *ret_k,
             const char **ret_why)
{
    struct elf_image e = { .fd = fd };
    bool pvh;
    int r = read_header(&e, ret_why);

    for (uint32_t i = 0; r == 0 && i < e.phnum; i++) {
        struct segment s;

        *ret_why = "Unable to read program header";
        r = read_segment(&e, i, &s);
        if (r == 0 && s.type == PT_NOTE) {
            read_notes(&e, &s);
        } else if (r == 0 && s.type == PT_LOAD) {
            r = load_segment(&e, m, &s, ret_why);
        }
    }
    if (r < 0) {
        return r;
    }
    pvh = e.has_note && (prefer_pvh || e.need_pvh);
    *ret_why = "Image is not 64-bit and has no PVH note";
    if (e.is32 && !pvh) {
        return -EINVAL;
    }
    *ret_why = "Invalid entry address";
    if ((pvh ? e.note_entry : e.entry) < X86_HIGH_MEMORY) {
        return -EINVAL;
    }
    ret_k->proto = pvh ? BOOT_PVH : BOOT_LINUX64;
    ret_k->entry = pvh ? e.note_entry : e.entry;
    ret_k->end = e.end;
    return 0;
}
