#include "backup/server_session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace pgbosun::backup {
namespace asio = boost::asio;

ServerSession::ServerSession(asio::io_context& io, PgSession& session, std::stop_token stop)
    : io_(io), session_(session), stop_(std::move(stop)) {}

Result<Rows> ServerSession::query(std::string_view sql, std::vector<Field> parameters, Duration timeout) {
    const auto cancelled = [] { return fail(FaultKind::cancelled, "the backup was cancelled"); };
    if (stop_.stop_requested()) return cancelled();
    std::optional<Result<Rows>> answer;
    const auto took = [&answer](const std::exception_ptr& bug, Result<Rows> rows) {
        if (bug) std::rethrow_exception(bug);
        answer = std::move(rows);
    };
    io_.restart();
    asio::co_spawn(io_, session_.query(std::string(sql), std::move(parameters), timeout), took);
    {
        // From another thread: the session is closed by the one that runs the loop.
        const std::stop_callback closing(stop_, [this] { asio::post(io_, [this] { session_.close(); }); });
        while (!answer) io_.run_one();
    }
    if (stop_.stop_requested()) return cancelled();
    return *std::move(answer);
}

}  // namespace pgbosun::backup
