/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin test kit: a host and a guest in one process, without KVM. The registry, the service
 * tables, the transport, the queues, the limiter and the event loop are the monitor's own code;
 * fakes stand in for the clock, the irqfd and the file opener only.
 *
 * One thread. Nothing runs but inside kit_kick(), kit_run(), kit_advance(), kit_boot(),
 * kit_reset(), kit_config_write(), kit_request(), kit_pause() and kit_resume().
 */
#ifndef BP_KIT_KIT_H
#define BP_KIT_KIT_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kit;

struct kit_cfg {         /* all optional */
    const char *config;  /* JSON body of the create route; NULL: no instance until kit_request() */
    const char *id;      /* of that instance; NULL: the plugin's name */
    size_t ram;          /* bytes, default 4 MiB */
    unsigned n_regions;  /* 1 or 2 */
    uint64_t hole;       /* with 2 regions: where the first one ends, default ram / 2 */
    uint16_t queue_size; /* of every queue, default 64, at most the device's maximum */
    uint64_t start_ns;   /* the clock, default 1 s */
    /* Files that exist before create(); see kit_file(). */
    const struct kit_file_def {
        const char *path;
        const void *data;
        size_t len;
    } * files;
    unsigned n_files;
};

/* NULL: err says why (registry or create). */
struct kit *kit_open(const struct bp_plugin *p, const struct kit_cfg *c, struct bp_err *err);
/* Fails the running cmocka test on leaked fds, a BUG log, or a descriptor used out of turn. */
void kit_close(struct kit *k);
/* The descriptor of a built .so; NULL after printing why not. Never unloaded. */
const struct bp_plugin *kit_load(const char *so_path);

/* ------------------------------------------------------------ guest driver */

#define KIT_BOOT_FEATURES_OK_REFUSED (-1)
#define KIT_BOOT_NEEDS_RESET (-2)

/* start() when that was not done, then ACKNOWLEDGE ... FEATURES_OK with `features` (all 64 bits;
 * VERSION_1 is added), queues, DRIVER_OK, run. 0 or KIT_BOOT_*; other negative: start() failed
 * with this -errno, kit_err() has the text. */
int kit_boot(struct kit *k, uint64_t features);
const struct bp_err *kit_err(struct kit *k);
/* Only start(): 0 or -errno. */
int kit_start(struct kit *k);
void kit_reset(struct kit *k);        /* status := 0 */
uint64_t kit_features(struct kit *k); /* what the device offers, after start */

/* Guest memory. Allocations are zeroed and never freed. */
uint64_t kit_alloc(struct kit *k, uint32_t len, uint32_t align);
void *kit_ptr(struct kit *k, uint64_t gpa, uint64_t len); /* NULL: not RAM */

#define KIT_WRITE 1u /* the device writes it */

struct kit_buf {
    uint64_t gpa;
    uint32_t len;
    uint32_t flags; /* KIT_WRITE or 0 */
};

/* Chain the buffers into descriptors and the next avail entry; its head, not yet published. <0: no
 * descriptors left. */
int kit_put(struct kit *k, unsigned qi, const struct kit_buf *b, unsigned n);
/* The same through an indirect table. */
int kit_put_indirect(struct kit *k, unsigned qi, const struct kit_buf *b, unsigned n);
void kit_kick(struct kit *k, unsigned qi);    /* publish, notify, run until idle */
void kit_publish(struct kit *k, unsigned qi); /* avail index only: no notification */
void kit_run(struct kit *k);                  /* loop steps until idle */
/* Next used element: its head, and descriptors go back to the free list. -1: none. */
int kit_used(struct kit *k, unsigned qi, uint32_t *ret_len);
void kit_config_write(struct kit *k, uint32_t off, const void *p, uint32_t n);
void kit_config_read(struct kit *k, uint32_t off, void *p, uint32_t n);
uint32_t kit_mmio_read(struct kit *k, uint32_t off); /* a 32-bit register of the window */
void kit_mmio_write(struct kit *k, uint32_t off, uint32_t v);

/* ----------------------------------------------------------- hostile guest */

struct kit_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags; /* as on the ring: 1 NEXT, 2 WRITE, 4 INDIRECT */
    uint16_t next;
};

void kit_raw_desc(struct kit *k, unsigned qi, uint16_t i, struct kit_desc d);
/* avail.ring[idx % size] = head */
void kit_raw_avail(struct kit *k, unsigned qi, uint16_t idx, uint16_t head);
void kit_raw_avail_idx(struct kit *k, unsigned qi,
                       uint16_t idx); /* what kit_kick() publishes too */
/* A second thread flips the bytes [gpa, gpa + len) until kit_mutate_stop(). */
void kit_mutate_during(struct kit *k, uint64_t gpa, uint32_t len);
void kit_mutate_stop(struct kit *k);

/* ------------------------------------------------------------------- world */

/* env.open() of this path gives a memfd of these bytes, the same one each time (own file
 * offset per open). A path that is unknown gives -ENOENT. */
void kit_file(struct kit *k, const char *path, const void *data, size_t n);
/* A duplicate of the kit's memfd behind the path (the caller closes it); -1: unknown. */
int kit_file_fd(struct kit *k, const char *path);
/* env.open() of this path gives a duplicate of fd (a socket instead of a tap). fd stays open. */
void kit_fd(struct kit *k, const char *path, int fd);
/* Let the real open(2) serve every path that kit_file() and kit_fd() do not name. */
void kit_real_files(struct kit *k, bool on);
void kit_fail_open(struct kit *k, unsigned n); /* the n-th open from now (1 is next): -EACCES */
void kit_advance(struct kit *k, uint64_t ns);  /* timers and limiters, then run until idle */
uint64_t kit_now(struct kit *k);
/* Through the plugin's route table: schema, check(), id equality, when, then the operation. The
 * reply body goes to reply when that is not NULL. code 0: success. */
struct bp_err kit_request(struct kit *k, const char *method, const char *path, const char *body,
                          char *reply, size_t cap);
/* The device that guest-side calls address, when there are several: by id. 0, or -1: none. */
int kit_select(struct kit *k, const char *id);

/* ------------------------------------------------------------- observation */

struct bp_dev *kit_dev(struct kit *k);
unsigned kit_irqs(struct kit *k, unsigned qi); /* used-buffer interrupts of the queue so far */
unsigned kit_config_irqs(struct kit *k);
int kit_needs_reset(struct kit *k);
/* Of the plugin's counter page; a name that is not in its table fails the test. */
uint64_t kit_metric(struct kit *k, const char *name);
const char *kit_log(struct kit *k); /* all lines so far: "WARN text\n" ... */
/* What devices appended to the kernel command line, separated by one space. */
const char *kit_cmdline(struct kit *k);
int kit_dirty(struct kit *k, uint64_t gpa);
void kit_clear_dirty(struct kit *k);
int kit_pause(struct kit *k); /* 0 quiet, 1 still in flight after the loop ran idle */
void kit_resume(struct kit *k);
/* save; a new instance from show() with restore(); its save. 0: the bytes are equal; 1: they
 * differ; 2: the plugin has no save(); -errno: an op failed, kit_err() has the text. The instance
 * that was selected stays. */
int kit_roundtrip(struct kit *k);
/* The BUG lines of this test were provoked on purpose: kit_close() accepts them. */
void kit_expect_bugs(struct kit *k);

#endif
