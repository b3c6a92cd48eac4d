/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the contract fixes about things that plugins provide: which keys always appear, in which
 * order, and which metrics are reported even when nobody counts them. This is the only file of the
 * core that knows these names.
 */
#include "api/contract.h"

#include <string.h>

#include "core/cleanup.h"

/* clang-format off */
const struct contract_key contract_keys[] = {
    { "balloon", "balloon", "Balloon device error", 9, false, false },
    { "drives", "drives", "Block device error", 6, true, false },
    { "boot-source", "boot-source", "Boot source error", 5, false, true },
    { "cpu-config", "cpu-config", "File operation error", 4, false, true },
    { "logger", "logger", "Logger error", 1, false, true },
    { "machine-config", "machine-config", "VM config error", 3, false, true },
    { "metrics", "metrics", "Metrics error", 2, false, true },
    { "mmds-config", "mmds", "MMDS config error", 10, false, false },
    { "network-interfaces", "network-interfaces", "Network device error", 7, true, false },
    { "vsock", "vsock", "Vsock device error", 8, false, false },
    { "entropy", "entropy", "Entropy device error", 11, false, false },
};
const size_t contract_keys_n = ARRAY_LEN(contract_keys);

static const char *const api_server_names[] = {
    "process_startup_time_us*", "process_startup_time_cpu_us*", "sync_response_fails",
    "sync_vmm_send_timeout_count",
};
static const char *const balloon_names[] = {
    "activate_fails", "inflate_count", "stats_updates_count", "stats_update_fails",
    "deflate_count", "event_fails",
};
static const char *const block_names[] = {
    "activate_fails", "cfg_fails", "no_avail_buffer", "event_fails", "execute_fails",
    "invalid_reqs_count", "flush_count", "queue_event_count", "rate_limiter_event_count",
    "update_count", "update_fails", "read_bytes", "write_bytes", "read_count", "write_count",
    "rate_limiter_throttled_events", "io_engine_throttled_events",
};
static const char *const deprecated_api_names[] = {
    "deprecated_http_api_calls", "deprecated_cmd_line_api_calls",
};
static const char *const get_api_requests_names[] = {
    "instance_info_count", "machine_cfg_count", "mmds_count", "vmm_version_count",
};
static const char *const i8042_names[] = {
    "error_count", "missed_read_count", "missed_write_count", "read_count", "reset_count",
    "write_count",
};
static const char *const latencies_us_names[] = {
    "full_create_snapshot*", "diff_create_snapshot*", "load_snapshot*", "pause_vm*", "resume_vm*",
    "vmm_full_create_snapshot*", "vmm_diff_create_snapshot*", "vmm_load_snapshot*",
    "vmm_pause_vm*", "vmm_resume_vm*",
};
static const char *const logger_names[] = {
    "missed_metrics_count", "metrics_fails", "missed_log_count", "log_fails",
};
static const char *const mmds_names[] = {
    "rx_accepted", "rx_accepted_err", "rx_accepted_unusual", "rx_bad_eth", "rx_count", "tx_bytes",
    "tx_count", "tx_errors", "tx_frames", "connections_created", "connections_destroyed",
};
static const char *const net_names[] = {
    "activate_fails", "cfg_fails", "mac_address_updates", "no_rx_avail_buffer",
    "no_tx_avail_buffer", "event_fails", "rx_queue_event_count", "rx_event_rate_limiter_count",
    "rx_partial_writes", "rx_rate_limiter_throttled", "rx_tap_event_count", "rx_bytes_count",
    "rx_packets_count", "rx_fails", "rx_count", "tap_read_fails", "tap_write_fails",
    "tx_bytes_count", "tx_malformed_frames", "tx_fails", "tx_count", "tx_packets_count",
    "tx_partial_reads", "tx_queue_event_count", "tx_rate_limiter_event_count",
    "tx_rate_limiter_throttled", "tx_spoofed_mac_count",
};
static const char *const patch_api_requests_names[] = {
    "drive_count", "drive_fails", "network_count", "network_fails", "machine_cfg_count",
    "machine_cfg_fails", "mmds_count", "mmds_fails",
};
static const char *const put_api_requests_names[] = {
    "actions_count", "actions_fails", "boot_source_count", "boot_source_fails", "drive_count",
    "drive_fails", "logger_count", "logger_fails", "machine_cfg_count", "machine_cfg_fails",
    "cpu_cfg_count", "cpu_cfg_fails", "metrics_count", "metrics_fails", "network_count",
    "network_fails", "mmds_count", "mmds_fails", "vsock_count", "vsock_fails",
};
static const char *const seccomp_names[] = {
    "num_faults*",
};
static const char *const vcpu_names[] = {
    "exit_io_in", "exit_io_out", "exit_mmio_read", "exit_mmio_write", "failures",
};
static const char *const vmm_names[] = {
    "device_events", "panic_count*",
};
static const char *const uart_names[] = {
    "error_count", "flush_count", "missed_read_count", "missed_write_count", "read_count",
    "write_count",
};
static const char *const signals_names[] = {
    "sigbus*", "sigsegv*", "sigxfsz*", "sigxcpu*", "sigpipe", "sighup*", "sigill*",
};
static const char *const vsock_names[] = {
    "activate_fails", "cfg_fails", "rx_queue_event_fails", "tx_queue_event_fails",
    "ev_queue_event_fails", "muxer_event_fails", "conn_event_fails", "rx_queue_event_count",
    "tx_queue_event_count", "rx_bytes_count", "tx_bytes_count", "rx_packets_count",
    "tx_packets_count", "conns_added", "conns_killed", "conns_removed", "killq_resync",
    "tx_flush_fails", "tx_write_fails", "rx_read_fails",
};
static const char *const entropy_names[] = {
    "activate_fails", "entropy_event_fails", "entropy_event_count", "entropy_bytes",
    "host_rng_fails", "entropy_rate_limiter_throttled", "rate_limiter_event_count",
};

