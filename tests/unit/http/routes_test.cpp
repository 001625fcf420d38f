#include "http/routes.hpp"

#include <set>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::http;

TEST_CASE("no path is in the table twice") {
    std::set<std::string_view> paths;
    for (const Route& route : routes()) CHECK(paths.insert(route.path).second);
}

TEST_CASE("everything that changes something needs access, and nothing else does") {
    for (const Route& route : routes()) {
        CAPTURE(route.path);
        CHECK((route.access == Access::control) == route.methods.has(Method::post));
        CHECK((route.access == Access::control) == std::holds_alternative<Verb>(route.endpoint));
    }
}

TEST_CASE("a route is found by its exact path and method") {
    CHECK(std::holds_alternative<const Route*>(find_route(Method::get, "/livez")));
    CHECK(std::holds_alternative<const Route*>(find_route(Method::options, "/master")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/livezz")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/v1")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "")));
    CHECK(std::holds_alternative<LaterVersion>(find_route(Method::put, "/v1/assignment")));
    CHECK(std::holds_alternative<LaterVersion>(find_route(Method::get, "/v1/backups/20261121T010000")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/v1/backupsx")));
    const auto wrong = std::get<WrongMethod>(find_route(Method::get, "/v1/fence"));
    CHECK(to_string(wrong.allowed) == "POST");
    CHECK(to_string(std::get<WrongMethod>(find_route(Method::post, "/primary")).allowed) == "GET, HEAD, OPTIONS");
}
