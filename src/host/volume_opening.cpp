#include "host/volume_opening.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "host/child_processes.hpp"
#include "host/system_fault.hpp"

namespace pgbosun::host {
namespace {

namespace asio = boost::asio;

// One message: the first byte is `opened` or a FaultKind, the rest the data directory or what and hint, with a zero
// between them; the lock's descriptor goes with it.
constexpr char opened_mark = 'o';
constexpr char first_kind = 'A';
constexpr std::size_t longest_answer = 8192;

using Control = std::array<char, CMSG_SPACE(sizeof(int))>;

std::string text_of(const Result<OpenedVolume>& opened) {
    if (opened) return opened_mark + opened->data_directory;
    const auto& fault = opened.error();
    std::string text(1, static_cast<char>(first_kind + static_cast<int>(fault.kind)));
    return (text + fault.what + '\0' + fault.hint).substr(0, longest_answer);
}

void send_answer(int socket, const Result<OpenedVolume>& opened) {
    std::string text = text_of(opened);
    iovec bytes{text.data(), text.size()};
    alignas(cmsghdr) Control control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (opened) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int lock = opened->lock.descriptor();
        std::memcpy(CMSG_DATA(header), &lock, sizeof lock);
    }
    std::ignore = ::sendmsg(socket, &message, MSG_NOSIGNAL);  // nobody there: then nobody waits for it
}

Result<OpenedVolume> receive_answer(int socket) {
    std::array<char, longest_answer> text{};
    iovec bytes{text.data(), text.size()};
    alignas(cmsghdr) Control control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (length <= 0) {
        return fail(FaultKind::unavailable, "the process that opens the volume has died",
                    "look at the kernel's log: out of memory, or a disk that fails");
    }
    const std::string rest(text.data() + 1, static_cast<std::size_t>(length - 1));
    if (text[0] != opened_mark) {
        const auto end = std::min(rest.find('\0'), rest.size());
        return fail(static_cast<FaultKind>(text[0] - first_kind), rest.substr(0, end),
                    rest.substr(std::min(end + 1, rest.size())));
    }
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) {
        return fail(FaultKind::unavailable, "the volume's lock did not arrive", "raise the limit of open files");
    }
    int lock = -1;
    std::memcpy(&lock, CMSG_DATA(header), sizeof lock);
    return OpenedVolume{VolumeLock::adopt(Descriptor(lock)), rest};
}

}  // namespace

struct VolumeOpening::State {
    explicit State(asio::io_context& loop) : answer(loop), ended(loop, asio::steady_timer::time_point::max()) {}
    asio::posix::stream_descriptor answer;
    std::optional<Fault> not_begun;
    asio::steady_timer ended;  // cancelled when the child has ended
    bool over = false;
};

VolumeOpening::VolumeOpening(asio::io_context& loop, ChildProcesses& processes, Work work)
    : state_(std::make_shared<State>(loop)) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        state_->not_begun = system_failure(errno, "opening the volume").error();
        return;
    }
    state_->answer.assign(ends[0]);
    const Descriptor theirs(ends[1]);
    ForkedChild child;
    child.name = "pgbosun-open";
    child.keep = {theirs.get()};
    child.death_signal = SIGKILL;
    child.body = [socket = theirs.get(), work = std::move(work)] {
        const auto opened = work.open();
        send_answer(socket, opened);
        if (opened) work.afterwards();
        return 0;
    };
    child.on_exit = [state = state_](ExitStatus) {
        state->over = true;
        state->ended.cancel();
    };
    if (auto begun = processes.fork_child(std::move(child)); !begun) state_->not_begun = std::move(begun.error());
}

VolumeOpening::~VolumeOpening() = default;

std::optional<Result<OpenedVolume>> VolumeOpening::wait(Duration limit) {
    if (state_->not_begun) return std::unexpected(*state_->not_begun);
    pollfd readable{state_->answer.native_handle(), POLLIN, 0};
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    if (::poll(&readable, 1, static_cast<int>(milliseconds)) <= 0) return std::nullopt;
    return receive_answer(state_->answer.native_handle());
}

Task<Result<OpenedVolume>> VolumeOpening::opened() {
    const auto state = state_;
    if (state->not_begun) co_return std::unexpected(*state->not_begun);
    co_await state->answer.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::use_awaitable));
    co_return receive_answer(state->answer.native_handle());
}

Task<> VolumeOpening::finished(Duration limit) {
    const auto state = state_;
    if (state->over || state->not_begun) co_return;
    state->ended.expires_after(limit);
    co_await state->ended.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace pgbosun::host
