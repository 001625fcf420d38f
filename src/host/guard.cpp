#include "host/guard.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "host/child_processes.hpp"
#include "host/guard_process.hpp"
#include "host/system_fault.hpp"

namespace pgbosun::host {
namespace {

// Never blocks: the guard reads at once, and when it does not something is wrong with it.
bool send_order(int channel, GuardOrder order, int descriptor) {
    iovec body{&order, sizeof order};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &body;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof descriptor);
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    return ::sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof order);
}

}  // namespace

Guard::Guard(SharedPage<GuardPage> page, Descriptor channel)
    : page_(std::move(page)), channel_(std::move(channel)), on_death_(std::make_shared<std::function<void()>>()) {}

Guard::~Guard() { *on_death_ = nullptr; }

Result<std::unique_ptr<Guard>> Guard::start(ChildProcesses& processes, std::string_view data_directory,
                                            std::function<void()> on_death) {
    auto page = SharedPage<GuardPage>::make();
    if (!page) return std::unexpected(std::move(page.error()).in("starting the guard"));
    if (data_directory.size() >= (*page)->data_directory.size()) {
        return fail(FaultKind::refused, "the path of the data directory is too long");
    }
    std::ranges::copy(data_directory, (*page)->data_directory.begin());
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return system_failure(errno, "starting the guard");
    }
    std::unique_ptr<Guard> guard(new Guard(std::move(*page), Descriptor(ends[0])));
    const Descriptor theirs(ends[1]);
    *guard->on_death_ = std::move(on_death);
    GuardPage& shared = *guard->page_;
    ForkedChild child{.name = "pgbosun-guard"};
    child.body = [&shared, channel = ends[1]] { return run_guard(shared, channel); };
    child.ignored_signals = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
    child.keep = {ends[1]};
    child.on_exit = [told = guard->on_death_](ExitStatus) {
        if (const auto callback = std::exchange(*told, nullptr)) callback();
    };
    auto process = processes.fork_child(std::move(child));
    if (!process) return std::unexpected(process.error());
    guard->process_ = *process;
    return guard;
}

void Guard::renew(Instant valid_until) {
    const std::int64_t moment = valid_until.time_since_epoch().count();
    const std::int64_t before = page_->valid_until.exchange(moment);
    // The guard sleeps until the earlier moment that it knew.
    if (moment < before) send_order(channel_.get(), {GuardOrder::What::look, 0}, -1);
}

void Guard::set_grace(Duration grace) { page_->grace.store(grace.count()); }

Result<> Guard::watch(ProcessId postmaster) {
    const auto number = static_cast<pid_t>(postmaster);
    // Our child that has not been reaped: the number cannot be another's.
    const Descriptor held(static_cast<int>(::syscall(SYS_pidfd_open, number, 0)));
    if (!held) return system_failure(errno, "giving the postmaster to the guard");
    if (!send_order(channel_.get(), {GuardOrder::What::watch, number}, held.get())) {
        return fail(FaultKind::unavailable, "the guard does not take the postmaster");
    }
    return {};
}

void Guard::expect() { page_->expected = true; }

void Guard::unwatch() {
    page_->expected = false;
    send_order(channel_.get(), {GuardOrder::What::unwatch, 0}, -1);
}

}  // namespace pgbosun::host
