/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operations that the core serves itself. */
#include "api/priv.h"
#include "core/cleanup.h"

#define CPU_TEMPLATE                                                                               \
    "\"cpu_template\":{\"type\":[\"string\",\"null\"],\"deprecated\":true,"                        \
    "\"enum\":[\"C3\",\"T2\",\"T2S\",\"None\",\"T2CL\",\"T2A\"]}"
#define VCPU_TOO_FEW "\"invalid value: vcpu_num, expected number of vCPUs should be larger than 0\""
#define VCPU_BODY                                                                                  \
    "\"vcpu_count\":{\"type\":\"integer\",\"format\":\"uint8\",\"minimum\":1,\"maximum\":32,"      \
    "\"x-errors\":{\"minimum\":" VCPU_TOO_FEW ",\"maximum\":\"invalid value: vcpu_num, expected "  \
    "number of vCPUs exceeds the maximum limitation\""
#define VCPU_COUNT VCPU_BODY "}}"
#define VCPU_COUNT_PATCH VCPU_BODY ",\"null\":" VCPU_TOO_FEW "}}"

static const char machine_put[] =
    "{\"title\":\"MachineConfig\",\"type\":\"object\",\"properties\":{" VCPU_COUNT
    ",\"mem_size_mib\":{\"type\":\"integer\",\"format\":\"usize\"},\"smt\":{\"type\":\"boolean\"}"
    "," CPU_TEMPLATE ",\"track_dirty_pages\":{\"type\":\"boolean\"}},"
    "\"required\":[\"vcpu_count\",\"mem_size_mib\"],\"additionalProperties\":false}";

static const char machine_patch[] =
    "{\"title\":\"MachineConfigUpdate\",\"type\":\"object\",\"properties\":{" VCPU_COUNT_PATCH
    ",\"mem_size_mib\":{\"type\":[\"integer\",\"null\"],\"format\":\"usize\"},"
    "\"smt\":{\"type\":[\"boolean\",\"null\"]}," CPU_TEMPLATE
    ",\"track_dirty_pages\":{\"type\":[\"boolean\",\"null\"]}},\"additionalProperties\":false}";

static const char boot_put[] =
    "{\"title\":\"BootSourceConfig\",\"type\":\"object\",\"properties\":{"
    "\"kernel_image_path\":{\"type\":\"string\"},\"initrd_path\":{\"type\":[\"string\",\"null\"]},"
    "\"boot_args\":{\"type\":[\"string\",\"null\"]}},\"required\":[\"kernel_image_path\"],"
    "\"additionalProperties\":false}";

static const char actions_put[] =
    "{\"title\":\"ActionBody\",\"type\":\"object\",\"properties\":{\"action_type\":{"
    "\"type\":\"string\",\"enum\":[\"FlushMetrics\",\"InstanceStart\",\"SendCtrlAltDel\"]}},"
    "\"required\":[\"action_type\"],\"additionalProperties\":false}";

static const char vm_patch[] =
    "{\"title\":\"Vm\",\"type\":\"object\",\"properties\":{\"state\":{\"type\":\"string\","
    "\"enum\":[\"Paused\",\"Resumed\"]}},\"required\":[\"state\"],\"additionalProperties\":false}";

static const char logger_put[] =
    "{\"title\":\"LoggerConfig\",\"type\":\"object\",\"properties\":{"
    "\"log_path\":{\"type\":[\"string\",\"null\"],\"format\":\"path\"},"
    "\"level\":{\"type\":[\"string\",\"null\"]},\"show_level\":{\"type\":[\"boolean\",\"null\"]},"
    "\"show_log_origin\":{\"type\":[\"boolean\",\"null\"]}},\"additionalProperties\":false}";

static const char metrics_put[] =
    "{\"title\":\"MetricsConfig\",\"type\":\"object\",\"properties\":{"
    "\"metrics_path\":{\"type\":\"string\",\"format\":\"path\"}},\"required\":[\"metrics_path\"]}";

const struct core_route core_routes[] = {
    { .method = "GET", .t1 = "", .counter = "instance_info", .when = WHEN_ANY, .run = core_info },
    { .method = "GET",
      .t1 = "version",
      .counter = "vmm_version",
      .when = WHEN_ANY,
      .run = core_version },
    { .method = "GET",
      .t1 = "machine-config",
      .counter = "machine_cfg",
      .when = WHEN_ANY,
      .run = core_machine_get },
    { .method = "GET", .t1 = "vm", .t2 = "config", .when = WHEN_ANY, .run = core_config },
    { .method = "PUT",
      .t1 = "actions",
      .schema = actions_put,
      .counter = "actions",
      .when = WHEN_ANY,
      .run = core_actions },
    { .method = "PUT",
      .t1 = "boot-source",
      .schema = boot_put,
      .counter = "boot_source",
      .when = BP_WHEN_BOOT,
      .run = core_boot_put },
    { .method = "PUT",
      .t1 = "logger",
      .schema = logger_put,
      .counter = "logger",
      .when = BP_WHEN_BOOT,
      .check = core_logger_check,
      .run = core_logger },
    { .method = "PUT",
      .t1 = "machine-config",
      .schema = machine_put,
      .counter = "machine_cfg",
      .when = BP_WHEN_BOOT,
      .run = core_machine_put },
    { .method = "PUT",
      .t1 = "metrics",
      .schema = metrics_put,
      .counter = "metrics",
      .when = BP_WHEN_BOOT,
      .run = core_metrics },
    { .method = "PATCH",
      .t1 = "machine-config",
      .schema = machine_patch,
      .counter = "machine_cfg",
      .when = BP_WHEN_BOOT,
      .check = core_machine_check,
      .run = core_machine_put },
    { .method = "PATCH", .t1 = "vm", .schema = vm_patch, .when = WHEN_LIVE, .run = core_vm_patch },
};
const size_t core_routes_n = ARRAY_LEN(core_routes);
_Static_assert(ARRAY_LEN(core_routes) <= CORE_ROUTES_MAX, "one compiled schema per route");
