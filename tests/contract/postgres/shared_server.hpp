#pragma once
#include <memory>

#include "postgres/libpq_session.hpp"
#include "support/real_postgres.hpp"

namespace pgbosun::test {

// One server for the test cases that leave it as they found it.
inline RealPostgres& shared_server() {
    static const auto server = std::make_unique<RealPostgres>();
    return *server;
}

inline postgres::SessionTarget target_of(const RealPostgres& server, std::string database = "postgres") {
    return {.host = server.socket_directory(), .port = server.port(), .database = std::move(database)};
}

}  // namespace pgbosun::test
