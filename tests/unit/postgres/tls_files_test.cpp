#include "postgres/tls_files.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;

namespace {

Settings with(std::map<std::string, std::string> parameters) {
    Settings settings;
    settings.volume = "/v";
    settings.postgresql.parameters = {parameters.begin(), parameters.end()};
    return settings;
}

using Files = std::vector<std::string>;

}  // namespace

TEST_CASE("the files of TLS are those that PostgreSQL reads") {
    CHECK(tls_files(with({})).empty());
    CHECK(tls_files(with({{"work_mem", "4MB"}, {"ssl_passphrase_command", "/x"}})).empty());
    CHECK(tls_files(with({{"ssl", "on"}})) == Files{"/v/pgdata/server.crt", "/v/pgdata/server.key"});
    CHECK(tls_files(with({{"SSL", "on"}, {"Ssl_Cert_File", "/tls/crt"}, {"ssl_key_file", "tls.key"}})) ==
          Files{"/tls/crt", "/v/pgdata/tls.key"});
    CHECK(tls_files(with({{"ssl_ca_file", "/ca"}, {"ssl_crl_file", ""}, {"ssl_dh_params_file", "/dh"}})) ==
          Files{"/ca", "/dh"});
}

TEST_CASE("TLS is on by what PostgreSQL takes for true") {
    for (const char* yes : {"on", "ON", "true", "t", "yes", "y", "1"}) CHECK(turn_tls_on(with({{"ssl", yes}})));
    for (const char* no : {"off", "false", "o", "0", "no", "", "trues"}) CHECK_FALSE(turn_tls_on(with({{"ssl", no}})));
    CHECK_FALSE(turn_tls_on(with({{"ssl_cert_file", "/tls/crt"}})));
}
