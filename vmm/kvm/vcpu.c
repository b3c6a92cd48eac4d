/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vCPUs: creation, their threads, and the commands of the control thread. A command is put under
 * the vCPU's lock and followed by a signal that ends KVM_RUN, also one that has not begun yet; a
 * thread that is parked outside of KVM_RUN is woken only.
 */
#include "kvm/vcpu.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/errtext.h"
#include "core/log.h"
#include "kvm/vcpu_int.h"
#include "kvm/x86_cpuid.h"

#define REPLY_DEADLINE_NS 30000000000u
#define REPLY_SLICE_NS 1000000u
#define NS_PER_S 1000000000u

static __thread struct kvm_run *own_run; /* of the vCPU whose thread this is */

static int fail_new(struct bp_err *err, int r, const char *what)
{
    char text[128];

    return bp_fail(err, r, BP_E_HOST, "Vcpu error: %s: %s", what,
                   errtext_display(-r, text, sizeof(text)));
}

int vcpu_new(const struct kvm *k, uint32_t index, struct vcpu **ret_v, struct bp_err *err)
{
    struct vcpu *v = calloc(1, sizeof(*v));
    pthread_condattr_t attr;
    void *run;
    int r;

    if (!v) {
        return fail_new(err, -ENOMEM, "Failed to create a vCPU");
    }
    do {
        v->fd = ioctl(k->vm_fd, KVM_CREATE_VCPU, (unsigned long)index);
    } while (v->fd < 0 && errno == EINTR);
    if (v->fd < 0) {
        r = -errno;
        free(v);
        return fail_new(err, r, "Failed to create a vCPU");
    }
    run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (run == MAP_FAILED) {
        r = -errno;
        close(v->fd);
        free(v);
        return fail_new(err, r, "Failed to map a vCPU's memory");
    }
    v->index = index;
    v->parked = true;
    v->run = run;
    v->run_size = k->run_size;
    (void)snprintf(v->name, sizeof(v->name), "fc_vcpu %" PRIu32, index);
    pthread_mutex_init(&v->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&v->wake, &attr);
    pthread_cond_init(&v->reply, &attr);
    pthread_condattr_destroy(&attr);
    *ret_v = v;
    return 0;
}

void vcpu_free(struct vcpu *v)
{
    if (!v) {
        return;
    }
    if (v->started && !v->joined) {
        log_error("Failed to tear down Vmm: the vcpu threads have not finished execution.");
        return; /* the thread still uses it: a leak is the lesser evil */
    }
    munmap(v->run, v->run_size);
    close(v->fd);
    pthread_cond_destroy(&v->reply);
    pthread_cond_destroy(&v->wake);
    pthread_mutex_destroy(&v->lock);
    free(v);
}

/* c: scratch of CPUID_ENTRIES_MAX entries. */
static int set_cpuid(struct vcpu *v, const struct kvm *k, uint32_t count, bool smt,
                     struct kvm_cpuid2 *c, struct bp_err *err)
{
    struct bp_err why;
    char text[128];
    int r;

    c->nent = k->supported->nent;
    memcpy(c->entries, k->supported->entries, c->nent * sizeof(c->entries[0]));
    r = x86_cpuid_normalize(c, v->index, count, smt, x86_cpuid_host, &why);
    if (r < 0) {
        return bp_fail(err, r, BP_E_HOST, "Error configuring the vcpu for boot: %.1900s", why.text);
    }
    r = kvm_ioctl(v->fd, KVM_SET_CPUID2, c);
    if (r < 0) {
        return bp_fail(err, r, BP_E_HOST,
                       "Error configuring the vcpu for boot: Failed to set CPUID: %s",
                       errtext_display(-r, text, sizeof(text)));
    }
    return 0;
}

int vcpu_configure(struct vcpu *v, const struct kvm *k, uint32_t count, bool smt,
                   enum boot_proto proto, uint64_t entry, struct bp_err *err)
{
    size_t room = CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2);
    struct kvm_cpuid2 *c = NULL;
    int r;

    if (k->supported->nent <= CPUID_ENTRIES_MAX) {
        c = calloc(1, sizeof(*c) + room);
    }
    if (!c) {
        return fail_new(err, -ENOMEM, "Failed to copy CPUID");
    }
    r = set_cpuid(v, k, count, smt, c, err);
    free(c);
    if (r < 0) {
        return r;
    }
    return x86_regs_setup(v, proto, entry, err);
}

static void on_kick(int sig)
{
    (void)sig;
    if (own_run) {
        __atomic_store_n(&own_run->immediate_exit, 1, __ATOMIC_RELAXED);
    }
}

