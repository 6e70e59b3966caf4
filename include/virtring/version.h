/* SPDX-License-Identifier: BSD-3-Clause */
/* The version of the library that a program runs with. */
#ifndef VIRTRING_VERSION_H
#define VIRTRING_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * vr_version() - version of the library that the program is linked with
 *
 * It may differ from the version of the headers that the program was compiled with.
 *
 * Threads: any.
 *
 * Return: "MAJOR.MINOR.PATCH", a constant string; never NULL.
 */
const char *vr_version(void);

#ifdef __cplusplus
}
#endif

#endif /* VIRTRING_VERSION_H */
