#pragma once
// Adapter: PgSession over libpq, without blocking. Meant for the server's own Unix socket: libpq resolves host names
// with a blocking call, so a TCP target is given as hostaddr.
//
// Statements go through the extended protocol: a string with two of them is refused by the server, but in a script. A statement that
// times out is not cancelled by a request of its own; its connection is closed, and the server notices within a
// second (client_connection_check_interval) or at statement_timeout.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "pgbosun/pg_session.hpp"
#include "postgres/conninfo.hpp"

namespace pgbosun::postgres {

// A walsender (replication=database) does not count against max_connections: it answers a user with REPLICATION also when
// waiting commits have taken all connections. It speaks the simple protocol only, so that parameters become literals, and
// two statements in one string are not refused.
enum class Route { backend, walsender };

struct SessionTarget {
    std::string host;  // directory of the socket
    int port = 5432;
    std::string user = "postgres";
    std::string database = "postgres";
    std::string application_name = "pgbosun";
    // The server gives up a statement after this, whatever the caller's timeout was.
    Duration statement_timeout = std::chrono::seconds(60);
    Route route = Route::backend;
    Conninfo further;  // hostaddr, passfile, sslmode, ...; overrides the above
    // Where else it may be, each with one host: who takes the connection first has it. In place of `further`; empty: only there.
    std::vector<Conninfo> any_of{};
};

class LibpqSession final : public PgSession {
public:
    // Opens nothing. `io` outlives the session; all calls are made on its one thread.
    LibpqSession(boost::asio::io_context& io, SessionTarget target);
    // A query under way ends with `unavailable`.
    ~LibpqSession() override;
    LibpqSession(const LibpqSession&) = delete;
    LibpqSession& operator=(const LibpqSession&) = delete;

    // Also unavailable when more than 16 queries wait already. refused: more than 16 MiB or 100,000 rows. The timeout
    // counts from the call, waiting and connecting included. A cancelled caller closes the connection.
    Task<Result<Rows>> query(std::string sql, std::vector<Field> parameters, Duration timeout) override;
    Task<Result<>> script(std::string sql, Duration timeout) override;
    void close() override;

private:
    struct State;
    std::shared_ptr<State> state_;  // owners: the session and the query under way
};

}  // namespace pgbosun::postgres