const struct contract_metrics contract_metrics[] = {
    { "api_server", api_server_names, ARRAY_LEN(api_server_names) },
    { "balloon", balloon_names, ARRAY_LEN(balloon_names) },
    { "block", block_names, ARRAY_LEN(block_names) },
    { "deprecated_api", deprecated_api_names, ARRAY_LEN(deprecated_api_names) },
    { "get_api_requests", get_api_requests_names, ARRAY_LEN(get_api_requests_names) },
    { "i8042", i8042_names, ARRAY_LEN(i8042_names) },
    { "latencies_us", latencies_us_names, ARRAY_LEN(latencies_us_names) },
    { "logger", logger_names, ARRAY_LEN(logger_names) },
    { "mmds", mmds_names, ARRAY_LEN(mmds_names) },
    { "net", net_names, ARRAY_LEN(net_names) },
    { "patch_api_requests", patch_api_requests_names, ARRAY_LEN(patch_api_requests_names) },
    { "put_api_requests", put_api_requests_names, ARRAY_LEN(put_api_requests_names) },
    { "seccomp", seccomp_names, ARRAY_LEN(seccomp_names) },
    { "vcpu", vcpu_names, ARRAY_LEN(vcpu_names) },
    { "vmm", vmm_names, ARRAY_LEN(vmm_names) },
    { "uart", uart_names, ARRAY_LEN(uart_names) },
    { "signals", signals_names, ARRAY_LEN(signals_names) },
    { "vsock", vsock_names, ARRAY_LEN(vsock_names) },
    { "entropy", entropy_names, ARRAY_LEN(entropy_names) },
};
/* clang-format on */
const size_t contract_metrics_n = ARRAY_LEN(contract_metrics);

bool contract_plugin_path(const char *segment)
{
    for (size_t i = 0; i < contract_keys_n; i++) {
        if (!contract_keys[i].core && strcmp(contract_keys[i].path, segment) == 0) {
            return true;
        }
    }
    return false;
}
