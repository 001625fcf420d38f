#include "supervision/exit_reason.hpp"

#include "support/catch.hpp"

using namespace pgbosun::supervision;

TEST_CASE("the hint of a server that ended names what a person can correct") {
    const auto [message, hint] = GENERATE(table<std::string, std::string>({
        {"configuration file \"/d/pgdata/pgbosun.conf\" contains errors", "postgresql.parameters"},
        {"configuration file \"/d/pgdata/postgresql.conf\" contains errors; unaffected changes were applied",
         "pgbosun config check"},
        {"could not load /d/pgdata/pg_hba.conf", "postgresql.pg_hba"},
        {"requested timeline 2 is not a child of this server's history", "pgbosun promote"},
        {"requested timeline 2 does not contain minimum recovery point 0/5000060 on timeline 1", "join anew"},
        {"could not create any TCP/IP sockets", "postgresql.port"},
        {"could not load library \"/x.so\"", "PostgreSQL's log has the details"},
        {"", "PostgreSQL's log has the details"},
    }));
    CAPTURE(message);
    CHECK(hint_for_exit(message).find(hint) != std::string_view::npos);
}

TEST_CASE("of a parted history tell two messages, and no other") {
    CHECK(tells_of_parted_history("requested timeline 2 is not a child of this server's history"));
    CHECK(tells_of_parted_history("requested timeline 3 does not contain minimum recovery point 0/5 on timeline 2"));
    CHECK_FALSE(tells_of_parted_history("could not load /d/pgdata/pg_hba.conf"));
    CHECK_FALSE(tells_of_parted_history("recovery ended before configured recovery target was reached"));
    CHECK_FALSE(tells_of_parted_history(""));
}
