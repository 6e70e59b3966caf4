/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory whose pages come later: registered with a userfaultfd, for the transports. */
#ifndef VR_SRC_MEMORY_POSTCOPY_H
#define VR_SRC_MEMORY_POSTCOPY_H

#include <virtring/memory.h>

/* A userfaultfd that also waits for the kernel's own accesses (system calls on guest memory). */
int vri_userfault_open(void);
/* Has accesses to absent pages of all regions wait for whoever holds @uffd. 0 or -errno. */
int vri_userfault_register(const struct vr_mem *mem, int uffd);
/* Undoes that. */
void vri_userfault_unregister(const struct vr_mem *mem, int uffd);

#endif
