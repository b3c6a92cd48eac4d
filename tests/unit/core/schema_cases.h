/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas, bodies, and the detail the contract gives for each; NULL: the body is accepted. */
#ifndef TEST_SCHEMA_CASES_H
#define TEST_SCHEMA_CASES_H

#include <stddef.h>

#define BUCKET                                                                                     \
    "{\"type\":[\"object\",\"null\"],\"title\":\"TokenBucketConfig\",\"properties\":{"             \
    "\"size\":{\"type\":\"integer\",\"format\":\"uint64\"},"                                       \
    "\"one_time_burst\":{\"type\":[\"integer\",\"null\"],\"format\":\"uint64\"},"                  \
    "\"refill_time\":{\"type\":\"integer\",\"format\":\"uint64\"}},"                               \
    "\"required\":[\"size\",\"refill_time\"]}"
#define LIMITER                                                                                    \
    "{\"type\":[\"object\",\"null\"],\"title\":\"RateLimiterConfig\","                             \
    "\"additionalProperties\":false,\"properties\":{\"bandwidth\":" BUCKET ",\"ops\":" BUCKET "}}"
#define STRING "{\"type\":\"string\"}"
#define STRING_OPT "{\"type\":[\"string\",\"null\"]}"
#define BOOL "{\"type\":\"boolean\"}"
#define OBJECT(title) "{\"type\":\"object\",\"title\":\"" title "\",\"additionalProperties\":false,"

struct body {
    const char *schema;
};

#define TOO_FEW "invalid value: vcpu_num, expected number of vCPUs should be larger than 0"
#define TOO_MANY "invalid value: vcpu_num, expected number of vCPUs exceeds the maximum limitation"
#define TEMPLATE                                                                                   \
    "{\"type\":[\"string\",\"null\"],\"enum\":[\"C3\",\"T2\",\"T2S\",\"None\",\"T2CL\",\"T2A\"]}"

static const struct body machine = { OBJECT(
    "MachineConfig") "\"properties\":{"
                     "\"vcpu_count\":{\"type\":\"integer\",\"format\":\"uint8\",\"minimum\":1,"
                     "\"maximum\":32,\"x-errors\":{"
                     "\"minimum\":\"" TOO_FEW "\",\"maximum\":\"" TOO_MANY "\"}},"
                     "\"mem_size_mib\":{\"type\":\"integer\",\"format\":\"usize\"},\"smt\":" BOOL
                     ",\"cpu_template\":" TEMPLATE ",\"track_dirty_pages\":" BOOL
                     "},\"required\":[\"vcpu_count\",\"mem_size_mib\"]}" };

static const struct body machine_patch = { OBJECT(
    "MachineConfigUpdate") "\"properties\":{"
                           "\"vcpu_count\":{\"type\":\"integer\",\"format\":\"uint8\",\"minimum\":"
                           "1,\"maximum\":32,\"x-errors\":{"
                           "\"minimum\":\"" TOO_FEW "\",\"maximum\":\"" TOO_MANY
                           "\",\"null\":\"" TOO_FEW "\"}},"
                           "\"mem_size_mib\":{\"type\":[\"integer\",\"null\"],\"format\":\"usize\"}"
                           ",\"smt\":{\"type\":[\"boolean\",\"null\"]}}}" };

static const struct body actions = { OBJECT(
    "ActionBody") "\"properties\":{\"action_type\":{\"type\":\"string\",\"enum\":[\"FlushMetrics\","
                  "\"InstanceStart\",\"SendCtrlAltDel\"]}},\"required\":[\"action_type\"]}" };

static const struct body drive = { OBJECT(
    "BlockDeviceConfig") "\"properties\":{\"drive_id\":" STRING ",\"path_on_host\":" STRING
                         ",\"is_root_device\":" BOOL ",\"partuuid\":" STRING_OPT
                         ",\"is_read_only\":" BOOL ","
                         "\"cache_type\":{\"type\":\"string\",\"enum\":[\"Unsafe\",\"Writeback\"]},"
                         "\"rate_limiter\":" LIMITER
                         ",\"io_engine\":{\"enum\":[\"Async\",\"Sync\"]}},"
                         "\"required\":[\"drive_id\",\"path_on_host\",\"is_root_device\",\"is_read_"
                         "only\"]}" };