/* True: a command was there and is now answered. Under the lock. */
static bool take_command(struct vcpu *v, bool *paused, bool *quit)
{
    if (v->asked == v->answered) {
        return false;
    }
    switch (v->cmd) {
    case VCPU_PAUSE:
        *paused = true;
        break;
    case VCPU_RESUME:
        *paused = false;
        break;
    case VCPU_FINISH:
        *quit = true;
        break;
    }
    v->answered = v->asked;
    pthread_cond_broadcast(&v->reply);
    return true;
}

static void *vcpu_main(void *arg)
{
    struct vcpu *v = arg;
    bool paused = true;
    bool quit = false;
    bool dead = false; /* the guest ended: only VCPU_FINISH means anything */

    own_run = v->run;
    (void)pthread_setname_np(pthread_self(), v->name);
    log_set_thread(v->name);
    while (!quit) {
        enum vcpu_step step;

        pthread_mutex_lock(&v->lock);
        v->parked = true;
        (void)take_command(v, &paused, &quit);
        while ((paused || dead) && !quit) {
            if (!take_command(v, &paused, &quit)) {
                pthread_cond_wait(&v->wake, &v->lock);
            }
        }
        v->parked = false;
        pthread_mutex_unlock(&v->lock);
        if (quit) {
            break;
        }
        do {
            step = vcpu_step(v);
        } while (step == VCPU_GO_ON);
        if (step == VCPU_KICKED) {
            /* Cleared before the next look at the queue, so no command is ever missed. */
            __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
            continue;
        }
        dead = true;
        v->host->exited(v->host->arg, v->index, step == VCPU_EXIT_CLEAN ? 0 : 1);
    }
    own_run = NULL;
    return NULL;
}

int vcpu_start(struct vcpu *v, const struct vcpu_host *host, struct bp_err *err)
{
    struct sigaction sa = { .sa_handler = on_kick };
    sigset_t kick;
    sigset_t old;
    int r;

    sigfillset(&sa.sa_mask);
    if (sigaction(SIGRTMIN, &sa, NULL) < 0) {
        return fail_new(err, -errno, "Failed to set the kick handler");
    }
    v->host = host;
    /* The new thread inherits the mask; it must let the kick through. */
    sigemptyset(&kick);
    sigaddset(&kick, SIGRTMIN);
    pthread_sigmask(SIG_UNBLOCK, &kick, &old);
    r = -pthread_create(&v->thread, NULL, vcpu_main, v);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r < 0) {
        return fail_new(err, r, "Failed to spawn a vCPU thread");
    }
    v->started = true;
    return 0;
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static bool reachable(const struct vcpu *v)
{
    return v && v->started && !v->joined;
}

static void put_command(struct vcpu *v, enum vcpu_cmd cmd)
{
    bool parked;

    pthread_mutex_lock(&v->lock);
    v->cmd = cmd;
    v->asked++;
    parked = v->parked;
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
    if (!parked) {
        /* A parked thread sees the command without it, and has its first KVM_RUN undisturbed. */
        (void)pthread_kill(v->thread, SIGRTMIN);
    }
}

/* One short wait. True: answered. */
static bool wait_slice(struct vcpu *v)
{
    uint64_t until = now_ns() + REPLY_SLICE_NS;
    const struct timespec ts = { .tv_sec = (time_t)(until / NS_PER_S),
                                 .tv_nsec = (long)(until % NS_PER_S) };
    bool done;

    pthread_mutex_lock(&v->lock);
    if (v->asked != v->answered) {
        (void)pthread_cond_timedwait(&v->reply, &v->lock, &ts);
    }
    done = v->asked == v->answered;
    pthread_mutex_unlock(&v->lock);
    return done;
}

int vcpus_command(struct vcpu **v, uint32_t n, enum vcpu_cmd cmd)
{
    uint64_t deadline = now_ns() + REPLY_DEADLINE_NS;

    for (uint32_t i = 0; i < n; i++) {
        if (reachable(v[i])) {
            put_command(v[i], cmd);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!reachable(v[i])) {
            continue;
        }
        while (!wait_slice(v[i])) {
            if (now_ns() >= deadline) {
                return -ETIMEDOUT;
            }
            if (v[i]->host->serve) {
                v[i]->host->serve(v[i]->host->arg);
            }
        }
        if (cmd == VCPU_FINISH) {
            (void)pthread_join(v[i]->thread, NULL);
            v[i]->joined = true;
        }
    }
    return 0;
}
