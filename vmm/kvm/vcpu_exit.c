/* SPDX-License-Identifier: Apache-2.0 */
/* What a vCPU does after each return of KVM_RUN. On that vCPU's thread. */
#include <errno.h>
#include <inttypes.h>
#include <sys/ioctl.h>

#include "core/errtext.h"
#include "core/log.h"
#include "core/metrics.h"
#include "kvm/vcpu_int.h"

uint64_t vcpu_counters[VCPU_METRICS];
static uint64_t vcpu_reported[VCPU_METRICS];

static const char *const vcpu_names[VCPU_METRICS] = {
    [VCPU_EXIT_IO_IN] = "exit_io_in",
    [VCPU_EXIT_IO_OUT] = "exit_io_out",
    [VCPU_EXIT_MMIO_READ] = "exit_mmio_read",
    [VCPU_EXIT_MMIO_WRITE] = "exit_mmio_write",
    [VCPU_FAILURES] = "failures",
};

static struct metric_group vcpu_group = {
    .key = "vcpu",
    .names = vcpu_names,
    .n = VCPU_METRICS,
    .values = vcpu_counters,
    .reported = vcpu_reported,
};

int vcpu_metrics_register(void)
{
    return metrics_register(&vcpu_group);
}

/* A string instruction comes as `count` items one after the other, all for the same port. */
static void port_io(struct vcpu *v)
{
    struct kvm_run *run = v->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    bool in = run->io.direction == KVM_EXIT_IO_IN;

    bp_count(vcpu_counters, in ? VCPU_EXIT_IO_IN : VCPU_EXIT_IO_OUT, 1);
    for (uint32_t i = 0; i < run->io.count; i++) {
        if (in) {
            (void)bus_read(v->host->pio, run->io.port, data, run->io.size);
        } else {
            (void)bus_write(v->host->pio, run->io.port, data, run->io.size);
        }
        data += run->io.size;
    }
}

static void memory_io(struct vcpu *v)
{
    struct kvm_run *run = v->run;

    if (run->mmio.len > sizeof(run->mmio.data)) {
        return;
    }
    if (run->mmio.is_write) {
        bp_count(vcpu_counters, VCPU_EXIT_MMIO_WRITE, 1);
        (void)bus_write(v->host->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
    } else {
        bp_count(vcpu_counters, VCPU_EXIT_MMIO_READ, 1);
        (void)bus_read(v->host->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
    }
}

static enum vcpu_step failure(void)
{
    bp_count(vcpu_counters, VCPU_FAILURES, 1);
    return VCPU_EXIT_ERROR;
}

static enum vcpu_step system_event(const struct vcpu *v)
{
    uint32_t type = v->run->system_event.type;
    uint64_t flags = v->run->system_event.flags;

    if (type == KVM_SYSTEM_EVENT_RESET || type == KVM_SYSTEM_EVENT_SHUTDOWN) {
        log_info("Received KVM_SYSTEM_EVENT: type: %" PRIu32 ", event: %" PRIu64, type, flags);
        return VCPU_EXIT_CLEAN;
    }
    log_error("Received KVM_SYSTEM_EVENT signal type: %" PRIu32 ", flag: %" PRIu64, type, flags);
    return failure();
}

static enum vcpu_step run_failed(int e)
{
    char text[128];

    switch (e) {
    case EINTR:
        return VCPU_KICKED;
    case EAGAIN:
        return VCPU_GO_ON;
    case ENOSYS:
        log_error("Received ENOSYS error because KVM failed to emulate an instruction.");
        return failure();
    default:
        log_error("Failure during vcpu run: %s", errtext_display(e, text, sizeof(text)));
        return failure();
    }
}

enum vcpu_step vcpu_step(struct vcpu *v)
{
    if (ioctl(v->fd, KVM_RUN, NULL) < 0) {
        return run_failed(errno);
    }
    switch (v->run->exit_reason) {
    case KVM_EXIT_IO:
        port_io(v);
        return VCPU_GO_ON;
    case KVM_EXIT_MMIO:
        memory_io(v);
        return VCPU_GO_ON;
    case KVM_EXIT_INTR:
        return VCPU_KICKED;
    case KVM_EXIT_HLT:
        log_info("Received KVM_EXIT_HLT signal");
        return VCPU_EXIT_CLEAN;
    case KVM_EXIT_SHUTDOWN:
        log_info("Received KVM_EXIT_SHUTDOWN signal");
        return VCPU_EXIT_CLEAN;
    case KVM_EXIT_SYSTEM_EVENT:
        return system_event(v);
    case KVM_EXIT_FAIL_ENTRY:
        log_error("Received KVM_EXIT_FAIL_ENTRY signal: %" PRIu64 " on cpu %" PRIu32,
                  (uint64_t)v->run->fail_entry.hardware_entry_failure_reason,
                  (uint32_t)v->run->fail_entry.cpu);
        return failure();
    case KVM_EXIT_INTERNAL_ERROR:
        log_error("Received KVM_EXIT_INTERNAL_ERROR signal");
        return failure();
    default:
        log_error("Unexpected exit reason on vcpu run: %" PRIu32, v->run->exit_reason);
        return failure();
    }
}
