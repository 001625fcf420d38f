#include "app/client_target.hpp"

#include "containing.hpp"
#include "environment.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using test::environment;
using test::PretendOutside;

namespace {

std::string socket_of(const Whereabouts& where, const EnvironmentView& view, const PretendOutside& outside) {
    const auto target = choose_target(where, view, outside);
    return target ? std::get<SocketTarget>(*target).path : target.error().text();
}

}  // namespace

TEST_CASE("the socket is looked for from what was said to what is usual") {
    PretendOutside outside;
    outside.file("/home/anna/pgbosun-data/run/control.sock").file("/run/pgbosun/control.sock");
    outside.file("/pg.yaml", "volume: /data\nrun_dir: /elsewhere\n");
    const auto named = environment({{"PGBOSUN_SOCKET", "/named"}});
    Whereabouts where;
    where.socket = "/given";
    where.config = "/pg.yaml";

    CHECK(socket_of(where, named, outside) == "/given");
    where.socket.reset();
    CHECK(socket_of(where, named, outside) == "/named");
    CHECK(socket_of(where, environment(), outside) == "/elsewhere/control.sock");
    CHECK(socket_of({}, environment({{"PGBOSUN_CONFIG", "/pg.yaml"}}), outside) == "/elsewhere/control.sock");
    CHECK(socket_of({}, environment(), outside) == "/home/anna/pgbosun-data/run/control.sock");
    PretendOutside only_usual;
    only_usual.file("/run/pgbosun/control.sock");
    CHECK(socket_of({}, environment(), only_usual) == "/run/pgbosun/control.sock");
}

TEST_CASE("where no instance runs nobody answers, with a hint") {
    const auto target = choose_target({}, environment(), PretendOutside());

    REQUIRE_FALSE(target);
    CHECK(target.error().kind == FaultKind::not_found);
    CHECK_THAT(target.error().hint, pgbosun::app::test::containing("pgbosun run"));
}

TEST_CASE("a configuration that was named and is not there is a usage error") {
    Whereabouts where;
    where.config = "pg.yaml";

    const auto target = choose_target(where, environment(), PretendOutside());

    REQUIRE_FALSE(target);
    CHECK(target.error().kind == FaultKind::refused);
    CHECK_THAT(target.error().what, pgbosun::app::test::containing("/home/anna/pg.yaml"));
}

TEST_CASE("an address comes with its token, which no description shows") {
    PretendOutside outside;
    outside.file("/token", "s3cr3t\n");
    Whereabouts where;
    where.url = "https://pg-1:8008/";
    where.token_file = "/token";

    const auto target = choose_target(where, environment(), outside);

    REQUIRE(target);
    CHECK(std::get<UrlTarget>(*target) == UrlTarget{"https://pg-1:8008", "s3cr3t", "", "", ""});
    CHECK(describe(*target) == "https://pg-1:8008");
}

TEST_CASE("an address or a token that cannot be used is refused") {
    PretendOutside outside;
    outside.file("/empty", "\n").file("/two", "a\nb\n").file("/unreadable", "x", 0);
    const auto kind_of = [&](const std::string& url, const std::string& token_file) {
        Whereabouts where;
        where.url = url;
        where.token_file = token_file;
        const auto target = choose_target(where, environment(), outside);
        REQUIRE_FALSE(target);
        return target.error().kind;
    };

    CHECK(kind_of("pg-1:8008", "/empty") == FaultKind::refused);
    CHECK(kind_of("http://pg-1", "/empty") == FaultKind::refused);
    CHECK(kind_of("http://pg-1", "/two") == FaultKind::refused);
    CHECK(kind_of("http://pg-1", "/unreadable") == FaultKind::refused);
}
