#include "support/catch.hpp"
#include "unit/http/running_server.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

std::string events(std::string_view query = {}, std::string_view fields = {}) {
    return "GET /v1/events" + std::string(query) + " HTTP/1.1\r\n" + std::string(fields) + "\r\n";
}

}  // namespace

TEST_CASE("a change is on the stream at once") {
    RunningServer running;
    running.on_loop([&] { running.journal.add("phase", "before anybody listened"); });
    RawPeer peer = RawPeer::tcp(running.server.port());
    const std::string head = peer.send(events()).read_head();
    CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(head.find("Content-Length") == std::string::npos);
    CHECK(peer.read_until("\n\n") == "retry: 1000\n\n");

    running.on_loop([&] { running.journal.add("phase", "now running", {{"from", "starting"}}); });

    CHECK(peer.read_until("\n\n") ==
          "id: 2\nevent: phase\ndata: {\"at\":\"2026-11-21T00:00:02.000Z\",\"phase\":\"running\",\"role\":\"primary\","
          "\"what\":\"now running\",\"facts\":{\"from\":\"starting\"}}\n\n");
}

TEST_CASE("Last-Event-ID resumes where the reader was") {
    RunningServer running;
    running.on_loop([&] {
        for (int i = 1; i <= 250; ++i) running.journal.add("probe", "entry " + std::to_string(i) + "\nsecond line");
    });
    RawPeer peer = RawPeer::tcp(running.server.port());
    peer.send(events("?since=240", "Last-Event-ID: 20\r\n")).read_until("retry: 1000\n\n");
    for (int i = 21; i <= 250; ++i) {
        const std::string event = peer.read_until("\n\n");
        CAPTURE(event);
        CHECK(event.starts_with("id: " + std::to_string(i) + "\n"));
    }

    SECTION("since does the same in the query") {
        RawPeer other = RawPeer::tcp(running.server.port());
        other.send(events("?since=249")).read_until("retry: 1000\n\n");
        CHECK(other.read_until("\n\n").starts_with("id: 250\n"));
    }
    SECTION("an id from another volume starts from the beginning") {
        RawPeer other = RawPeer::tcp(running.server.port());
        other.send(events("", "Last-Event-ID: 9000\r\n")).read_until("retry: 1000\n\n");
        CHECK(other.read_until("\n\n").starts_with("id: 1\n"));
    }
    SECTION("what is no id is refused") {
        RawPeer other = RawPeer::tcp(running.server.port());
        CHECK(other.send(events("", "Last-Event-ID: last\r\n")).read_answer().starts_with("HTTP/1.1 400"));
    }
}

TEST_CASE("a silent stream is kept alive by comments") {
    http::Limits limits;
    limits.heartbeat = 20ms;
    RunningServer running({}, limits);
    RawPeer peer = RawPeer::tcp(running.server.port());
    peer.send(events()).read_until("retry: 1000\n\n");
    CHECK(peer.read_until("\n\n") == ": still here\n\n");
    CHECK(peer.read_until("\n\n") == ": still here\n\n");
}

TEST_CASE("how far a backup is comes without an id, also while the journal is silent") {
    http::Limits limits;
    limits.progress = 5ms;
    RunningServer running({}, limits);
    RawPeer peer = RawPeer::tcp(running.server.port());
    peer.send(events()).read_until("retry: 1000\n\n");
    const auto copied = [&](std::uint64_t bytes) {
        running.control.change([&](InstanceStatus& status) {
            if (!status.backup.running) status.backup.running.emplace().step = "copying";
            status.backup.running->done_bytes = bytes;
        });
    };
    // In one turn of the loop: in two, the stream could tell of the progress before the entry is there.
    running.on_loop([&] {
        copied(1);
        running.journal.add("backup", "backup begins");
    });
    CHECK(peer.read_until("\n\n").starts_with("id: 1\nevent: backup\n"));
    const std::string first = peer.read_until("\n\n");
    CHECK(first.starts_with("event: progress\ndata: "));
    CHECK(first.find("\"step\":\"copying\",\"bytes\":1,") != std::string::npos);

    running.on_loop([&] { copied(2); });
    const std::string second = peer.read_until("\n\n");
    CHECK(second.starts_with("event: progress\ndata: "));
    CHECK(second.find("\"bytes\":2,") != std::string::npos);
}

TEST_CASE("a reader that goes away gives its place back at once") {
    http::Limits limits;
    limits.event_streams = 1;
    RunningServer running({}, limits);
    {
        RawPeer first = RawPeer::tcp(running.server.port());
        first.send(events()).read_until("retry: 1000\n\n");
        RawPeer second = RawPeer::tcp(running.server.port());
        const std::string refused = second.send(events()).read_answer();
        CHECK(refused.starts_with("HTTP/1.1 503"));
        running.until([&] { return running.journal.waiting() == 1; });
    }
    running.until([&] { return running.server.connections() == 0; });
    CHECK(running.on_loop([&] { return running.journal.waiting(); }) == 0);
    RawPeer third = RawPeer::tcp(running.server.port());
    CHECK(third.send(events()).read_head().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a reader that does not read is let go") {
    http::Limits limits;
    limits.write = 50ms;
    RunningServer running({}, limits);
    RawPeer peer = RawPeer::tcp(running.server.port());
    peer.send(events()).read_until("retry: 1000\n\n");
    running.on_loop([&] {
        for (int i = 0; i < 1000; ++i) running.journal.add("postgres", std::string(20'000, 'x'));
    });
    running.until([&] { return running.server.connections() == 0; });
}
