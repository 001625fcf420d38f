#include <nlohmann/json.hpp>

#include "http/assignment_wire.hpp"
#include "support/catch.hpp"
#include "unit/http/running_server.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using Json = nlohmann::json;

namespace {

std::string post(std::string_view target, std::string_view body = {}, std::string_view fields = {}) {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string get(std::string_view target) { return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"; }

Json body_of(const std::string& answer) { return Json::parse(answer.substr(answer.find("\r\n\r\n"))); }
bool has_status(const std::string& answer, std::string_view status) {
    return answer.starts_with("HTTP/1.1 " + std::string(status) + " ");
}

}  // namespace

TEST_CASE("a fence through the socket is carried out, journalled and shown") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);

    const std::string answer = peer.send(post("/v1/fence?wait=5s", R"({"reason": "disk swap"})")).read_answer();

    CHECK(has_status(answer, "200"));
    CHECK(body_of(answer)["fenced"]["reason"] == "disk swap");
    const auto commands = running.on_loop([&] { return running.control.commands(); });
    REQUIRE(commands.size() == 1);
    CHECK(commands[0].wait == std::chrono::seconds(5));
    CHECK(commands[0].asked_by == "uid " + std::to_string(::geteuid()) + " through the socket");
    const Json journal = body_of(peer.send(get("/v1/journal")).read_answer());
    CHECK(journal["entries"][0]["facts"]["reason"] == "disk swap");
    CHECK(has_status(peer.send(get("/readyz")).read_answer(), "503"));
    CHECK(has_status(peer.send(get("/livez")).read_answer(), "200"));
}

TEST_CASE("each outcome of a command has its status") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);

    CHECK(has_status(peer.send(post("/v1/unfence")).read_answer(), "202"));
    CHECK(has_status(peer.send(post("/v1/checkpoint")).read_answer(), "500"));
    peer.send(post("/v1/fence")).read_answer();
    const std::string refused = peer.send(post("/v1/promote")).read_answer();
    CHECK(has_status(refused, "409"));
    CHECK(refused.find("Content-Type: application/problem+json\r\n") != std::string::npos);
    CHECK(body_of(refused)["detail"] == "the instance is fenced");
    CHECK(body_of(refused)["hint"] == "unfence it first");
}

TEST_CASE("what only the instance can see to be wrong in a field is a wrong request too") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);

    const auto answer = peer.send(post("/v1/demote", R"({"upstream": "hots=pg-2"})")).read_answer();

    CHECK(has_status(answer, "400"));
    CHECK(body_of(answer)["detail"] == "field \"upstream\": libpq does not understand the connection string");
    CHECK(body_of(answer)["hint"] == "write it as \"host=pg-1\"");
}

TEST_CASE("a wrong request is refused and never reaches the instance") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);

    struct Row {
        std::string request;
        const char* status;
        const char* detail;
    };
    for (const Row& row :
         {Row{post("/v1/fence", "{"), "400", "not JSON"},
          Row{post("/v1/fence", R"({"forse": 1})"), "400", "\"forse\""},
          Row{post("/v1/fence?wait=30"), "400", "\"wait\""},
          Row{post("/v1/fence?wait=301s"), "400", "300s"},
          Row{post("/v1/demote", R"({"upstream": ""})"), "400", "\"upstream\": is empty"},
          Row{get("/v1/status?x=1"), "400", "\"x\""},
          Row{get("/v1/events?since=x"), "400", "\"since\""},
          Row{"GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: x\r\n\r\n", "400", "Last-Event-ID"},
          Row{post("/v1/promise", R"({"term": 1, "term": 1})"), "400", "given twice"},
          Row{post("/v1/promise", "{"), "400", "not JSON"},
          Row{post("/v1/fence?wiat=3s"), "400", "\"wiat\""},
          Row{post("/v1/fence?wait=%"), "400", "percent"},
          Row{get("/v1/fence"), "405", "POST"},
          Row{post("/v1/assignment"), "405", "PUT"},
          Row{post("/v1/promise", R"({"term": 1})"), "400", "is missing"},
          Row{post("/v1/promise?wait=1s", "{}"), "400", "\"wait\""},
          Row{post("/v1/nothing"), "404", "nothing at this path"},
          Row{get("/v1/journal?limit=0"), "400", "\"limit\""},
          Row{get("/v1/journal?since=-1"), "400", "\"since\""},
          Row{get("/replica?lag=lots"), "400", "\"lag\""}}) {
        CAPTURE(row.request);
        const std::string answer = peer.send(row.request).read_answer();
        CHECK(has_status(answer, row.status));
        CHECK(body_of(answer)["detail"].get<std::string>().find(row.detail) != std::string::npos);
        CHECK_FALSE(body_of(answer).value("hint", "").empty());
    }
    CHECK(body_of(peer.send(get("/v1/fence")).read_answer())["hint"] == "ask with POST");
    CHECK(body_of(peer.send(post("/v1/status")).read_answer())["hint"] == "ask with GET, HEAD");
    CHECK(body_of(peer.send(post("/v1/fence?wiat=3s")).read_answer())["hint"] == "leave it out; this path takes wait");
    CHECK(body_of(peer.send(post("/v1/promote", R"({"forse": true})")).read_answer())["hint"] ==
          "leave it out; it takes reason, force");
    CHECK(peer.send(get("/v1/fence")).read_answer().find("Allow: POST\r\n") != std::string::npos);
    CHECK(running.on_loop([&] { return running.control.commands().size(); }) == 0);
}

