#include "app/upstream_addresses.hpp"

#include "http/names.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using http::Looked;

TEST_CASE("a host is tried at each of its addresses, and a name server that is silent keeps none of the others back") {
    boost::asio::io_context loop;
    http::Names::of(loop).use([](std::string host, std::function<void(Looked)> answer) {
        if (host == "two") answer({Looked::Answer::found, {"10.0.0.1", "fd00::1"}, {}});
        if (host == "many") answer({Looked::Answer::found, std::vector<std::string>(10, "10.0.0.2"), {}});
    });
    std::vector<postgres::Conninfo> hosts = {{{"host", "two"}, {"port", "1"}},
                                             {{"host", "silent"}},
                                             {{"host", "many"}},
                                             {{"host", "/run/postgresql"}},
                                             {{"host", "named"}, {"hostaddr", "10.0.0.3"}},
                                             {{"host", "10.0.0.4"}}};

    const auto found = run(loop, app::with_addresses(loop, std::move(hosts)));

    REQUIRE(found);
    REQUIRE(found->size() == 9);
    CHECK((*found)[0] == postgres::Conninfo{{"host", "two"}, {"hostaddr", "10.0.0.1"}, {"port", "1"}});
    CHECK((*found)[1] == postgres::Conninfo{{"host", "two"}, {"hostaddr", "fd00::1"}, {"port", "1"}});
    CHECK((*found)[5].at("hostaddr") == "10.0.0.2");
    CHECK((*found)[6] == postgres::Conninfo{{"host", "/run/postgresql"}});
    CHECK((*found)[7].at("hostaddr") == "10.0.0.3");
    CHECK((*found)[8].at("hostaddr") == "10.0.0.4");
}

TEST_CASE("where nobody has an address the last reason is told") {
    boost::asio::io_context loop;
    http::Names::of(loop).use([](std::string host, std::function<void(Looked)> answer) {
        answer({Looked::Answer::absent, {}, "there is no " + host});
    });

    std::vector<postgres::Conninfo> hosts = {{{"host", "one"}}, {{"host", "other"}}};
    const auto found = run(loop, app::with_addresses(loop, std::move(hosts)));

    REQUIRE_FALSE(found);
    CHECK(found.error().kind == FaultKind::unavailable);
    CHECK(found.error().what == "the name other cannot be resolved: there is no other");
}
