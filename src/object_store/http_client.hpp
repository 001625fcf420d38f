#pragma once
// One HTTP exchange after the other over libcurl, on connections that stay open. Any thread may call; each exchange
// takes a connection from the pool, or opens one, and gives it back. TLS is at least 1.2, and sessions are resumed.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::object_store {

struct HttpLimits {
    Duration connect = std::chrono::seconds(10);
    Duration stall = std::chrono::seconds(30);     // without a byte in either direction
    Duration request = std::chrono::seconds(300);  // one exchange; of one with a sink, which may bring a terabyte, none
    std::size_t connections = 16;                  // who comes later waits
    std::size_t body = 8 * 1024 * 1024;            // of an answer that is kept in memory
};

enum class Proxy { by_environment, never };

struct HttpRequest {
    std::string method;
    std::string url;                   // encoded as it was signed
    std::vector<std::string> headers;  // "Name: value"
    std::span<const std::byte> body;
    Proxy proxy = Proxy::by_environment;
};

struct HttpAnswer {
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;                            // empty when it went to the sink
};

struct HttpFailure {
    Fault fault;
    enum class Again { yes, no } again = Again::yes;  // whether asking again may help
};

class HttpClient {
public:
    explicit HttpClient(HttpLimits limits, std::optional<std::string> ca_file);
    ~HttpClient();

    using Sink = std::function<Result<>(std::span<const std::byte>)>;

    // The body of an answer 200 goes to `sink` when there is one. A body shorter or longer than its Content-Length,
    // or without any, is a failure.
    std::expected<HttpAnswer, HttpFailure> exchange(const HttpRequest& request, const Sink& sink = {});

    // Waits; cancelled as soon as `cancel` is called.
    Result<> pause(Duration duration);

    // Ends every exchange and pause, now and later. Any thread.
    void cancel();

private:
    struct Connection;
    class Lease;

    Result<std::unique_ptr<Connection>> take();
    void give_back(std::unique_ptr<Connection> connection);
    void drive(Connection& connection);

    const HttpLimits limits_;
    const std::optional<std::string> ca_file_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::vector<Connection*> busy_;
    std::atomic<bool> cancelled_ = false;
};

}  // namespace pgbosun::object_store
