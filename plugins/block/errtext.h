/* SPDX-License-Identifier: Apache-2.0 */
/* How the API words a file that cannot be used. */
#ifndef BP_BLOCK_ERRTEXT_H
#define BP_BLOCK_ERRTEXT_H

#include <stddef.h>

/* `BackingFile(Os { code: 2, kind: NotFound, message: "No such file or directory" }, "path")` */
const char *errtext_backing_file(int e, const char *path, char *buf, size_t cap);

#endif
