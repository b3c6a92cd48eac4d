/* SPDX-License-Identifier: Apache-2.0 */
/* Register offsets and the halves of the virtio-mmio transport that call into the device. */
#ifndef BP_VIRTIO_TRANSPORT_STATUS_H
#define BP_VIRTIO_TRANSPORT_STATUS_H

#include <stdint.h>

#include "virtio/transport_mmio.h"

#define MMIO_MAGIC_VALUE 0x000u
#define MMIO_VERSION_REG 0x004u
#define MMIO_DEVICE_ID 0x008u
#define MMIO_VENDOR_ID 0x00cu
#define MMIO_DEVICE_FEATURES 0x010u
#define MMIO_DEVICE_FEATURES_SEL 0x014u
#define MMIO_DRIVER_FEATURES 0x020u
#define MMIO_DRIVER_FEATURES_SEL 0x024u
#define MMIO_QUEUE_SEL 0x030u
#define MMIO_QUEUE_NUM_MAX 0x034u
#define MMIO_QUEUE_NUM 0x038u
#define MMIO_QUEUE_READY 0x044u
#define MMIO_QUEUE_NOTIFY 0x050u
#define MMIO_INTERRUPT_STATUS 0x060u
#define MMIO_INTERRUPT_ACK 0x064u
#define MMIO_STATUS 0x070u
#define MMIO_QUEUE_DESC_LOW 0x080u
#define MMIO_QUEUE_DESC_HIGH 0x084u
#define MMIO_QUEUE_DRIVER_LOW 0x090u
#define MMIO_QUEUE_DRIVER_HIGH 0x094u
#define MMIO_QUEUE_DEVICE_LOW 0x0a0u
#define MMIO_QUEUE_DEVICE_HIGH 0x0a4u
#define MMIO_SHM_SEL 0x0acu
#define MMIO_SHM_LEN_LOW 0x0b0u
#define MMIO_SHM_LEN_HIGH 0x0b4u
#define MMIO_SHM_BASE_LOW 0x0b8u
#define MMIO_SHM_BASE_HIGH 0x0bcu
#define MMIO_CONFIG_GENERATION 0x0fcu
#define MMIO_CONFIG 0x100u

/* Both hop to the device's loop thread and return when the device is done. */
void transport_status_write(struct transport *t, uint32_t value);
void transport_config_write(struct transport *t, uint64_t off, const void *buf, uint32_t len);

#endif
