/* SPDX-License-Identifier: BSD-3-Clause */
/* virtring/features.h - feature bits by name, for printing. */
#ifndef VIRTRING_FEATURES_H
#define VIRTRING_FEATURES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Device types (virtio 5). */
#define VR_DEVICE_NET 1u
#define VR_DEVICE_BLK 2u

/**
 * vr_feature_name() - name of a virtio feature bit
 * @device_type: VR_DEVICE_*, or 0 for those that all devices share
 * @bit: number of the bit
 *
 * Bits 26 and 30 have the names that vhost-user gives them.
 *
 * Return: a static string such as "IN_ORDER" or "MRG_RXBUF", or NULL when the bit has no name.
 * Any thread. (virtio 5.1.3, 5.2.3, 6)
 */
const char *vr_feature_name(uint32_t device_type, uint32_t bit);

/**
 * vr_vu_protocol_feature_name() - name of a vhost-user protocol feature bit
 * @bit: number of the bit
 *
 * Return: a static string such as "REPLY_ACK", or NULL when the bit has no name. Any thread.
 */
const char *vr_vu_protocol_feature_name(uint32_t bit);

#ifdef __cplusplus
}
#endif

#endif
