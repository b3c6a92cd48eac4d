/* SPDX-License-Identifier: Apache-2.0 */
/* errno texts of the contract: fixed strings, so that answers do not change with the libc. */
#include "core/errtext.h"

#include <errno.h>
#include <stdio.h>

#include "core/cleanup.h"

struct err_row {
    int code;
    const char *kind; /* NULL: Uncategorized */
    const char *text;
};

static const struct err_row err_rows[] = {
    { EPERM, "PermissionDenied", "Operation not permitted" },
    { ENOENT, "NotFound", "No such file or directory" },
    { ESRCH, NULL, "No such process" },
    { EINTR, "Interrupted", "Interrupted system call" },
    { EIO, NULL, "I/O error" },
    { ENXIO, NULL, "No such device or address" },
    { E2BIG, "ArgumentListTooLong", "Argument list too long" },
    { ENOEXEC, NULL, "Exec format error" },
    { EBADF, NULL, "Bad file descriptor" },
    { ECHILD, NULL, "No child process" },
    { EAGAIN, "WouldBlock", "Resource temporarily unavailable" },
    { ENOMEM, "OutOfMemory", "Out of memory" },
    { EACCES, "PermissionDenied", "Permission denied" },
    { EFAULT, NULL, "Bad address" },
    { ENOTBLK, NULL, "Block device required" },
    { EBUSY, "ResourceBusy", "Resource busy" },
    { EEXIST, "AlreadyExists", "File exists" },
    { EXDEV, "CrossesDevices", "Cross-device link" },
    { ENODEV, NULL, "No such device" },
    { ENOTDIR, "NotADirectory", "Not a directory" },
    { EISDIR, "IsADirectory", "Is a directory" },
    { EINVAL, "InvalidInput", "Invalid argument" },
    { ENFILE, NULL, "Too many open files in system" },
    { EMFILE, NULL, "No file descriptors available" },
    { ENOTTY, NULL, "Not a tty" },
    { ETXTBSY, "ExecutableFileBusy", "Text file busy" },
    { EFBIG, "FileTooLarge", "File too large" },
    { ENOSPC, "StorageFull", "No space left on device" },
    { ESPIPE, "NotSeekable", "Invalid seek" },
    { EROFS, "ReadOnlyFilesystem", "Read-only file system" },
    { EMLINK, "TooManyLinks", "Too many links" },
    { EPIPE, "BrokenPipe", "Broken pipe" },
    { EDOM, NULL, "Domain error" },
    { ERANGE, NULL, "Result not representable" },
    { EDEADLK, "Deadlock", "Resource deadlock would occur" },
    { ENAMETOOLONG, "InvalidFilename", "Filename too long" },
    { ENOLCK, NULL, "No locks available" },
    { ENOSYS, "Unsupported", "Function not implemented" },
    { ENOTEMPTY, "DirectoryNotEmpty", "Directory not empty" },
    { ELOOP, "FilesystemLoop", "Symbolic link loop" },
    { ENODATA, NULL, "No data available" },
    { EOVERFLOW, NULL, "Value too large for data type" },
    { EILSEQ, NULL, "Illegal byte sequence" },
    { ENOTSOCK, NULL, "Not a socket" },
    { EDESTADDRREQ, NULL, "Destination address required" },
    { EMSGSIZE, NULL, "Message too large" },
    { EPROTOTYPE, NULL, "Protocol wrong type for socket" },
    { ENOPROTOOPT, NULL, "Protocol not available" },
    { EPROTONOSUPPORT, NULL, "Protocol not supported" },
    { EOPNOTSUPP, NULL, "Not supported" },
    { EAFNOSUPPORT, NULL, "Address family not supported by protocol" },
    { EADDRINUSE, "AddrInUse", "Address in use" },
    { EADDRNOTAVAIL, "AddrNotAvailable", "Address not available" },
    { ENETDOWN, "NetworkDown", "Network is down" },
    { ENETUNREACH, "NetworkUnreachable", "Network unreachable" },
    { ECONNABORTED, "ConnectionAborted", "Connection aborted" },
    { ECONNRESET, "ConnectionReset", "Connection reset by peer" },
    { ENOBUFS, NULL, "No buffer space available" },
    { EISCONN, NULL, "Socket is connected" },
    { ENOTCONN, "NotConnected", "Socket not connected" },
    { ETIMEDOUT, "TimedOut", "Operation timed out" },
    { ECONNREFUSED, "ConnectionRefused", "Connection refused" },
    { EHOSTUNREACH, "HostUnreachable", "Host is unreachable" },
    { EALREADY, NULL, "Operation already in progress" },
    { EINPROGRESS, NULL, "Operation in progress" },
    { ESTALE, "StaleNetworkFileHandle", "Stale file handle" },
    { EDQUOT, "FilesystemQuotaExceeded", "Quota exceeded" },
    { ECANCELED, NULL, "Operation canceled" },
    { ENOMEDIUM, NULL, "No medium found" },
    { EMEDIUMTYPE, NULL, "Wrong medium type" },
};

static const struct err_row *err_find(int e)
{
    static const struct err_row unknown = { 0, NULL, "No error information" };

    for (size_t i = 0; i < ARRAY_LEN(err_rows); i++) {
        if (err_rows[i].code == e) {
            return &err_rows[i];
        }
    }
    return &unknown;
}

const char *errtext_display(int e, char *buf, size_t cap)
{
    (void)snprintf(buf, cap, "%s (os error %d)", err_find(e)->text, e);
    return buf;
}

const char *errtext_debug(int e, char *buf, size_t cap)
{
    const struct err_row *r = err_find(e);

    (void)snprintf(buf, cap, "Os { code: %d, kind: %s, message: \"%s\" }", e,
                   r->kind ? r->kind : "Uncategorized", r->text);
    return buf;
}
