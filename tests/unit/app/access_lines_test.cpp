#include "app/access_lines.hpp"

#include "support/catch.hpp"

using namespace pgbosun::app;

TEST_CASE("what PostgreSQL reads may stand in pg_hba.conf") {
    for (const char* line : {
             "host all all samenet scram-sha-256",
             "local all postgres peer map=staff",
             "hostssl \"my db\",orders, billing +writers 10.0.0.0/8 cert clientcert=verify-full",
             "host all all 10.0.0.0 255.0.0.0 md5",
             "host all all 10.0.0.0 255.0.0.0 md5 # and why",
             "hostnossl all all fe80::1/64 reject",
             "host all all ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff trust",
             "host replication all .example.com ldap ldapserver=\"a b\"",
             "host all /^app all oauth issuer=x scope=y",
             "# included in nothing",
             "",
         }) {
        CAPTURE(line);
        CHECK(problem_of_hba_line(line) == std::nullopt);
    }
}

TEST_CASE("a wrong line of pg_hba.conf is told from what it lacks") {
    const std::pair<const char*, const char*> table[] = {
        {"hst all all samenet scram-sha-256", "\"hst\" is no connection type"},
        {"host", "the line ends before a database"},
        {"local all", "the line ends before a role"},
        {"local all all", "the line ends before a method"},
        {"host all all", "the line ends before an address"},
        {"host all all samenet", "the line ends before a method"},
        {"host all all 10.0.0.1", "the line ends before its mask"},
        {"host all all 10.0.0.1 255.255.255.255", "the line ends before a method"},
        {"host all all 10.0.0.1/32 scram", "\"scram\" is no authentication method"},
        {"host all all all peer", "peer is for local connections only"},
        {"local all all gss", "gss is not for local connections"},
        {"host all all all cert", "cert is for hostssl connections only"},
        {"local all all peer staff", "\"staff\" is no option: name=value"},
        {"local \"all all peer", "a quote is not closed"},
    };
    for (const auto& [line, problem] : table) {
        CAPTURE(line);
        CHECK(problem_of_hba_line(line) == problem);
    }
}

TEST_CASE("a line of pg_ident.conf has three fields") {
    CHECK(problem_of_ident_line("staff alice app") == std::nullopt);
    CHECK(problem_of_ident_line("staff /^(.*)@example\\.com$ \\1") == std::nullopt);
    CHECK(problem_of_ident_line("  # nobody") == std::nullopt);
    CHECK(problem_of_ident_line("foo") == "the line ends before the system's user");
    CHECK(problem_of_ident_line("foo bar") == "the line ends before the role");
}

TEST_CASE("an access line stays one line, and is all that is read") {
    for (const char* line : {"host all\nlocal all all trust", "local all all trust \\", "include x", "include_dir x"}) {
        CAPTURE(line);
        CHECK(problem_of_hba_line(line));
        CHECK(problem_of_ident_line(line));
    }
    CHECK(problem_of_hba_line(std::string(4097, 'x')));
}
