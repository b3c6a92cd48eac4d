/* SPDX-License-Identifier: Apache-2.0 */
/* ELF, PVH and bzImage kernels and RAM disks, well-formed and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/boot.h"
#include "core/log.h"

#define RAM (32u << 20)
#define PREFIX                                                                                     \
    "Cannot load kernel due to invalid memory configuration or invalid kernel image: Kernel "      \
    "Loader: "

struct image {
    Elf64_Ehdr h;
    Elf64_Phdr p[2];
    uint8_t note[20], code[8];
};

static struct guestmem mem;
static struct bp_err err;

static int load(const void *p, size_t len, bool pvh, struct boot_kernel *k)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    int r;

    assert_int_equal(write(fd, p, len), (ssize_t)len);
    r = boot_load_kernel(fd, &mem, pvh, k, &err);
    close(fd);
    return r;
}

static struct image good(void)
{
    static const uint32_t note[] = { 4, 4, 18, 0x006e6558, 0x00123450 };
    struct image i = { .code = "KERNEL!" };

    memcpy(i.h.e_ident, ELFMAG, SELFMAG);
    i.h.e_ident[EI_CLASS] = ELFCLASS64;
    i.h.e_ident[EI_DATA] = ELFDATA2LSB;
    i.h.e_machine = EM_X86_64;
    i.h.e_entry = 0x1000000;
    i.h.e_phoff = sizeof(i.h);
    i.h.e_phentsize = sizeof(Elf64_Phdr);
    i.h.e_phnum = 2;
    i.p[0].p_type = PT_LOAD;
    i.p[0].p_offset = offsetof(struct image, code);
    i.p[0].p_paddr = 0x1000000;
    i.p[0].p_filesz = sizeof(i.code);
    i.p[0].p_memsz = 0x2000;
    i.p[1].p_type = PT_NOTE;
    i.p[1].p_offset = offsetof(struct image, note);
    i.p[1].p_filesz = sizeof(i.note);
    i.p[1].p_memsz = sizeof(i.note);
    memcpy(i.note, note, sizeof(note));
    return i;
}

static void test_good(void **state)
{
    struct image i = good();
    struct boot_kernel k;

    (void)state;
    assert_int_equal(load(&i, sizeof(i), false, &k), 0);
    assert_int_equal(k.proto, BOOT_LINUX64);
    assert_int_equal(k.entry, 0x1000000);
    assert_int_equal(k.end, 0x1002000);
    assert_memory_equal(guestmem_ptr(&mem, 0x1000000, 8), "KERNEL!", 8);
    assert_int_equal(load(&i, sizeof(i), true, &k), 0);
    assert_int_equal(k.proto, BOOT_PVH);
    assert_int_equal(k.entry, 0x123450);
    i.h.e_machine = EM_386;
    assert_int_equal(load(&i, sizeof(i), false, &k), 0);
    assert_int_equal(k.proto, BOOT_PVH);
    i = good();
    i.note[0] = 0xff; /* torn note: no PVH */
    assert_int_equal(load(&i, sizeof(i), true, &k), 0);
    assert_int_equal(k.proto, BOOT_LINUX64);
}

static void test_elf32(void **state)
{
    struct {
        Elf32_Ehdr h;
        Elf32_Phdr p;
        uint8_t note[20];
    } i = { 0 };
    struct boot_kernel k;

    (void)state;
    memcpy(i.h.e_ident, ELFMAG, SELFMAG);
    i.h.e_ident[EI_CLASS] = ELFCLASS32;
    i.h.e_ident[EI_DATA] = ELFDATA2LSB;
    i.h.e_machine = EM_386;
    i.h.e_phoff = sizeof(i.h);
    i.h.e_phentsize = sizeof(i.p);
    i.h.e_phnum = 1;
    i.p.p_type = PT_NOTE;
    i.p.p_offset = offsetof(__typeof__(i), note);
    i.p.p_filesz = sizeof(i.note);
    memcpy(i.note, good().note, sizeof(i.note));
    assert_int_equal(load(&i, sizeof(i), false, &k), 0);
    assert_int_equal(k.proto, BOOT_PVH);
    assert_int_equal(k.entry, 0x123450);
    i.note[8] = 17;
    assert_int_equal(load(&i, sizeof(i), true, &k), -EINVAL);
}

static void refused(const struct image *i)
{
    struct boot_kernel k;

    assert_true(load(i, sizeof(*i), false, &k) < 0);
    assert_string_equal(err.text, PREFIX "failed to load ELF kernel image");
}