TEST_CASE("an assignment is taken, a promise is given, and a refusal says when to ask again") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);
    Assignment assignment;
    assignment.cluster = "orders";
    assignment.instance = "pg-1";
    assignment.term = 7;
    assignment.primary = "pg-2";
    std::string request = post("/v1/assignment", pgbosun::http::render_assignment(assignment));
    const std::string taken = peer.send(request.replace(0, 4, "PUT")).read_answer();
    CHECK(has_status(taken, "200"));
    CHECK(body_of(taken)["term"] == 7);

    PromiseRequest asked{"orders", "pg-2", 7,
                         Lease{Echo{"b00t", Instant(std::chrono::seconds(5))}, std::chrono::seconds(3)}};
    const std::string given =
        peer.send(post("/v1/promise", pgbosun::http::render_promise_request(asked))).read_answer();
    CHECK(has_status(given, "200"));
    CHECK(body_of(given)["promised"] == true);
    CHECK(body_of(given)["lease"]["monotonic_ms"] == 5000);

    asked.term = 6;
    const std::string refused =
        peer.send(post("/v1/promise", pgbosun::http::render_promise_request(asked))).read_answer();
    CHECK(has_status(refused, "409"));
    CHECK(refused.find("Retry-After: 2\r\n") != std::string::npos);
}

TEST_CASE("control over TCP needs the token, and a changed token counts after a reload") {
    SECTION("none configured") {
        RunningServer running;
        RawPeer peer = RawPeer::tcp(running.server.port());
        CHECK(has_status(peer.send(post("/v1/fence", "", "Authorization: Bearer x\r\n")).read_answer(), "403"));
        CHECK(has_status(peer.send(get("/v1/status")).read_answer(), "200"));
    }
    SECTION("configured") {
        const TemporaryDirectory files;
        HttpSettings http;
        http.token_file = files.write("token", "first\n");
        RunningServer running(http);
        RawPeer peer = RawPeer::tcp(running.server.port());

        CHECK(has_status(peer.send(post("/v1/reload", "", "Authorization: Bearer first\r\n")).read_answer(), "200"));
        const std::string none = peer.send(post("/v1/reload")).read_answer();
        CHECK(has_status(none, "401"));
        CHECK(none.find("WWW-Authenticate: Bearer") != std::string::npos);

        files.write("token", "second");
        http.listen = "127.0.0.1:0";
        CHECK(running.on_loop([&] { return test::reload(running.server, http).has_value(); }));
        CHECK(has_status(peer.send(post("/v1/reload", "", "Authorization: Bearer first\r\n")).read_answer(), "401"));
        CHECK(has_status(peer.send(post("/v1/reload", "", "Authorization: Bearer second\r\n")).read_answer(), "200"));

        files.write("token", "\n");
        CHECK_FALSE(running.on_loop([&] { return test::reload(running.server, http).has_value(); }));
        CHECK(has_status(peer.send(post("/v1/reload", "", "Authorization: Bearer second\r\n")).read_answer(), "200"));
    }
}

TEST_CASE("the status text follows the state at once, and the clock always") {
    RunningServer running;
    RawPeer peer = RawPeer::tcp(running.server.port());
    const Json first = body_of(peer.send(get("/v1/status")).read_answer());
    CHECK(first["role"] == "primary");

    running.on_loop([&] {
        running.control.pass(std::chrono::milliseconds(7));
        running.control.change([](InstanceStatus& status) { status.role = Role::standby; });
    });
    const Json second = body_of(peer.send(get("/v1/status")).read_answer());
    CHECK(second["role"] == "standby");
    CHECK(second["monotonic_ms"] == first["monotonic_ms"].get<int>() + 7);
}

TEST_CASE("load balancers are answered as Patroni answers them") {
    RunningServer running;
    const auto ask = [&](const std::string& request) {
        return RawPeer::tcp(running.server.port()).send(request).read_to_end();
    };

    const std::string head = ask("HEAD /primary HTTP/1.0\r\n\r\n");
    CHECK(has_status(head, "200"));
    CHECK(head.ends_with("\r\n\r\n"));
    CHECK(has_status(ask("OPTIONS / HTTP/1.0\r\n\r\n"), "200"));
    CHECK(has_status(ask("OPTIONS /master HTTP/1.0\r\n\r\n"), "200"));
    CHECK(has_status(ask("GET /replica?lag=10MB&x=y HTTP/1.0\r\n\r\n"), "503"));
    CHECK(has_status(ask("HEAD /no-such-check HTTP/1.0\r\n\r\n"), "404"));
    const Json document = body_of(ask("GET /replica HTTP/1.0\r\n\r\n"));
    CHECK(document["role"] == "primary");
    CHECK(document["reason"] == "role primary");
}

TEST_CASE("metrics are served on both ports, and nothing else on the second") {
    RunningServer running;
    RawPeer peer = RawPeer::tcp(running.server.metrics_port());

    const std::string scrape = peer.send(get("/metrics")).read_answer();
    CHECK(scrape.find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
    CHECK(scrape.find("\ncnpg_collector_up 1\n") != std::string::npos);
    CHECK(scrape.find("pgbosun_http_connections{transport=\"tcp\"} 1\n") != std::string::npos);
    CHECK(has_status(peer.send(get("/v1/status")).read_answer(), "404"));
    CHECK(has_status(RawPeer::tcp(running.server.port()).send(get("/metrics")).read_answer(), "200"));
}
