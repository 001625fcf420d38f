#include "archive/connection.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>

#include "pgbosun/hook_protocol.hpp"

namespace pgbosun::archive {
namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;
using boost::system::error_code;

constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

// Shared by the coroutine and by the answer that is on its way to it.
struct Pending {
    explicit Pending(const asio::any_io_executor& executor) : event(executor) {}
    asio::steady_timer event;  // cancelled when one of the others changes
    std::optional<HookAnswer> answer;
    bool gone = false;
};
using Shared = std::shared_ptr<Pending>;

// Ends what `socket` does when it takes too long. The timer may have fired already when this object ends, with its
// handler still on the way: that one must no longer touch the socket.
class Deadline {
public:
    Deadline(Socket& socket, std::chrono::seconds after)
        : timer_(socket.get_executor(), after), over_(std::make_shared<bool>(false)) {
        timer_.async_wait([&socket, over = over_](error_code cancelled) {
            if (!cancelled && !*over) socket.cancel();
        });
    }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    ~Deadline() { *over_ = true; }

private:
    asio::steady_timer timer_;
    std::shared_ptr<bool> over_;  // owners: this object and the handler
};

// None: it took too long, is too long, or the connection broke.
asio::awaitable<std::optional<std::string>> read_request(Socket& socket) {
    const Deadline deadline(socket, request_deadline);
    std::string request;
    std::array<char, hook::longest_request> part{};
    while (request.size() <= hook::longest_request) {
        const auto buffer = asio::buffer(part);
        const auto [error, count] = co_await socket.async_read_some(buffer, tuple);
        request.append(part.data(), count);
        if (error == asio::error::eof) co_return request;
        if (error) co_return std::nullopt;
    }
    co_return std::nullopt;
}

asio::awaitable<void> send(Socket& socket, HookAnswer answer) {
    const Deadline deadline(socket, answer_deadline);
    const std::string text = render(answer);
    const auto buffer = asio::buffer(text);
    co_await asio::async_write(socket, buffer, tuple);
}

Archiver::Later deliver_to(const Shared& pending) {
    return [pending](HookAnswer answer) {
        asio::post(pending->event.get_executor(), [pending, answer = std::move(answer)] {
            pending->answer = answer;
            pending->event.cancel();
        });
    };
}

// Until the answer is there, the hook has gone, or `patience` is over.
asio::awaitable<void> wait(Socket& socket, Shared pending, std::optional<std::chrono::milliseconds> patience) {
    if (patience) {
        pending->event.expires_after(*patience);
    } else {
        pending->event.expires_at(asio::steady_timer::time_point::max());
    }
    // The hook has closed its writing side: what comes now is its end, as a hangup.
    socket.async_wait(Socket::wait_error, [pending](error_code error) {
        if (error) return;
        pending->gone = true;
        pending->event.cancel();
    });
    if (!pending->answer) co_await pending->event.async_wait(tuple);
    error_code ignored;
    socket.cancel(ignored);
}

asio::awaitable<std::optional<HookAnswer>> answer_to(ArchiveRequest request, Socket& socket, Archiver& archiver) {
    const auto pending = std::make_shared<Pending>(socket.get_executor());
    auto asked = archiver.ask(request, deliver_to(pending));
    if (auto* at_once = std::get_if<HookAnswer>(&asked)) co_return std::move(*at_once);
    const auto began = std::chrono::steady_clock::now();
    while (!pending->answer && !pending->gone) {
        const auto waited = std::chrono::steady_clock::now() - began;
        if (waited >= archiver.patience()) break;
        co_await wait(socket, pending, patience_look);
    }
    if (pending->answer) co_return pending->answer;
    co_return HookAnswer{hook::failed, archiver.withdraw(std::get<Ticket>(asked))};
}

asio::awaitable<std::optional<HookAnswer>> answer_to(RestoreRequest request, Socket& socket, Restorer& restorer) {
    const auto pending = std::make_shared<Pending>(socket.get_executor());
    const auto asked = restorer.ask(request, deliver_to(pending));
    co_await wait(socket, pending, asked.patience);
    if (pending->answer) co_return pending->answer;
    co_return restorer.give_up(asked.ticket);
}

}  // namespace

asio::awaitable<void> serve(Socket socket, Archiver& archiver, Restorer& restorer) {
    const auto bytes = co_await read_request(socket);
    if (!bytes) co_return;
    auto request = parse_hook_request(*bytes);
    std::optional<HookAnswer> answer;
    if (!request) {
        answer = HookAnswer{hook::failed, request.error().text()};
        // For restore_command '1' would mean that there is no such file.
        if (bytes->starts_with(std::string(hook::magic) + "restore")) answer->status = hook::stop_recovery;
    } else if (auto* archive = std::get_if<ArchiveRequest>(&*request)) {
        ArchiveRequest asked = std::move(*archive);
        answer = co_await answer_to(std::move(asked), socket, archiver);
    } else {
        RestoreRequest asked = std::move(std::get<RestoreRequest>(*request));
        answer = co_await answer_to(std::move(asked), socket, restorer);
    }
    if (!answer) co_return;
    HookAnswer last = std::move(*answer);
    co_await send(socket, std::move(last));
}

}  // namespace pgbosun::archive
