#include "http/request_reader.hpp"

#include <algorithm>

#include "support/catch.hpp"

using namespace pgbosun::http;
using State = RequestReader::State;

namespace {

// As a session does it: what is not used up is given again with more behind it.
RequestReader read_in_pieces(std::string_view text, std::size_t size) {
    RequestReader reader(Limits{});
    std::string waiting;
    while (reader.state() != State::done && reader.state() != State::failed && !text.empty()) {
        waiting.append(text.substr(0, size));
        text.remove_prefix(std::min(size, text.size()));
        waiting.erase(0, reader.feed(waiting));
    }
    return reader;
}

int refusal_of(std::string_view text) {
    const RequestReader reader = read_in_pieces(text, text.size());
    return reader.state() == State::failed ? reader.problem().status : 0;
}

}  // namespace

TEST_CASE("a request is the same however it is cut") {
    const std::string_view text =
        "POST /v1/fence?wait=1s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nLast-Event-ID: 7\r\n"
        "Content-Length: 12\r\n\r\n{\"reason\":1}";
    for (const std::size_t size : {std::size_t{1}, std::size_t{3}, std::size_t{50}, text.size()}) {
        CAPTURE(size);
        RequestReader reader = read_in_pieces(text, size);
        REQUIRE(reader.state() == State::done);
        CHECK(reader.request().method == Method::post);
        CHECK(reader.request().target == "/v1/fence?wait=1s");
        CHECK(reader.request().authorization == "Bearer t");
        CHECK(reader.request().last_event_id == "7");
        CHECK(reader.request().body == "{\"reason\":1}");
        CHECK(reader.request().connection == Connection::keep);
    }
}

TEST_CASE("HTTP/1.0 without Host is what HAProxy sends") {
    RequestReader reader = read_in_pieces("OPTIONS / HTTP/1.0\r\n\r\n", 100);
    REQUIRE(reader.state() == State::done);
    CHECK(reader.request().method == Method::options);
    CHECK(reader.request().version == 10);
    CHECK(reader.request().connection == Connection::close);
}

TEST_CASE("a chunked body is put together") {
    RequestReader reader = read_in_pieces(
        "POST /v1/fence HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n2\r\n\":\r\n2\r\n1}\r\n0\r\n\r\n",
        5);
    REQUIRE(reader.state() == State::done);
    CHECK(reader.request().body == "{\"a\":1}");
}

TEST_CASE("a field behind a chunked body is none of the head's") {
    RequestReader reader = read_in_pieces(
        "POST /v1/fence HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n2\r\n{}\r\n0\r\n"
        "Authorization: Bearer late\r\nLast-Event-ID: 7\r\n\r\n",
        100);
    REQUIRE(reader.state() == State::done);
    CHECK(reader.request().body == "{}");
    CHECK(reader.request().authorization.empty());
    CHECK(reader.request().last_event_id.empty());
}

TEST_CASE("what is not a request, or too much of one, is refused") {
    CHECK(refusal_of("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not TLS here\r\n\r\n") == 400);
    CHECK(refusal_of("GET\r\n\r\n") == 400);
    CHECK(refusal_of("GET / HTTP/2.0\r\n\r\n") != 0);
    CHECK(refusal_of("GET / HTTP/1.1\r\nbad field\r\n\r\n") == 400);
    CHECK(refusal_of("GET / HTTP/1.1\r\n folded: x\r\n\r\n") == 400);
    CHECK(refusal_of("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n") == 400);
    CHECK(refusal_of("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") == 400);
    CHECK(refusal_of("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
    CHECK(refusal_of("GET / HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n") == 400);
    CHECK(refusal_of("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n") == 413);
    CHECK(refusal_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + std::string(65537, 'x')) ==
          413);
    CHECK(refusal_of("GET / HTTP/1.1\r\nX: " + std::string(17 * 1024, 'x') + "\r\n\r\n") == 431);
    CHECK(refusal_of("GET /" + std::string(17 * 1024, 'x')) == 431);
}

TEST_CASE("what is refused has a hint, and too much names the limit") {
    for (const auto& [bytes, hint] :
         {std::pair<std::string, std::string>{"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n",
                                              "65536 bytes at most"},
          {"GET / HTTP/1.1\r\nX: " + std::string(17 * 1024, 'x') + "\r\n\r\n", "16384 bytes at most"},
          {"GET\r\n\r\n", "HTTP/1.1"}}) {
        RequestReader reader(Limits{});
        reader.feed(bytes);
        CAPTURE(reader.problem().hint);
        CHECK(reader.problem().hint.find(hint) != std::string::npos);
    }
}