static void test_hostile_elf(void **state)
{
    struct boot_kernel k;
    struct image i;

    (void)state;
    assert_true(load("", 0, false, &k) < 0);
    assert_true(load(ELFMAG, 4, false, &k) < 0);
    i = good(), i.h.e_ident[0] = 0, refused(&i);
    i = good(), i.h.e_ident[EI_DATA] = ELFDATA2MSB, refused(&i);
    i = good(), i.h.e_phentsize = 57, refused(&i);
    i = good(), i.h.e_phoff = 63, refused(&i);
    i = good(), i.h.e_phoff = UINT64_MAX, refused(&i);
    i = good(), i.h.e_phoff = INT64_MAX, refused(&i);
    i = good(), i.h.e_phnum = 60000, refused(&i);
    i = good(), i.h.e_entry = 0xfffff, refused(&i);
    i = good(), i.p[0].p_filesz = 0x2001, refused(&i);
    i = good(), i.p[0].p_filesz = 0x2000, refused(&i); /* short file */
    i = good(), i.p[0].p_offset = UINT64_MAX - 4, refused(&i);
    i = good(), i.p[0].p_paddr = UINT64_MAX - 4, refused(&i);
    i = good(), i.p[0].p_paddr = RAM - 4, refused(&i);
    i = good(), i.p[0].p_paddr = 0xd0000000, refused(&i);
    i = good(), i.p[0].p_filesz = i.p[0].p_memsz = UINT64_MAX, refused(&i);
}

static void put(uint8_t *p, uint32_t off, uint32_t v, uint32_t len)
{
    memcpy(p + off, &v, len);
}

static void make_bz(uint8_t *b)
{
    memset(b, 0, 4096);
    b[0x1f1] = 1;
    b[0x201] = 0x6a;
    put(b, 0x202, 0x53726448, 4);
    put(b, 0x206, 0x20c, 2);
    b[0x211] = 1;
    put(b, 0x214, 0x100000, 4);
    put(b, 0x230, 0x200000, 4);
    b[0x234] = 1;
    b[0x236] = 1;
    put(b, 0x258, 0x1000000, 4);
    put(b, 0x260, 0x800000, 4);
    b[1024] = 0xaa;
    b[4095] = 0xbb;
}

static void test_bzimage(void **state)
{
    uint8_t b[4096];
    struct boot_kernel k = { 0 };

    (void)state;
    make_bz(b);
    assert_int_equal(load(b, sizeof(b), true, &k), 0);
    assert_int_equal(k.entry, 0x100200);
    assert_int_equal(k.proto, BOOT_LINUX64);
    assert_int_equal(k.end, 0x1800000);
    assert_true(k.has_setup_header);
    assert_int_equal(k.setup_header_len, 0x7b);
    assert_int_equal(*(uint8_t *)guestmem_ptr(&mem, 0x100000, 1), 0xaa);
    assert_int_equal(*(uint8_t *)guestmem_ptr(&mem, 0x100bff, 1), 0xbb);
    put(b, 0x260, 0x1000001, 4);
    assert_int_equal(load(b, sizeof(b), false, &k), -ENOMEM);
    assert_string_equal(err.text, PREFIX "memory to load kernel image is not enough");
    make_bz(b), b[0x236] = 0;
    assert_true(load(b, sizeof(b), false, &k) < 0);
    assert_string_equal(err.text, PREFIX "failed to load bzImage kernel image");
    make_bz(b), put(b, 0x206, 0x20b, 2);
    assert_true(load(b, sizeof(b), false, &k) < 0);
    make_bz(b), put(b, 0x214, 0xffff0, 4);
    assert_true(load(b, sizeof(b), false, &k) < 0);
    make_bz(b), put(b, 0x214, 0xfffffff0, 4);
    assert_true(load(b, sizeof(b), false, &k) < 0);
    make_bz(b), put(b, 0x25c, 0xffffffff, 4);
    assert_true(load(b, sizeof(b), false, &k) < 0);
    make_bz(b), b[0x1f1] = 255;
    assert_true(load(b, sizeof(b), false, &k) < 0);
}

static void test_initrd(void **state)
{
    struct boot_kernel k = { .end = RAM - 8192 };
    struct boot_initrd i = { 0 };
    int fd = memfd_create("initrd", MFD_CLOEXEC);

    (void)state;
    assert_true(boot_load_initrd(fd, &mem, &k, &i, &err) < 0);
    assert_string_equal(err.text, "Cannot load initrd due to an invalid image: Initrd image seek "
                                  "returned a size of zero");
    assert_int_equal(ftruncate(fd, 4097), 0);
    assert_int_equal(boot_load_initrd(fd, &mem, &k, &i, &err), 0);
    assert_int_equal(i.gpa, RAM - 8192);
    assert_int_equal(i.len, 4097);
    k.end++;
    assert_true(boot_load_initrd(fd, &mem, &k, &i, &err) < 0);
    assert_string_equal(err.text, "Cannot load initrd due to an invalid memory configuration.");
    k.end = 0;
    assert_int_equal(ftruncate(fd, RAM + 1), 0);
    assert_true(boot_load_initrd(fd, &mem, &k, &i, &err) < 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_elf32),
        cmocka_unit_test(test_hostile_elf), cmocka_unit_test(test_bzimage),
        cmocka_unit_test(test_initrd),
    };
    int r;

    log_set_level(LOG_LEVEL_OFF);
    if (guestmem_init(&mem, RAM, GUESTMEM_HOLE_START, GUESTMEM_HOLE_END, true, &err) < 0) {
        return 1;
    }
    r = cmocka_run_group_tests(tests, NULL, NULL);
    guestmem_done(&mem);
    return r;
}
