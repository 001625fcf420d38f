#include "host/guard_process.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "host/boot_clock.hpp"
#include "host/stray_processes.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::host {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr int between_rounds_ms = 20;  // of killing what does not die at once (it is in the kernel)

std::int64_t now() { return boot_now().time_since_epoch().count(); }

class GuardProcess {
public:
    GuardProcess(GuardPage& page, int channel)
        : page_(page), channel_(channel), timer_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {}

    int run();

private:
    void take_orders();
    void take(const GuardOrder& order, int descriptor);
    void look_at_time();
    void wait();
    void arm_timer(std::int64_t moment) const;
    int end_with_postgres();

    void send(int signal) const { ::syscall(SYS_pidfd_send_signal, postmaster_.get(), signal, nullptr, 0); }
    bool postmaster_lives() const;
    std::size_t kill_round();
    static void kill_if_child(pid_t process, void* self);

    GuardPage& page_;
    int channel_;
    Descriptor timer_;
    Descriptor postmaster_;  // pidfd; none: nothing is watched
    pid_t postmaster_number_ = 0;
    std::int64_t grace_until_ = never;
    std::size_t found_ = 0;
    bool condemned_ = false;  // killing has begun
    bool orphaned_ = false;
};

int GuardProcess::run() {
    while (true) {
        wait();
        take_orders();
        if (orphaned_) return end_with_postgres();
        look_at_time();
        if (condemned_ && kill_round() == 0) {
            condemned_ = false;
            postmaster_.reset();
        }
    }
}

void GuardProcess::wait() {
    std::uint64_t times = 0;
    std::array<pollfd, 2> sources{pollfd{channel_, POLLIN, 0}, pollfd{timer_.get(), POLLIN, 0}};
    ::poll(sources.data(), sources.size(), condemned_ ? between_rounds_ms : -1);
    [[maybe_unused]] const auto expired = ::read(timer_.get(), &times, sizeof times);
}

void GuardProcess::take_orders() {
    while (true) {
        GuardOrder order{};
        iovec body{&order, sizeof order};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &body;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t length = ::recvmsg(channel_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && errno == EAGAIN) return;
        if (length <= 0) {
            orphaned_ = true;
            return;
        }
        int descriptor = -1;
        if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header && header->cmsg_type == SCM_RIGHTS) {
            std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
        }
        take(order, descriptor);
    }
}

void GuardProcess::take(const GuardOrder& order, int descriptor) {
    switch (order.what) {
        case GuardOrder::What::watch:
            postmaster_ = Descriptor(descriptor);
            postmaster_number_ = order.postmaster;
            condemned_ = false;
            break;
        case GuardOrder::What::unwatch:
            postmaster_.reset();
            condemned_ = false;
            break;
        case GuardOrder::What::look: break;
    }
}

void GuardProcess::look_at_time() {
    const std::int64_t valid_until = page_.valid_until.load();
    const std::int64_t grace = page_.grace.load();
    if (now() < valid_until) {
        grace_until_ = never;
        return arm_timer(valid_until);
    }
    // Without postgres nothing can write; an order to watch wakes us.
    if (!postmaster_) return;
    if (grace > 0 && grace_until_ == never) grace_until_ = now() + grace;
    if (grace > 0 && now() < grace_until_) return arm_timer(grace_until_);
    condemned_ = true;
}

void GuardProcess::arm_timer(std::int64_t moment) const {
    itimerspec setting{};
    if (moment != never) {
        setting.it_value.tv_sec = moment / 1'000'000'000;
        setting.it_value.tv_nsec = moment % 1'000'000'000;
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
}

// PID 1 is gone, perhaps between launching a postmaster and giving it to us: then the kernel has killed that
// (Command::death_signal), and its processes are known by the directory that they work in.
int GuardProcess::end_with_postgres() {
    // Another server may work there: it is not ours to kill.
    if (!postmaster_ && !page_.expected) return 0;
    while (kill_round() != 0) ::poll(nullptr, 0, between_rounds_ms);
    return 0;
}

bool GuardProcess::postmaster_lives() const {
    pollfd ended{postmaster_.get(), POLLIN, 0};
    return postmaster_ && ::poll(&ended, 1, 0) == 0;
}

// Stopped first, the postmaster cannot fork while its children are killed. Answers how many were alive.
std::size_t GuardProcess::kill_round() {
    found_ = 0;
    if (postmaster_lives()) {
        ++found_;
        send(SIGSTOP);
        for_each_process(kill_if_child, this);
        send(SIGKILL);
    }
    return found_ + kill_server_processes(page_.data_directory.data());
}

void GuardProcess::kill_if_child(pid_t process, void* self) {
    auto& guard = *static_cast<GuardProcess*>(self);
    const auto is_child = [&] {
        const auto facts = process_facts(process);
        return !facts.dead && facts.parent == guard.postmaster_number_;
    };
    if (!is_child()) return;
    const Descriptor held(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    // Still so while both are held: neither number has been given to another process meanwhile.
    if (!held || !is_child() || !guard.postmaster_lives()) return;
    ::syscall(SYS_pidfd_send_signal, held.get(), SIGKILL, nullptr, 0);
    ++guard.found_;
}

}  // namespace

int run_guard(GuardPage& page, int channel) {
    GuardProcess guard(page, channel);
    return guard.run();
}

}  // namespace pgbosun::host
