#include "http/routes.hpp"

#include <set>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::http;

TEST_CASE("no path is in the table twice with the same method") {
    std::set<std::pair<std::string_view, Method>> known;
    for (const Route& route : routes()) {
        for (const Method method : {Method::get, Method::head, Method::options, Method::post, Method::delete_}) {
            if (route.methods.has(method)) CHECK(known.emplace(route.path, method).second);
        }
    }
}

TEST_CASE("a path with a parameter takes one part of any kind") {
    const auto found = find_route(Method::get, "/v1/backups/20261121T010000");
    REQUIRE(std::holds_alternative<const Route*>(found));
    const Route& route = *std::get<const Route*>(found);
    CHECK(route.path == "/v1/backups/{id}");
    CHECK(parameter_of(route, "/v1/backups/20261121T010000") == "20261121T010000");
    CHECK(std::holds_alternative<const Route*>(find_route(Method::delete_, "/v1/backups/a")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/v1/backups/a/b")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/v1/backups/")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/v1/backups/" + std::string(201, 'a'))));
    CHECK(to_string(std::get<WrongMethod>(find_route(Method::put, "/v1/backups/a")).allowed) == "GET, HEAD, DELETE");
    CHECK(to_string(std::get<WrongMethod>(find_route(Method::delete_, "/v1/backups")).allowed) == "GET, HEAD, POST");
}

TEST_CASE("everything that changes something needs access, and nothing else does") {
    for (const Route& route : routes()) {
        CAPTURE(route.path);
        const bool changes =
            route.methods.has(Method::post) || route.methods.has(Method::put) || route.methods.has(Method::delete_);
        const bool acts = std::holds_alternative<Verb>(route.endpoint) ||
                          std::holds_alternative<JobVerb>(route.endpoint) ||
                          std::holds_alternative<RightVerb>(route.endpoint);
        CHECK((route.access == Access::control) == changes);
        CHECK(changes == acts);
    }
}

TEST_CASE("a route is found by its exact path and method") {
    CHECK(std::holds_alternative<const Route*>(find_route(Method::get, "/livez")));
    CHECK(std::holds_alternative<const Route*>(find_route(Method::options, "/master")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/livezz")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/v1")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "")));
    CHECK(std::holds_alternative<UnknownPath>(find_route(Method::get, "/v1/backupsx")));
    const auto wrong = std::get<WrongMethod>(find_route(Method::get, "/v1/fence"));
    CHECK(to_string(wrong.allowed) == "POST");
    CHECK(to_string(std::get<WrongMethod>(find_route(Method::post, "/primary")).allowed) == "GET, HEAD, OPTIONS");
}
