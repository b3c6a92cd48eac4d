/* SPDX-License-Identifier: Apache-2.0 */
/* The contract's texts for errno values: its own strerror table and its kind names. */
#ifndef BP_CORE_ERRTEXT_H
#define BP_CORE_ERRTEXT_H

#include <stddef.h>

/* "No such file or directory (os error 2)"; e is positive. Returns buf. */
const char *errtext_display(int e, char *buf, size_t cap);
/* "Os { code: 2, kind: NotFound, message: \"No such file or directory\" }". Returns buf. */
const char *errtext_debug(int e, char *buf, size_t cap);

#endif
