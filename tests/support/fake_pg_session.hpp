#pragma once
// A server in memory behind PgSession: it answers by a function, can be down, and can hang until a query gives up.

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pgbosun/pg_session.hpp"

namespace pgbosun::test {

enum class FakeServerState { up, down, hanging };

// Shared by the test and every session that it hands out.
struct FakeServer {
    std::function<Result<Rows>(const std::string& sql, const std::vector<Field>& parameters)> answer;
    FakeServerState state = FakeServerState::up;
    std::vector<std::string> statements;  // those that reached it
    int unanswered = 0;                   // of them, while it hangs
    std::size_t connections = 0;          // opened so far
};

class FakePgSession final : public PgSession {
public:
    explicit FakePgSession(std::shared_ptr<FakeServer> server) : server_(std::move(server)) {}

    Task<Result<Rows>> query(std::string sql, std::vector<Field> parameters, Duration timeout) override {
        if (server_->state == FakeServerState::down) {
            connected_ = false;
            co_return fail(FaultKind::unavailable, "connecting to PostgreSQL: nobody listens");
        }
        if (!std::exchange(connected_, true)) ++server_->connections;
        server_->statements.push_back(sql);
        if (server_->state == FakeServerState::hanging) {
            const auto executor = co_await boost::asio::this_coro::executor;
            boost::asio::steady_timer timer(executor);
            timer.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(timeout));
            boost::system::error_code ignored;
            auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
            ++server_->unanswered;
            co_await timer.async_wait(token);
            --server_->unanswered;
            connected_ = false;
            co_return fail(FaultKind::unavailable, "no answer from PostgreSQL in time");
        }
        co_return server_->answer(sql, parameters);
    }

    Task<Result<>> script(std::string sql, Duration timeout) override {
        std::vector<Field> none;
        const auto answer = co_await query(std::move(sql), std::move(none), timeout);
        co_return answer ? Result<>() : std::unexpected(answer.error());
    }

    void close() override { connected_ = false; }

private:
    std::shared_ptr<FakeServer> server_;
    bool connected_ = false;
};

}  // namespace pgbosun::test