static const struct body boot = { OBJECT(
    "BootSourceConfig") "\"properties\":{\"kernel_image_path\":" STRING
                        ",\"initrd_path\":" STRING_OPT ",\"boot_args\":" STRING_OPT
                        "},\"required\":[\"kernel_image_path\"]}" };

static const struct body limited = { OBJECT(
    "EntropyDeviceConfig") "\"properties\":{\"rate_limiter\":" LIMITER "}}" };

static const struct body net = { OBJECT(
    "NetworkInterfaceConfig") "\"properties\":{\"iface_id\":" STRING ",\"host_dev_name\":" STRING
                              ",\"guest_mac\":{\"type\":[\"string\",\"null\"],\"format\":\"mac\","
                              "\"x-errors\":{\"format\":\"The provided MAC address is "
                              "invalid.\"}}},\"required\":[\"iface_id\",\"host_dev_name\"]}" };

static const struct body mmds = { OBJECT(
    "MmdsConfig") "\"properties\":{\"version\":{\"enum\":[\"V1\",\"V2\"]},\"network_interfaces\":{"
                  "\"type\":\"array\",\"items\":" STRING
                  "},\"ipv4_address\":{\"type\":[\"string\",\"null\"],\"format\":\"ipv4\"}},"
                  "\"required\":[\"network_interfaces\"]}" };

static const struct body balloon = { OBJECT(
    "BalloonDeviceConfig") "\"properties\":{\"amount_mib\":{\"type\":\"integer\",\"format\":"
                           "\"uint32\"},\"deflate_on_oom\":" BOOL
                           ",\"stats_polling_interval_s\":{\"type\":\"integer\",\"format\":"
                           "\"uint16\"}},\"required\":[\"amount_mib\",\"deflate_on_oom\"]}" };

static const struct body vm = { OBJECT("Vm") "\"properties\":{\"state\":{\"enum\":[\"Paused\","
                                             "\"Resumed\"]}},\"required\":[\"state\"]}" };

static const struct body caps = { OBJECT(
    "CustomCpuTemplate") "\"properties\":{\"kvm_capabilities\":{\"type\":\"array\",\"items\":{"
                         "\"type\":\"string\",\"enum\":[\"1\"],\"x-errors\":{\"enum\":\"bad "
                         "capability\"}}},\"cpuid_modifiers\":{\"type\":\"array\"},\"msr_"
                         "modifiers\":{\"type\":\"array\"}}}" };

static const struct body logger = { OBJECT(
    "LoggerConfig") "\"properties\":{\"level\":{\"type\":\"string\",\"enum\":[\"Off\",\"Info\"],"
                    "\"x-aliases\":[\"OFF\",\"INFO\"],\"x-errors\":{\"enum\":\"Invalid "
                    "LevelFilter\"}},\"show_level\":{\"type\":[\"boolean\",\"null\"]}}}" };

