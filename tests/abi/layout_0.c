/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of ABI 0 on 64-bit machines, member by member: appending to a struct compiles, moving
 * or retyping a member does not.
 */
#include <backplane/plugin.h>

/* clang-format off */
#define AT(s, m, off, len)                                                                         \
    _Static_assert(offsetof(struct s, m) == (off) && sizeof(((struct s *)0)->m) == (len),          \
                   #s "." #m " has moved: tables only grow at the end")
/* clang-format on */

/* struct bp_err */
AT(bp_err, code, 0, 4);
AT(bp_err, kind, 4, 4);
AT(bp_err, text, 8, 2040);
_Static_assert(sizeof(struct bp_err) >= 2048, "bp_err");
_Static_assert(sizeof(struct bp_err) == 2048, "bp_err is frozen");

/* struct bp_chain */
AT(bp_chain, head, 0, 2);
AT(bp_chain, n_out, 2, 2);
AT(bp_chain, n_in, 4, 2);
AT(bp_chain, flags, 6, 2);
AT(bp_chain, out_len, 8, 4);
AT(bp_chain, in_len, 12, 4);
_Static_assert(sizeof(struct bp_chain) >= 16, "bp_chain");
_Static_assert(sizeof(struct bp_chain) == 16, "bp_chain is frozen");

/* struct bp_queue_svc */
AT(bp_queue_svc, size, 0, 4);
AT(bp_queue_svc, pad, 4, 4);
AT(bp_queue_svc, pop, 8, 8);
AT(bp_queue_svc, unpop, 16, 8);
AT(bp_queue_svc, push, 24, 8);
AT(bp_queue_svc, flush, 32, 8);
AT(bp_queue_svc, pending, 40, 8);
AT(bp_queue_svc, kick, 48, 8);
_Static_assert(sizeof(struct bp_queue_svc) >= 56, "bp_queue_svc");

/* struct bp_mem_svc */
AT(bp_mem_svc, size, 0, 4);
AT(bp_mem_svc, pad, 4, 4);
AT(bp_mem_svc, read, 8, 8);
AT(bp_mem_svc, write, 16, 8);
AT(bp_mem_svc, release, 24, 8);
AT(bp_mem_svc, release_iov, 32, 8);
_Static_assert(sizeof(struct bp_mem_svc) >= 40, "bp_mem_svc");

/* struct bp_virtio_svc */
AT(bp_virtio_svc, size, 0, 4);
AT(bp_virtio_svc, pad, 4, 4);
AT(bp_virtio_svc, config_set, 8, 8);
AT(bp_virtio_svc, features, 16, 8);
AT(bp_virtio_svc, queue, 24, 8);
AT(bp_virtio_svc, id, 32, 8);
AT(bp_virtio_svc, place_first, 40, 8);
AT(bp_virtio_svc, fail, 48, 8);
_Static_assert(sizeof(struct bp_virtio_svc) >= 56, "bp_virtio_svc");

/* struct bp_irq_svc */
AT(bp_irq_svc, size, 0, 4);
AT(bp_irq_svc, pad, 4, 4);
AT(bp_irq_svc, raise, 8, 8);
_Static_assert(sizeof(struct bp_irq_svc) >= 16, "bp_irq_svc");

/* struct bp_boot_svc */
AT(bp_boot_svc, size, 0, 4);
AT(bp_boot_svc, pad, 4, 4);
AT(bp_boot_svc, cmdline, 8, 8);
_Static_assert(sizeof(struct bp_boot_svc) >= 16, "bp_boot_svc");

/* struct bp_loop_svc */
AT(bp_loop_svc, size, 0, 4);
AT(bp_loop_svc, pad, 4, 4);
AT(bp_loop_svc, fd_add, 8, 8);
AT(bp_loop_svc, fd_mod, 16, 8);
AT(bp_loop_svc, timer_add, 24, 8);
AT(bp_loop_svc, timer_arm, 32, 8);
AT(bp_loop_svc, del, 40, 8);
AT(bp_loop_svc, post, 48, 8);
AT(bp_loop_svc, now_ns, 56, 8);
_Static_assert(sizeof(struct bp_loop_svc) >= 64, "bp_loop_svc");

/* struct bp_limit_svc */
AT(bp_limit_svc, size, 0, 4);
AT(bp_limit_svc, pad, 4, 4);
AT(bp_limit_svc, make, 8, 8);
AT(bp_limit_svc, update, 16, 8);
AT(bp_limit_svc, take, 24, 8);
AT(bp_limit_svc, give, 32, 8);
AT(bp_limit_svc, blocked, 40, 8);
AT(bp_limit_svc, show, 48, 8);
_Static_assert(sizeof(struct bp_limit_svc) >= 56, "bp_limit_svc");

/* struct bp_log_svc */
AT(bp_log_svc, size, 0, 4);
AT(bp_log_svc, level, 4, 4);
AT(bp_log_svc, log, 8, 8);
AT(bp_log_svc, metrics, 16, 8);
_Static_assert(sizeof(struct bp_log_svc) >= 24, "bp_log_svc");

/* struct bp_json_svc */
AT(bp_json_svc, size, 0, 4);
AT(bp_json_svc, pad, 4, 4);
AT(bp_json_svc, type, 8, 8);
AT(bp_json_svc, get, 16, 8);
AT(bp_json_svc, at, 24, 8);
AT(bp_json_svc, count, 32, 8);
AT(bp_json_svc, str, 40, 8);
AT(bp_json_svc, i64, 48, 8);
AT(bp_json_svc, u64, 56, 8);
AT(bp_json_svc, boolean, 64, 8);
AT(bp_json_svc, w_open, 72, 8);
AT(bp_json_svc, w_close, 80, 8);
AT(bp_json_svc, w_str, 88, 8);
AT(bp_json_svc, w_u64, 96, 8);
AT(bp_json_svc, w_i64, 104, 8);
AT(bp_json_svc, w_bool, 112, 8);
AT(bp_json_svc, w_null, 120, 8);
_Static_assert(sizeof(struct bp_json_svc) >= 128, "bp_json_svc");

/* struct bp_state_svc */
AT(bp_state_svc, size, 0, 4);
AT(bp_state_svc, pad, 4, 4);
AT(bp_state_svc, put_u64, 8, 8);
AT(bp_state_svc, put_bytes, 16, 8);
AT(bp_state_svc, get_u64, 24, 8);
AT(bp_state_svc, get_bytes, 32, 8);
_Static_assert(sizeof(struct bp_state_svc) >= 40, "bp_state_svc");

/* struct bp_file_svc */
AT(bp_file_svc, size, 0, 4);
AT(bp_file_svc, pad, 4, 4);
AT(bp_file_svc, open, 8, 8);
_Static_assert(sizeof(struct bp_file_svc) >= 16, "bp_file_svc");

/* struct bp_thread_svc */
AT(bp_thread_svc, size, 0, 4);
AT(bp_thread_svc, pad, 4, 4);
AT(bp_thread_svc, start, 8, 8);
AT(bp_thread_svc, join, 16, 8);
_Static_assert(sizeof(struct bp_thread_svc) >= 24, "bp_thread_svc");

/* struct bp_host */
AT(bp_host, size, 0, 4);
AT(bp_host, abi_major, 4, 2);
AT(bp_host, abi_minor, 6, 2);
AT(bp_host, name, 8, 8);
AT(bp_host, version, 16, 8);
AT(bp_host, queue, 24, 8);
AT(bp_host, mem, 32, 8);
AT(bp_host, virtio, 40, 8);
AT(bp_host, irq, 48, 8);
AT(bp_host, boot, 56, 8);
AT(bp_host, loop, 64, 8);
AT(bp_host, limit, 72, 8);
AT(bp_host, log, 80, 8);
AT(bp_host, json, 88, 8);
AT(bp_host, state, 96, 8);
AT(bp_host, file, 104, 8);
AT(bp_host, thread, 112, 8);
AT(bp_host, extension, 120, 8);
_Static_assert(sizeof(struct bp_host) >= 128, "bp_host");

/* struct bp_device_info */
AT(bp_device_info, size, 0, 4);
AT(bp_device_info, pad0, 4, 4);
AT(bp_device_info, n_queues, 8, 4);
AT(bp_device_info, config_len, 12, 4);
AT(bp_device_info, features, 16, 8);
AT(bp_device_info, queue_max, 24, 8);
AT(bp_device_info, max_segs, 32, 4);
AT(bp_device_info, mmio_len, 36, 4);
AT(bp_device_info, acpi_hid, 40, 8);
AT(bp_device_info, ring_flags, 48, 4);
AT(bp_device_info, pad1, 52, 4);
_Static_assert(sizeof(struct bp_device_info) >= 56, "bp_device_info");

/* struct bp_device_ops */
AT(bp_device_ops, size, 0, 4);
AT(bp_device_ops, pad, 4, 4);
AT(bp_device_ops, open, 8, 8);
AT(bp_device_ops, close, 16, 8);
AT(bp_device_ops, create, 24, 8);
AT(bp_device_ops, start, 32, 8);
AT(bp_device_ops, destroy, 40, 8);
AT(bp_device_ops, update, 48, 8);
AT(bp_device_ops, show, 56, 8);
AT(bp_device_ops, mmio_read, 64, 8);
AT(bp_device_ops, mmio_write, 72, 8);
AT(bp_device_ops, negotiated, 80, 8);
AT(bp_device_ops, activate, 88, 8);
AT(bp_device_ops, reset, 96, 8);
AT(bp_device_ops, config_write, 104, 8);
AT(bp_device_ops, queue_ready, 112, 8);
AT(bp_device_ops, pause, 120, 8);
AT(bp_device_ops, resume, 128, 8);
AT(bp_device_ops, save, 136, 8);
AT(bp_device_ops, restore, 144, 8);
AT(bp_device_ops, stats, 152, 8);
_Static_assert(sizeof(struct bp_device_ops) >= 160, "bp_device_ops");

/* struct bp_route */
AT(bp_route, method, 0, 8);
AT(bp_route, path, 8, 8);
AT(bp_route, summary, 16, 8);
AT(bp_route, request, 24, 8);
AT(bp_route, response, 32, 8);
AT(bp_route, config, 40, 8);
AT(bp_route, id_field, 48, 8);
AT(bp_route, mismatch, 56, 8);
AT(bp_route, absent, 64, 8);
AT(bp_route, counter, 72, 8);
AT(bp_route, config_rank, 80, 4);
AT(bp_route, when, 84, 4);
AT(bp_route, action, 88, 4);
AT(bp_route, pad, 92, 4);
AT(bp_route, call, 96, 8);
AT(bp_route, check, 104, 8);
_Static_assert(sizeof(struct bp_route) >= 112, "bp_route");

/* struct bp_metric */
AT(bp_metric, name, 0, 8);
AT(bp_metric, help, 8, 8);
AT(bp_metric, kind, 16, 4);
AT(bp_metric, pad, 20, 4);
_Static_assert(sizeof(struct bp_metric) >= 24, "bp_metric");

/* struct bp_syscall */
AT(bp_syscall, name, 0, 8);
AT(bp_syscall, arg, 8, 1);
AT(bp_syscall, op, 9, 1);
AT(bp_syscall, pad, 10, 2);
AT(bp_syscall, pad2, 12, 4);
AT(bp_syscall, value, 16, 8);
AT(bp_syscall, mask, 24, 8);
_Static_assert(sizeof(struct bp_syscall) >= 32, "bp_syscall");

/* struct bp_need */
AT(bp_need, service, 0, 8);
AT(bp_need, min_size, 8, 4);
AT(bp_need, pad, 12, 4);
_Static_assert(sizeof(struct bp_need) >= 16, "bp_need");

/* struct bp_table */
AT(bp_table, at, 0, 8);
AT(bp_table, count, 8, 4);
AT(bp_table, stride, 12, 4);
_Static_assert(sizeof(struct bp_table) >= 16, "bp_table");

/* struct bp_plugin */
AT(bp_plugin, size, 0, 4);
AT(bp_plugin, abi_major, 4, 2);
AT(bp_plugin, abi_minor, 6, 2);
AT(bp_plugin, name, 8, 8);
AT(bp_plugin, version, 16, 8);
AT(bp_plugin, summary, 24, 8);
AT(bp_plugin, license, 32, 8);
AT(bp_plugin, virtio_id, 40, 4);
AT(bp_plugin, flags, 44, 4);
AT(bp_plugin, state_version, 48, 4);
AT(bp_plugin, state_oldest, 52, 4);
AT(bp_plugin, needs, 56, 16);
AT(bp_plugin, routes, 72, 16);
AT(bp_plugin, metrics, 88, 16);
AT(bp_plugin, syscalls, 104, 16);
AT(bp_plugin, ops, 120, 8);
AT(bp_plugin, metrics_key, 128, 8);
AT(bp_plugin, bus_rank, 136, 4);
AT(bp_plugin, pad, 140, 4);
_Static_assert(sizeof(struct bp_plugin) >= 144, "bp_plugin");

int main(void)
{
    return 0;
}
