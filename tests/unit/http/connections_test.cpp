#include <sys/stat.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "support/catch.hpp"
#include "unit/http/running_server.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

const std::string livez = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string half = "GET /livez HTTP/1.1\r\nHost: x\r\n";

}  // namespace

TEST_CASE("a connection is kept, and pipelined requests are answered in order") {
    RunningServer running;
    RawPeer peer = RawPeer::tcp(running.server.port());

    peer.send(livez + "GET /v1/none HTTP/1.1\r\n\r\n" + livez);
    CHECK(peer.read_answer().starts_with("HTTP/1.1 200"));
    CHECK(peer.read_answer().starts_with("HTTP/1.1 404"));
    CHECK(peer.read_answer().starts_with("HTTP/1.1 200"));

    peer.send("GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n");
    const std::string last = peer.read_to_end();
    CHECK(last.find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("HTTP/1.0 is closed after the answer unless asked otherwise") {
    RunningServer running;
    CHECK(RawPeer::tcp(running.server.port()).send("GET /livez HTTP/1.0\r\n\r\n").read_to_end().ends_with("live\n"));

    RawPeer kept = RawPeer::tcp(running.server.port());
    kept.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(kept.read_answer().find("Connection: keep-alive\r\n") != std::string::npos);
    CHECK(kept.send(livez).read_answer().starts_with("HTTP/1.1 200"));
}

TEST_CASE("what is malformed or too large is told so, and closed") {
    RunningServer running;
    const auto answer_to = [&](const std::string& bytes) {
        return RawPeer::tcp(running.server.port()).send(bytes).read_to_end();
    };
    CHECK(answer_to("hello\r\n\r\n").starts_with("HTTP/1.1 400"));
    CHECK(answer_to("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431"));
    CHECK(answer_to("POST /v1/fence HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'))
              .starts_with("HTTP/1.1 413"));
    CHECK(RawPeer::tcp(running.server.port()).send(livez).read_answer().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a body that is announced with Expect is asked for") {
    RunningServer running;
    RawPeer peer = RawPeer::unix_socket(running.socket_path);
    peer.send("POST /v1/reload HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(peer.read_head() == "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(peer.send("{}").read_answer().starts_with("HTTP/1.1 200"));
}

TEST_CASE("whoever is slow is not waited for") {
    http::Limits limits;
    SECTION("with the head") {
        limits.head = 50ms;
        RunningServer running({}, limits);
        RawPeer peer = RawPeer::tcp(running.server.port());
        CHECK(peer.send("GET / HTTP/1.1\r\nX:").read_to_end().starts_with("HTTP/1.1 408"));
    }
    SECTION("with the body") {
        limits.body = 50ms;
        RunningServer running({}, limits);
        RawPeer peer = RawPeer::tcp(running.server.port());
        CHECK(peer.send("POST /v1/fence HTTP/1.1\r\nContent-Length: 5\r\n\r\n{")
                  .read_to_end()
                  .starts_with("HTTP/1.1 408"));
        CHECK(running.on_loop([&] { return running.control.commands().size(); }) == 0);
    }
    SECTION("between two requests: closed without a word") {
        limits.idle = 50ms;
        RunningServer running({}, limits);
        RawPeer peer = RawPeer::tcp(running.server.port());
        CHECK(peer.send(livez).read_to_end().ends_with("live\n"));
    }
    SECTION("reading the answers") {
        limits.write = 50ms;
        RunningServer running({}, limits);
        running.on_loop([&] {
            running.control.change([](InstanceStatus& status) { status.reason = std::string(8U << 20U, 'x'); });
        });
        RawPeer peer = RawPeer::tcp(running.server.port());
        peer.send("GET /v1/status HTTP/1.1\r\n\r\n");
        running.until([&] { return running.control.asked() > 0; });
        running.until([&] { return running.server.connections() == 0; });
    }
}

TEST_CASE("too many connections are told so, and the operator's socket is not affected") {
    http::Limits limits;
    limits.tcp_connections = 2;
    limits.surplus_connections = 1;
    RunningServer running({}, limits);
    RawPeer first = RawPeer::tcp(running.server.port());
    first.send(half);
    RawPeer second = RawPeer::tcp(running.server.port());
    second.send(half);
    running.until([&] { return running.server.connections() == 2; });

    RawPeer third = RawPeer::tcp(running.server.port());
    third.send("GET /v1/st");
    running.until([&] { return running.server.connections() == 3; });
    CHECK(RawPeer::tcp(running.server.port()).read_to_end().empty());
    const std::string told = third.send("atus HTTP/1.1\r\n\r\n").read_to_end();
    CHECK(told.starts_with("HTTP/1.1 503"));
    CHECK(told.find("Retry-After: ") != std::string::npos);
    CHECK(RawPeer::unix_socket(running.socket_path).send(livez).read_answer().starts_with("HTTP/1.1 200"));

    {
        const RawPeer gone = std::move(first);
    }
    running.until([&] { return running.server.connections() == 1; });
    CHECK(RawPeer::tcp(running.server.port()).send(livez).read_answer().starts_with("HTTP/1.1 200"));
}

TEST_CASE("probes and role checks are answered although there are too many connections") {
    http::Limits limits;
    limits.tcp_connections = 1;
    RunningServer running({}, limits);
    RawPeer busy = RawPeer::tcp(running.server.port());
    busy.send(half);
    running.until([&] { return running.server.connections() == 1; });

    for (const char* path : {"/livez", "/healthz", "/readyz", "/startupz", "/primary", "/health"}) {
        CAPTURE(path);
        const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\n\r\n";
        const std::string answer = RawPeer::tcp(running.server.port()).send(request).read_to_end();
        CHECK(answer.starts_with("HTTP/1.1 200"));
        CHECK(answer.find("Connection: close\r\n") != std::string::npos);
    }
    for (const char* path : {"/v1/status", "/metrics", "/v1/events", "/nowhere"}) {
        CAPTURE(path);
        const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\n\r\n";
        CHECK(RawPeer::tcp(running.server.port()).send(request).read_to_end().starts_with("HTTP/1.1 503"));
    }
    CHECK(RawPeer::tcp(running.server.port())
              .send("POST /v1/fence HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
              .read_to_end()
              .starts_with("HTTP/1.1 503"));
    CHECK(running.on_loop([&] { return running.control.commands().size(); }) == 0);
    CHECK(busy.send("\r\n").read_answer().starts_with("HTTP/1.1 200"));
}

TEST_CASE("of too many connections the one that is idle for longest makes room") {
    http::Limits limits;
    limits.tcp_connections = 2;
    limits.surplus_connections = 0;
    RunningServer running({}, limits);
    RawPeer first = RawPeer::tcp(running.server.port());
    CHECK(first.send(livez).read_answer().starts_with("HTTP/1.1 200"));
    RawPeer second = RawPeer::tcp(running.server.port());
    CHECK(second.send(livez).read_answer().starts_with("HTTP/1.1 200"));
    CHECK(first.send(livez).read_answer().starts_with("HTTP/1.1 200"));

    RawPeer third = RawPeer::tcp(running.server.port());

    CHECK(second.read_to_end().empty());
    CHECK(third.send("GET /v1/status HTTP/1.1\r\n\r\n").read_answer().starts_with("HTTP/1.1 200"));
    CHECK(first.send(livez).read_answer().starts_with("HTTP/1.1 200"));
}

TEST_CASE("the control socket is only for its owner and replaces what a dead process left") {
    RunningServer running;
    struct stat file{};
    REQUIRE(::stat(running.socket_path.c_str(), &file) == 0);
    CHECK((file.st_mode & 0777U) == 0600U);

    boost::asio::io_context io;
    FakeJournal journal(io);
    FakeInstanceControl control(io, journal);
    HttpSettings http;
    http.listen = "127.0.0.1:0";
    SECTION("one that still answers is left alone") {
        http::Server second(io, control, journal, http, {}, running.socket_path);
        const auto started = start(second, http);
        REQUIRE_FALSE(started);
        CHECK(started.error().kind == FaultKind::conflict);
        CHECK(RawPeer::unix_socket(running.socket_path).send(livez).read_answer().starts_with("HTTP/1.1 200"));
    }
    SECTION("a left-over socket is replaced, and removed at the end") {
        const std::string path = running.directory.file("left-over.sock");
        {
            boost::asio::local::stream_protocol::acceptor dead(io, boost::asio::local::stream_protocol::endpoint(path));
        }
        REQUIRE(std::filesystem::exists(path));
        http::Server second(io, control, journal, http, {}, path);
        REQUIRE(start(second, http));
        second.stop();
        CHECK_FALSE(std::filesystem::exists(path));
    }
    SECTION("another file is never removed") {
        const std::string path = running.directory.write("precious", "data");
        http::Server second(io, control, journal, http, {}, path);
        CHECK_FALSE(start(second, http));
        CHECK(std::filesystem::file_size(path) == 4);
    }
    SECTION("a path that is too long is refused with a hint") {
        http::Server second(io, control, journal, http, {}, running.directory.file(std::string(120, 'x')));
        const auto started = start(second, http);
        REQUIRE_FALSE(started);
        CHECK_FALSE(started.error().hint.empty());
    }
}

TEST_CASE("an address that cannot be listened on is named") {
    boost::asio::io_context io;
    FakeJournal journal(io);
    FakeInstanceControl control(io, journal);
    const TemporaryDirectory directory;
    for (const char* address : {"", "8008", "0.0.0.0", "0.0.0.0:", "0.0.0.0:65536", "0.0.0.0:-1", "name.example:80",
                                "::1:80", "[::1]", "[::1]x:80", "1.2.3:80"}) {
        HttpSettings http;
        http.listen = address;
        http::Server server(io, control, journal, http, {}, directory.file("s"));
        CAPTURE(address);
        const auto started = start(server, http);
        REQUIRE_FALSE(started);
        CHECK(started.error().what.find("http.listen") != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(directory.file("s")));
    }
}

TEST_CASE("a reload moves to another address and keeps open connections") {
    RunningServer running;
    RawPeer before = RawPeer::tcp(running.server.port());
    CHECK(before.send(livez).read_answer().starts_with("HTTP/1.1 200"));
    const auto old_port = running.server.port();

    HttpSettings moved;
    moved.listen = "localhost:0";
    CHECK(running.on_loop([&] { return test::reload(running.server, moved).has_value(); }));
    CHECK(running.server.port() != old_port);
    CHECK(RawPeer::tcp(running.server.port()).send(livez).read_answer().starts_with("HTTP/1.1 200"));
    CHECK(before.send(livez).read_answer().starts_with("HTTP/1.1 200"));

    HttpSettings wider;
    wider.listen = "0.0.0.0:" + std::to_string(running.server.port());
    CHECK(running.on_loop([&] { return test::reload(running.server, wider).has_value(); }));
    CHECK(RawPeer::tcp(running.server.port()).send(livez).read_answer().starts_with("HTTP/1.1 200"));
    HttpSettings nobodys;
    nobodys.listen = "192.0.2.1:" + std::to_string(running.server.port());
    CHECK_FALSE(running.on_loop([&] { return test::reload(running.server, nobodys).has_value(); }));
    CHECK(RawPeer::tcp(running.server.port()).send(livez).read_answer().starts_with("HTTP/1.1 200"));

    HttpSettings wrong;
    wrong.listen = "nowhere";
    CHECK_FALSE(running.on_loop([&] { return test::reload(running.server, wrong).has_value(); }));
    CHECK(RawPeer::tcp(running.server.port()).send(livez).read_answer().starts_with("HTTP/1.1 200"));
}

TEST_CASE("stop closes whatever is open") {
    auto running = std::make_unique<RunningServer>();
    RawPeer idle = RawPeer::tcp(running->server.port());
    RawPeer half = RawPeer::tcp(running->server.port());
    half.send("GET /livez HT");
    RawPeer streaming = RawPeer::tcp(running->server.port());
    streaming.send("GET /v1/events HTTP/1.1\r\n\r\n").read_head();
    running->on_loop([&] { running->control.hold_commands(); });
    RawPeer commanding = RawPeer::unix_socket(running->socket_path);
    commanding.send("POST /v1/restart HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    running->until([&] { return running->control.commands().size() == 1 && running->journal.waiting() == 1; });
    const std::string socket_path = running->socket_path;

    running->on_loop([&] { running->server.stop(); });

    CHECK(idle.read_to_end().empty());
    CHECK(half.read_to_end().empty());
    streaming.read_to_end();
    CHECK(commanding.read_to_end().empty());
    CHECK_FALSE(std::filesystem::exists(socket_path));
    running->until([&] { return running->server.connections() == 1; });
    running->on_loop([&] { running->control.finish_held_command(); });
    running->until([&] { return running->server.connections() == 0; });
    running.reset();
}

TEST_CASE("a server and its loop may be thrown away with connections open") {
    const TemporaryDirectory directory;
    auto io = std::make_unique<boost::asio::io_context>();
    FakeJournal journal(*io);
    FakeInstanceControl control(*io, journal);
    HttpSettings http;
    http.listen = "127.0.0.1:0";
    auto server = std::make_unique<http::Server>(*io, control, journal, http, MetricsSettings{}, directory.file("s"));
    REQUIRE(start(*server, http));
    RawPeer idle = RawPeer::tcp(server->port());
    RawPeer streaming = RawPeer::tcp(server->port());
    streaming.send("GET /v1/events HTTP/1.1\r\n\r\n");
    while (journal.waiting() == 0) io->run_one();

    server.reset();
    io.reset();

    streaming.read_to_end();
    CHECK(idle.read_to_end().empty());
}
