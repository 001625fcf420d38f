#pragma once
// Asks a pgbosun over its control socket or a URL; blocks until it has the answer. For the client commands only:
// PID 1 must not block.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/tls.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::http {

struct Answered {
    int status = 0;
    std::string content_type;
    std::string body;  // empty when a sink took it
};

enum class Flow { more, enough };
// Takes pieces of the body of a 200 as they come, cut anywhere.
using Sink = std::function<Flow(std::string_view piece)>;

struct Question {
    std::string method = "GET";
    std::string target = "/";
    std::string body;                  // JSON; empty: none
    std::optional<std::string> token;  // sent as bearer token
    std::optional<std::string> last_event_id;
    // For the whole exchange; with a sink between two pieces. An event stream has a piece every 15 s.
    Duration timeout = std::chrono::seconds(30);
    Sink sink;  // empty: the body goes into the answer
};

class Client {
public:
    static Client unix_socket(std::string path);
    // "http://host:8008", "https://[::1]:8008"; no path behind it. refused: not such a URL.
    static Result<Client> url(std::string_view url, ClientTrust trust = {});

    // unavailable: nobody answers, or not in time. corrupt: something that is not HTTP answers. Any status is success.
    // No part of the body is kept beyond 64 MB.
    [[nodiscard]] Result<Answered> request(const Question& question) const;

private:
    Client() = default;

    std::string path_;  // of the Unix socket; empty: TCP
    std::string host_, port_;
    std::optional<ClientTrust> trust_;  // given: TLS
};

}  // namespace pgbosun::http
