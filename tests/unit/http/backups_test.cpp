#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "unit/http/running_server.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using Json = nlohmann::json;

namespace {

std::string request(std::string_view method, std::string_view target, std::string_view body = {}) {
    return std::string(method) + " " + std::string(target) +
           " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

Json body_of(const std::string& answer) { return Json::parse(answer.substr(answer.find("\r\n\r\n"))); }
bool has_status(const std::string& answer, std::string_view status) {
    return answer.starts_with("HTTP/1.1 " + std::string(status) + " ");
}

CatalogSummary catalog() {
    CatalogSummary summary;
    CatalogEntry entry;
    entry.id = "20261114T010000";
    entry.name = "weekly";
    entry.status = "done";
    entry.end_at = std::chrono::sys_days(std::chrono::year(2026) / 11 / 14);
    summary.backups = {entry};
    summary.count = 1;
    return summary;
}

}  // namespace

TEST_CASE("a backup is begun, shown, refused beside another one, and cancelled") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);

    const auto begun =
        peer.send(request("POST", "/v1/backups?wait=0s", R"({"name": "x", "incremental": true})")).read_answer();

    CHECK(has_status(begun, "202"));
    CHECK(body_of(begun)["id"] == "20261121T010000");
    CHECK(body_of(begun)["state"] == "running");
    const auto jobs = running.on_loop([&] { return running.control.jobs(); });
    REQUIRE(jobs.size() == 1);
    CHECK(jobs[0].name == "x");
    CHECK(jobs[0].incremental == true);
    CHECK(jobs[0].asked_by == "uid " + std::to_string(::geteuid()) + " through the socket");

    const auto shown = body_of(peer.send(request("GET", "/v1/backups/20261121T010000")).read_answer());
    CHECK(shown["state"] == "running");
    CHECK(shown["step"] == "copying");
    CHECK(has_status(peer.send(request("POST", "/v1/backups")).read_answer(), "409"));
    CHECK(has_status(peer.send(request("DELETE", "/v1/backups/20261121T010000")).read_answer(), "200"));
    CHECK(has_status(peer.send(request("DELETE", "/v1/backups/20261121T010000")).read_answer(), "404"));
}

TEST_CASE("backups are listed from the last look at the catalog, by identifier and by name") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);

    CHECK(body_of(peer.send(request("GET", "/v1/backups")).read_answer())["count"].is_null());
    CHECK(has_status(peer.send(request("GET", "/v1/backups/weekly")).read_answer(), "503"));
    running.on_loop([&] { running.control.set_catalog(catalog()); });

    const auto listed = body_of(peer.send(request("GET", "/v1/backups")).read_answer());
    CHECK(listed["count"] == 1);
    CHECK(listed["backups"][0]["end_at"] == "2026-11-14T00:00:00.000Z");
    CHECK(body_of(peer.send(request("GET", "/v1/backups/weekly")).read_answer())["id"] == "20261114T010000");
    CHECK(has_status(peer.send(request("GET", "/v1/backups/20261114T010001")).read_answer(), "404"));
    CHECK(has_status(peer.send(request("GET", "/v1/backups?limit=1")).read_answer(), "400"));
}

TEST_CASE("a wrong request for a job is named and begins nothing") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);
    for (const auto& [target, body, complaint] :
         {std::tuple{"/v1/backups", "[]", "not a JSON object"},
          std::tuple{"/v1/backups", "{\"nmae\": \"x\"}", "nmae"},
          std::tuple{"/v1/backups", "{\"name\": \"-rf\"}", "must not begin with -"},
          std::tuple{"/v1/backups", "{\"name\": \"\"}", "field \"name\": is empty"},
          std::tuple{"/v1/backups", "{\"name\": \"latest\"}", "means something else"},
          std::tuple{"/v1/backups", "{\"name\": \"20261121T010203\"}", "identifier"},
          std::tuple{"/v1/backups", "{\"name\": \" a\"}", "blank"},
          std::tuple{"/v1/backups", "{\"incremental\": 1}", "true or false"},
          std::tuple{"/v1/backups", "{\"checks\": []}", "is not known here"},
          std::tuple{"/v1/backups", "{\"name\": \"a\", \"name\": \"b\"}", "given twice"},
          std::tuple{"/v1/drill", "{\"to_time\": \"tomorrow\"}", "field \"to_time\": \"tomorrow\" is not a moment"},
          std::tuple{"/v1/drill", "{\"to_time\": \"2026-01-30 10:00:00\"}", "has no time zone"},
          std::tuple{"/v1/drill", "{\"to_time\": \"9999-01-30 10:00:00Z\"}", "is not over yet"},
          std::tuple{"/v1/drill", "{\"to_time\": \"\"}", "field \"to_time\": is empty"},
          std::tuple{"/v1/drill", "{\"to_lsn\": \"0/1\"}", "\"to_lsn\": is not known here"},
          std::tuple{"/v1/drill", "{\"checks\": \"select 1\"}", "list of at most 20"},
          std::tuple{"/v1/drill", "{\"checks\": [\"a\\nb\"]}", "control character"},
          std::tuple{"/v1/backups?wait=1h", "", "must be a time"},
          std::tuple{"/v1/backups?wait=301s", "", "300s at most"},
          std::tuple{"/v1/backups?force=1", "", "not known here"}}) {
        CAPTURE(target, body);
        const auto answer = peer.send(request("POST", target, body)).read_answer();
        CHECK(has_status(answer, "400"));
        CHECK(body_of(answer)["detail"].get<std::string>().find(complaint) != std::string::npos);
        CHECK_FALSE(body_of(answer).value("hint", "").empty());
    }
    CHECK(running.on_loop([&] { return running.control.jobs().empty(); }));
    CHECK(has_status(peer.send(request("POST", "/v1/drill", R"({"to_time": "2026-01-21 01:00:00+00"})")).read_answer(),
                     "202"));
}

TEST_CASE("what is no identifier names no backup, and no removal begins for it") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);

    for (const auto* id : {"123", "T", "20261121T0100000", "20261121-010000", "latest"}) {
        CAPTURE(id);
        CHECK(has_status(peer.send(request("DELETE", "/v1/backups/" + std::string(id))).read_answer(), "404"));
    }
    CHECK(running.on_loop([&] { return running.control.jobs().empty(); }));
}

TEST_CASE("over TCP reading of backups is open and beginning one is not") {
    RunningServer running;
    RawPeer peer = RawPeer::tcp(running.server.port());

    CHECK(has_status(peer.send(request("GET", "/v1/backups")).read_answer(), "200"));
    CHECK(has_status(peer.send(request("POST", "/v1/backups")).read_answer(), "403"));
    CHECK(has_status(peer.send(request("DELETE", "/v1/backups/20261121T010000")).read_answer(), "403"));
    CHECK(has_status(peer.send(request("POST", "/v1/drill")).read_answer(), "403"));
}
