#include <cstring>

#include "pgbosun/process_host.hpp"

namespace pgbosun {

std::string to_string(ExitStatus status) {
    if (status.how == ExitStatus::How::exited) return "exit status " + std::to_string(status.code);
    const char* name = ::sigabbrev_np(status.code);
    return "signal " + std::to_string(status.code) + (name ? " (" + std::string(name) + ")" : "");
}

}  // namespace pgbosun
