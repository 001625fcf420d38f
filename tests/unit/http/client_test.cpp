#include "http/client.hpp"

#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "support/catch.hpp"
#include "unit/http/running_server.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

TEST_CASE("the client asks over the socket and over TCP") {
    RunningServer running;
    http::Question question;
    question.method = "POST";
    question.target = "/v1/fence";
    question.body = R"({"reason": "test"})";

    const auto local = http::Client::unix_socket(running.socket_path).request(question);
    REQUIRE(local);
    CHECK(local->status == 200);
    CHECK(local->content_type == "application/json");
    CHECK(local->body.find("\"fenced\":{\"reason\":\"test\"") != std::string::npos);

    const auto remote = http::Client::url("http://localhost:" + std::to_string(running.server.port()));
    REQUIRE(remote);
    CHECK(remote->request(question)->status == 403);
}

TEST_CASE("nobody there is unavailable, and so is one who says nothing") {
    const TemporaryDirectory directory;
    const auto nobody = http::Client::unix_socket(directory.file("none.sock")).request({});
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().kind == FaultKind::unavailable);
    CHECK_FALSE(nobody.error().hint.empty());
    CHECK_FALSE(http::Client::unix_socket(std::string(200, 'x')).request({}));

    boost::asio::io_context io;
    boost::asio::local::stream_protocol::acceptor silent(
        io, boost::asio::local::stream_protocol::endpoint(directory.file("silent.sock")));
    http::Question question;
    question.timeout = 50ms;
    const auto nothing = http::Client::unix_socket(directory.file("silent.sock")).request(question);
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().kind == FaultKind::unavailable);
    CHECK(nothing.error().what.find("in time") != std::string::npos);
}

TEST_CASE("a socket that one may not open is not taken for one where nobody is") {
    const TemporaryDirectory directory;
    const std::string closed = directory.file("closed");
    REQUIRE(::mkdir(closed.c_str(), 0) == 0);
    const bool root = ::geteuid() == 0;
    if (root) REQUIRE(::seteuid(65534) == 0);

    const auto answered = http::Client::unix_socket(closed + "/control.sock").request({});

    if (root) REQUIRE(::seteuid(0) == 0);
    REQUIRE_FALSE(answered);
    CHECK(answered.error().kind == FaultKind::unavailable);
    CHECK(answered.error().what == closed + "/control.sock cannot be opened: Permission denied");
    CHECK(answered.error().hint == "run the command as the user that pgbosun runs as, or as root");
}

TEST_CASE("an answer that is cut short or no HTTP is an error") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("odd.sock");
    boost::asio::io_context io;
    boost::asio::local::stream_protocol::acceptor odd(io, boost::asio::local::stream_protocol::endpoint(path));
    const auto asked_of = [&](std::string answer) {
        std::jthread server([&] {
            auto socket = odd.accept();
            char request[64];
            socket.read_some(boost::asio::buffer(request));
            socket.write_some(boost::asio::buffer(answer));
        });
        return http::Client::unix_socket(path).request({});
    };
    CHECK(asked_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").error().kind == FaultKind::unavailable);
    CHECK(asked_of("SSH-2.0-OpenSSH_9.2\r\n\r\n").error().kind == FaultKind::corrupt);
    CHECK(asked_of("").error().kind == FaultKind::unavailable);
    CHECK(asked_of("").error().hint.empty());  // no TLS on a socket
    CHECK(asked_of("HTTP/1.1 200 OK\r\n\r\nuntil the end")->body == "until the end");
}

TEST_CASE("events come piece by piece until the reader has enough") {
    RunningServer running;
    running.on_loop([&] { running.journal.add("phase", "one"); });
    std::string got;
    http::Question question;
    question.target = "/v1/events?since=0";
    question.sink = [&](std::string_view piece) {
        got.append(piece);
        if (got.find("id: 1\n") != std::string::npos && got.find("id: 2\n") == std::string::npos) {
            running.on_loop([&] {
                if (running.journal.last_id() == 1) running.journal.add("phase", "two");
            });
        }
        return got.find("id: 2\n") == std::string::npos ? http::Flow::more : http::Flow::enough;
    };

    const auto answered = http::Client::unix_socket(running.socket_path).request(question);

    REQUIRE(answered);
    CHECK(answered->status == 200);
    CHECK(got.find("\"what\":\"two\"") != std::string::npos);
}

TEST_CASE("a URL is a scheme, a host and a port") {
    for (const char* url :
         {"http://a", "http://a:1", "https://a.example:65535/", "http://[::1]:8008", "http://[::1]"}) {
        CAPTURE(url);
        CHECK(http::Client::url(url));
    }
    for (const char* url : {"", "a", "ftp://a", "http://", "http://:1", "http://a:", "http://a:x", "http://a:65536",
                            "http://a/path", "http://u@a", "http://[::1", "http://a b"}) {
        CAPTURE(url);
        CHECK_FALSE(http::Client::url(url));
    }
}

TEST_CASE("a line break in a token or target does not become a field of the request") {
    http::Question question;
    question.token = "x\r\nX-Other: 1";
    CHECK(http::Client::unix_socket("/nonexistent").request(question).error().kind == FaultKind::refused);
    question.token.reset();
    question.target = "/ HTTP/1.1\r\n";
    CHECK(http::Client::unix_socket("/nonexistent").request(question).error().kind == FaultKind::refused);
}
