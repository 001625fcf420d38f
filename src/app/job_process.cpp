#include "app/job_process.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <tuple>

namespace pgbosun::app {
namespace {

constexpr int niceness = 10;
// linux/ioprio.h, which Debian 12 does not install: class "best effort" at its lowest level, of this process.
constexpr int io_priority = (2 << 13) | 7;
constexpr int io_priority_of_process = 1;

}  // namespace

StopOnSignal::StopOnSignal() : signals_(io_, SIGTERM, SIGINT) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    signals_.async_wait([this](const boost::system::error_code& error, int) {
        if (!error) stop_.request_stop();
    });
    thread_ = std::jthread([this] { io_.run(); });
}

StopOnSignal::~StopOnSignal() { io_.stop(); }

void lower_priority() {
    std::ignore = ::setpriority(PRIO_PROCESS, 0, niceness);
    std::ignore = ::syscall(SYS_ioprio_set, io_priority_of_process, 0, io_priority);
}

}  // namespace pgbosun::app
