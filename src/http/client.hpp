#pragma once
// Asks a pgbosun, or another server of JSON over HTTP/1.1, at a Unix socket or a URL. One connection for each question.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client_tls.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"
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
    std::string body;                               // empty: none
    std::string content_type = "application/json";  // of the body
    std::optional<std::string> token;               // sent as bearer token
    std::optional<std::string> authorization;       // the whole field instead, for who wants another form
    std::optional<std::string> last_event_id;
    // For the whole exchange; with a sink between two pieces. An event stream has a piece every 15 s.
    Duration timeout = std::chrono::seconds(30);
    Sink sink;  // empty: the body goes into the answer
};

class Client {
public:
    static Client unix_socket(std::string path);
    // "http://host:8008", "https://[::1]:8008"; no path behind it. refused: not such a URL.
    static Result<Client> url(std::string_view url, ClientTrust trust = {}, std::string_view default_port = "8008");
    // One for many clients.
    static Result<Client> url(std::string_view url, std::shared_ptr<ClientTls> tls,
                              std::string_view default_port = "8008");

    // unavailable: nobody answers, or not in time. corrupt: something that is not HTTP answers. Any status is success.
    // No part of the body is kept beyond 64 MB.
    // Blocks until it has the answer: for the client commands only.
    [[nodiscard]] Result<Answered> request(const Question& question) const;
    // The same on a loop, where only the files of the trust may block it: see ClientTls. `io` outlives the task.
    [[nodiscard]] Task<Result<Answered>> ask(boost::asio::io_context& io, Question question) const;
    // "host:port", or the path of the socket.
    [[nodiscard]] std::string name() const;

private:
    Client() = default;
    [[nodiscard]] Result<TlsContext> check(const Question& question) const;

    std::string path_;  // of the Unix socket; empty: TCP
    std::string host_, port_;
    std::shared_ptr<ClientTls> tls_;  // shared with other clients of the same trust; null: no TLS
};

}  // namespace pgbosun::http
