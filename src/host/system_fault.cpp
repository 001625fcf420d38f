#include "host/system_fault.hpp"

#include <cerrno>
#include <system_error>

namespace pgbosun::host {
namespace {

FaultKind kind_of(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ESRCH: return FaultKind::not_found;
        case EEXIST:
        case ENOTEMPTY: return FaultKind::conflict;
        case EACCES:
        case EPERM:
        case EROFS:
        case EISDIR:
        case ELOOP:
        case ENAMETOOLONG:
        case ENOEXEC:
        case E2BIG:
        case EFBIG:
        case EXDEV:
        case EINVAL: return FaultKind::refused;
        default: return FaultKind::unavailable;
    }
}

const char* hint_for(int error) {
    switch (error) {
        case EACCES:
        case EPERM: return "check the owner and the mode of the path and of the directories above it";
        case EROFS: return "mount the volume writable";
        case ENOSPC: return "make room on the volume or enlarge it";
        case EDQUOT: return "raise the quota of the user that pgbosun runs as";
        case EMFILE:
        case ENFILE: return "raise the limit of open files (ulimit -n)";
        case EAGAIN: return "raise the limit of processes (pids.max of the container, ulimit -u)";
        case ENOMEM: return "raise the memory limit of the container";
        case EIO: return "look at the kernel's log: the volume reports errors";
        case ENOEXEC: return "the program is not built for this machine";
        default: return "";
    }
}

}  // namespace

Fault system_fault(int error, std::string what) {
    return Fault{kind_of(error), std::move(what) + ": " + std::generic_category().message(error), hint_for(error)};
}

std::unexpected<Fault> system_failure(int error, std::string what) {
    return std::unexpected(system_fault(error, std::move(what)));
}

}  // namespace pgbosun::host
