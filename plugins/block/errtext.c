/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of errno values that clients compare: the names of the kinds and the messages are part
 * of the API, so they do not come from the C library of the day.
 */
#include "errtext.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct text {
    int e;
    const char *kind, *message;
} texts[] = {
    { EPERM, "PermissionDenied", "Operation not permitted" },
    { ENOENT, "NotFound", "No such file or directory" },
    { EINTR, "Interrupted", "Interrupted system call" },
    { EIO, "Uncategorized", "I/O error" },
    { ENXIO, "Uncategorized", "No such device or address" },
    { EBADF, "Uncategorized", "Bad file descriptor" },
    { EAGAIN, "WouldBlock", "Resource temporarily unavailable" },
    { ENOMEM, "OutOfMemory", "Out of memory" },
    { EACCES, "PermissionDenied", "Permission denied" },
    { EBUSY, "ResourceBusy", "Resource busy" },
    { ENODEV, "Uncategorized", "No such device" },
    { ENOTDIR, "NotADirectory", "Not a directory" },
    { EISDIR, "IsADirectory", "Is a directory" },
    { EINVAL, "InvalidInput", "Invalid argument" },
    { ENFILE, "Uncategorized", "Too many open files in system" },
    { EMFILE, "Uncategorized", "No file descriptors available" },
    { ETXTBSY, "ExecutableFileBusy", "Text file busy" },
    { EFBIG, "FileTooLarge", "File too large" },
    { ENOSPC, "StorageFull", "No space left on device" },
    { ESPIPE, "NotSeekable", "Invalid seek" },
    { EROFS, "ReadOnlyFilesystem", "Read-only file system" },
    { ENAMETOOLONG, "InvalidFilename", "Filename too long" },
    { ELOOP, "FilesystemLoop", "Symbolic link loop" },
    { EOVERFLOW, "Uncategorized", "Value too large for data type" },
    { ENOMEDIUM, "Uncategorized", "No medium found" },
    { ESTALE, "StaleNetworkFileHandle", "Stale file handle" },
};

static const struct text *find(int e)
{
    static const struct text other = { 0, "Uncategorized", "No error information" };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].e == e) {
            return &texts[i];
        }
    }
    return &other;
}

/* One character as a quoted string shows it. Returns how many bytes `out` got. */
static int quote(char c, char out[12])
{
    const char *from = "\"\\\n\t\r", *to = "\"\\ntr", *at = c != 0 ? strchr(from, c) : NULL;

    if (at != NULL) {
        return snprintf(out, 12, "\\%c", to[at - from]);
    }
    if ((unsigned char)c < 0x20 || c == 0x7f) {
        return snprintf(out, 12, "\\u{%x}", (unsigned)(unsigned char)c);
    }
    out[0] = c;
    return 1;
}

const char *errtext_backing_file(int e, const char *path, char *buf, size_t cap)
{
    const struct text *t = find(e);
    int n = snprintf(buf, cap, "BackingFile(Os { code: %d, kind: %s, message: \"%s\" }, \"", e,
                     t->kind, t->message);
    size_t at = n < 0 ? cap : (size_t)n;

    for (; at < cap && *path != '\0'; path++) {
        char piece[12];
        size_t len = (size_t)quote(*path, piece);

        if (cap - at <= len) {
            break;
        }
        memcpy(buf + at, piece, len);
        at += len;
    }
    if (at < cap) {
        (void)snprintf(buf + at, cap - at, "\")");
    }
    return buf;
}
