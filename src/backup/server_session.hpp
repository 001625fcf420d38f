#pragma once
// The session that a backup lives in: PgSession for a thread that waits for each answer. The server leaves
// backup mode when it ends.

#include <boost/asio/io_context.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/pg_session.hpp"

namespace pgbosun::backup {

// For one thread. `io` is the session's, and nobody else runs it.
class ServerSession {
public:
    ServerSession(boost::asio::io_context& io, PgSession& session, std::stop_token stop);

    // As PgSession::query. cancelled: it was told to stop, before or while it waited.
    Result<Rows> query(std::string_view sql, std::vector<Field> parameters, Duration timeout);
    void close() { session_.close(); }

private:
    boost::asio::io_context& io_;
    PgSession& session_;
    const std::stop_token stop_;
};

}  // namespace pgbosun::backup