static const struct {
    const struct body *body;
    const char *text, *detail;
} cases[] = {
    { &machine, "{\"mem_size_mib\": 128}", "missing field `vcpu_count` at line 1 column 21" },
    { &machine, "{\"vcpu_count\": 2}", "missing field `mem_size_mib` at line 1 column 17" },
    { &machine, "{}", "missing field `vcpu_count` at line 1 column 2" },
    { &machine, "{\"vcpu_count\":33,\"mem_size_mib\":128}",
      "invalid value: vcpu_num, expected number of vCPUs exceeds the maximum limitation at line 1 "
      "column 16" },
    { &machine, "{\"mem_size_mib\":128,\"vcpu_count\":33 \n }",
      "invalid value: vcpu_num, expected number of vCPUs exceeds the maximum limitation at line 2 "
      "column 2" },
    { &machine, "{\"vcpu_count\":33  ,\"mem_size_mib\":128}",
      "invalid value: vcpu_num, expected number of vCPUs exceeds the maximum limitation at line 1 "
      "column 18" },
    { &machine, "{\"vcpu_count\":0,\"mem_size_mib\":128}",
      "invalid value: vcpu_num, expected number of vCPUs should be larger than 0 at line 1 column "
      "15" },
    { &machine, "{\"vcpu_count\":256,\"mem_size_mib\":128}",
      "invalid value: integer `256`, expected u8 at line 1 column 17" },
    { &machine, "{\"vcpu_count\":-1,\"mem_size_mib\":128}",
      "invalid value: integer `-1`, expected u8 at line 1 column 16" },
    { &machine, "{\"vcpu_count\":null,\"mem_size_mib\":128}",
      "invalid type: null, expected u8 at line 1 column 18" },
    { &machine, "{\"vcpu_count\":\"2\",\"mem_size_mib\":128}",
      "invalid type: string \"2\", expected u8 at line 1 column 17" },
    { &machine, "{\"vcpu_count\":1.5,\"mem_size_mib\":128}",
      "invalid type: floating point `1.5`, expected u8 at line 1 column 17" },
    { &machine, "{\"vcpu_count\":1.0,\"mem_size_mib\":128}",
      "invalid type: floating point `1`, expected u8 at line 1 column 17" },
    { &machine, "{\"vcpu_count\":true}",
      "invalid type: boolean `true`, expected u8 at line 1 column 18" },
    { &machine, "{\"vcpu_count\":{\"a\":1}}",
      "invalid type: map, expected u8 at line 1 column 14" },
    { &machine, "{\"vcpu_count\":\n[1]}",
      "invalid type: sequence, expected u8 at line 2 column 0" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":18446744073709551616}",
      "invalid type: floating point `18446744073709552000`, expected usize at line 1 column 51" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":1e3}",
      "invalid type: floating point `1000`, expected usize at line 1 column 34" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":1e-7}",
      "invalid type: floating point `0.0000001`, expected usize at line 1 column 35" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":-0}",
      "invalid type: floating point `-0`, expected usize at line 1 column 33" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":1e300}",
      "invalid type: floating point "
      "`1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000`, expected usize at line 1 column 36" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":-5}",
      "invalid value: integer `-5`, expected usize at line 1 column 33" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":128,\"smt\":null}",
      "invalid type: null, expected a boolean at line 1 column 45" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":128,\"smt\":0}",
      "invalid type: integer `0`, expected a boolean at line 1 column 42" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":128,\"cpu_template\":\"foo\"}",
      "unknown variant `foo`, expected one of `C3`, `T2`, `T2S`, `None`, `T2CL`, `T2A` at line 1 "
      "column 55" },
    { &machine, "{\"vcpu_count\":1,\"mem_size_mib\":128,\"cpu_template\":5}",
      "expected value at line 1 column 51" },
    { &machine, "{\"vcpu_count\":1,\"vcpu_count\":2}",
      "duplicate field `vcpu_count` at line 1 column 28" },
    { &machine, "{\"foo\":1}",
      "unknown field `foo`, expected one of `vcpu_count`, `mem_size_mib`, `smt`, `cpu_template`, "
      "`track_dirty_pages` at line 1 column 6" },
    { &machine, "{\"foo\"  :1}",
      "unknown field `foo`, expected one of `vcpu_count`, `mem_size_mib`, `smt`, `cpu_template`, "
      "`track_dirty_pages` at line 1 column 8" },
    { &machine, "{\"vcpu_count\":1,\n  \"foo\"\n:1}",
      "unknown field `foo`, expected one of `vcpu_count`, `mem_size_mib`, `smt`, `cpu_template`, "
      "`track_dirty_pages` at line 3 column 0" },
    { &machine, "5",
      "invalid type: integer `5`, expected struct MachineConfig at line 1 column 1" },
    { &machine, "\"x\"",
      "invalid type: string \"x\", expected struct MachineConfig at line 1 column 3" },
    { &machine, "[1]",
      "invalid length 1, expected struct MachineConfig with 5 elements at line 1 column 3" },
    { &machine, "null", "invalid type: null, expected struct MachineConfig at line 1 column 4" },
    { &machine, "true",
      "invalid type: boolean `true`, expected struct MachineConfig at line 1 column 4" },
    { &machine, "{\"vcpu_count\":\"a\\\"b\\u0001\\u00e9\"}",
      "invalid type: string \"a\\\"b\\u{1}é\", expected u8 at line 1 column 32" },
    { &machine_patch, "{\"vcpu_count\":null}",
      "invalid value: vcpu_num, expected number of vCPUs should be larger than 0 at line 1 column "
      "19" },
    { &machine_patch, "{\"vcpu_count\":null,\"smt\":true}",
      "invalid value: vcpu_num, expected number of vCPUs should be larger than 0 at line 1 column "
      "18" },
    { &machine_patch, "{\"smt\":5}",
      "invalid type: integer `5`, expected a boolean at line 1 column 8" },
    { &machine_patch, "{}", NULL },
    { &machine_patch, "{\"mem_size_mib\":null}", NULL },
    { &machine_patch, "{\"vcpu_count\":300}",
      "invalid value: integer `300`, expected u8 at line 1 column 17" },
    { &actions, "{}", "missing field `action_type` at line 1 column 2" },
    { &actions, "{\"action_type\":\"x\"}",
      "unknown variant `x`, expected one of `FlushMetrics`, `InstanceStart`, `SendCtrlAltDel` at "
      "line 1 column 18" },
    { &actions, "{\"action_type\":5}", "expected value at line 1 column 16" },
    { &actions, "{\"action_type\":null}", "expected value at line 1 column 16" },
    { &actions, "{\"action_type\": [\"InstanceStart\"]}", "expected value at line 1 column 17" },
    { &actions, "{\"payload\":1}",
      "unknown field `payload`, expected `action_type` at line 1 column 10" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/x\",\"is_root_device\":true,\"is_read_only\":false}",
      NULL },
    { &drive, "{}", "missing field `drive_id` at line 1 column 2" },
    { &drive, "{\"drive_id\":1}",
      "invalid type: integer `1`, expected a string at line 1 column 13" },
    { &drive, "{\"drive_id\":\"a\",\"path_on_host\":5}",
      "invalid type: integer `5`, expected a string at line 1 column 32" },
    { &drive, "{\"drive_id\":\"a\",\"path_on_host\":null}",
      "invalid type: null, expected a string at line 1 column 35" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"cache_type\":null}",
      "expected value at line 1 column 93" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"cache_type\":\"x\"}",
      "unknown variant `x`, expected `Unsafe` or `Writeback` at line 1 column 95" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"rate_limiter\":5}",
      "invalid type: integer `5`, expected struct RateLimiterConfig at line 1 column 95" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"rate_limiter\":{\"x\":1}}",
      "unknown field `x`, expected `bandwidth` or `ops` at line 1 column 98" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"rate_limiter\":{\"bandwidth\":{"
      "\"size\":1}}}",
      "missing field `refill_time` at line 1 column 117" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"rate_limiter\":{\"bandwidth\":{"
      "\"size\":-1}}}",
      "invalid value: integer `-1`, expected u64 at line 1 column 117" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"rate_limiter\":{\"bandwidth\":{"
      "\"size\":1,\"z\":[1,{\"a\":2}],\"refill_time\":\"x\"}}}",
      "invalid type: string \"x\", expected u64 at line 1 column 150" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"rate_limiter\":{\"ops\":7}}",
      "invalid type: integer `7`, expected struct TokenBucketConfig at line 1 column 102" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"rate_limiter\":[]}",
      "invalid length 0, expected struct RateLimiterConfig with 2 elements at line 1 column 96" },
    { &drive,
      "{\"drive_id\":\"a\",\"path_on_host\":\"/"
      "x\",\"is_root_device\":true,\"is_read_only\":false,\"rate_limiter\":null,\"partuuid\":null,"
      "\"io_engine\":\"x\"}",
      "unknown variant `x`, expected `Async` or `Sync` at line 1 column 130" },
    { &boot, "{}", "missing field `kernel_image_path` at line 1 column 2" },
    { &boot, "{\"kernel_image_path\":5}",
      "invalid type: integer `5`, expected a string at line 1 column 22" },
    { &boot, "{\"kernel_image_path\":\"a\",\"boot_args\":[]}",
      "invalid type: sequence, expected a string at line 1 column 37" },
    { &boot, "{\"kernel_image_path\":\"a\",\"x\":[]}",
      "unknown field `x`, expected one of `kernel_image_path`, `initrd_path`, `boot_args` at line "
      "1 column 28" },
    { &limited, "{\"a\":1}", "unknown field `a`, expected `rate_limiter` at line 1 column 4" },
    { &limited, "{\"rate_limiter\":\"x\"}",
      "invalid type: string \"x\", expected struct RateLimiterConfig at line 1 column 19" },
    { &limited, "{\"rate_limiter\":{\"bandwidth\":{\"size\":1,\"size\":2}}}",
      "duplicate field `size` at line 1 column 45" },
    { &limited, "{\"rate_limiter\":{\"bandwidth\":{\"refill_time\":1}, \"bandwidth\":null}}",
      "missing field `size` at line 1 column 46" },
    { &limited, "[]",
      "invalid length 0, expected struct EntropyDeviceConfig with 1 element at line 1 column 2" },
    { &limited, "{\"rate_limiter\":{\"bandwidth\":{\"size\":1,\"one_time_burst\":1.5}}}",
      "invalid type: floating point `1.5`, expected u64 at line 1 column 59" },
    { &logger, "{\"level\":5}",
      "invalid type: integer `5`, expected a string at line 1 column 10" },
    { &logger, "{\"show_level\":1}",
      "invalid type: integer `1`, expected a boolean at line 1 column 15" },
    { &net, "{\"iface_id\":\"a\",\"host_dev_name\":\"t\",\"guest_mac\":\"zz\"}",
      "The provided MAC address is invalid. at line 1 column 53" },
    { &net, "{\"iface_id\":\"a\",\"guest_mac\":\"zz\" ,\"host_dev_name\":\"t\"}",
      "The provided MAC address is invalid. at line 1 column 33" },
    { &net, "{\"iface_id\":\"a\",\"guest_mac\":5}",
      "invalid type: integer `5`, expected a string at line 1 column 29" },
    { &mmds, "{\"ipv4_address\":\"x\",\"network_interfaces\":[\"a\"]}",
      "invalid IPv4 address syntax at line 1 column 19" },
    { &mmds, "{\"ipv4_address\":5}",
      "invalid type: integer `5`, expected IPv4 address at line 1 column 17" },
    { &mmds, "{\"network_interfaces\":5}",
      "invalid type: integer `5`, expected a sequence at line 1 column 23" },
    { &mmds, "{\"network_interfaces\":[\"a\",5]}",
      "invalid type: integer `5`, expected a string at line 1 column 28" },
    { &mmds, "{\"network_interfaces\":[\"a\"],\"version\":\"V3\"}",
      "unknown variant `V3`, expected `V1` or `V2` at line 1 column 42" },
    { &caps, "{\"kvm_capabilities\":[5]}",
      "invalid type: integer `5`, expected a string at line 1 column 22" },
    { &caps, "{\"x\":1}",
      "unknown field `x`, expected one of `kvm_capabilities`, `cpuid_modifiers`, `msr_modifiers` "
      "at line 1 column 4" },
    { &balloon, "{\"amount_mib\":\"x\"}",
      "invalid type: string \"x\", expected u32 at line 1 column 17" },
    { &balloon, "{\"amount_mib\":1,\"deflate_on_oom\":\"x\"}",
      "invalid type: string \"x\", expected a boolean at line 1 column 36" },
    { &balloon, "{\"amount_mib\":1,\"deflate_on_oom\":true,\"stats_polling_interval_s\":65536}",
      "invalid value: integer `65536`, expected u16 at line 1 column 70" },
    { &vm, "{\"state\":\"x\"}",
      "unknown variant `x`, expected `Paused` or `Resumed` at line 1 column 12" },
    { &caps, "{\"kvm_capabilities\":[\"x\" , \"y\"]}", "bad capability at line 1 column 27" },
    { &caps, "{\"kvm_capabilities\":[\"x\" ]}", "bad capability at line 1 column 26" },
    { &logger, "{\"level\":\"x\"}", "Invalid LevelFilter at line 1 column 13" },
    { &logger, "{\"level\":\"OFF\",\"show_level\":null}", NULL },
    { &limited, "{\"rate_limiter\":{\"ops\":{\"size\":1,\"refill_time\":2,\"x\":{\"size\":[]}}}}",
      NULL },
    { &mmds, "{\"network_interfaces\":[\"a\",\"b\"],\"ipv4_address\":\"169.254.1.1\"}", NULL },
};

#endif
