#pragma once
// As much of an API server of Kubernetes as the controller talks to, on a port of 127.0.0.1 and on the test's own loop:
// ConfigMaps, Leases, pods and events with resourceVersion as the real one has it, watches with a history that can be
// forgotten, a token, and failures.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "http/message.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::test {

class FakeKubernetes {
public:
    using Json = nlohmann::json;

    explicit FakeKubernetes(boost::asio::io_context& loop);

    [[nodiscard]] std::string url() const;

    // Only who shows it is heard; empty: everybody.
    void expect_token(std::string token) { token_ = std::move(token); }
    // The next request is answered so, with nothing done.
    void fail_next(int status) { fail_next_ = status; }
    // The next change is carried out, and the connection then breaks.
    void lose_next_answer() { lose_next_answer_ = true; }
    // Every watch that begins in the past is told 410 from now on.
    void forget_history();
    // As kubectl would.
    void plant(const std::string& kind, const std::string& name, Json object);
    void remove(const std::string& kind, const std::string& name);
    // null: it is not there.
    [[nodiscard]] Json object(const std::string& kind, const std::string& name) const;
    [[nodiscard]] std::vector<Json> all(const std::string& kind) const;
    [[nodiscard]] int requests() const { return requests_; }

private:
    struct Event {
        std::int64_t version = 0;
        std::string kind, type;
        Json object;
    };
    struct Place {
        std::string kind, name;
        std::map<std::string, std::string> query;
    };
    using Socket = boost::asio::ip::tcp::socket;

    Task<> accept();
    Task<> serve(Socket socket);
    Task<> stream(Socket& socket, Place place);
    std::pair<int, Json> carry_out(const http::Request& request, const Place& place);
    std::pair<int, Json> list(const Place& place) const;
    std::pair<int, Json> store(const Place& place, Json object);
    void note(const std::string& type, const std::string& kind, const Json& object);
    [[nodiscard]] static std::optional<Place> place_of(const std::string& target);
    [[nodiscard]] static std::pair<int, Json> status(int code, const std::string& reason);

    boost::asio::io_context& loop_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::map<std::pair<std::string, std::string>, Json> objects_;
    std::vector<Event> history_;
    std::int64_t version_ = 100, oldest_ = 0;
    std::list<boost::asio::steady_timer> watching_;
    std::string token_;
    int fail_next_ = 0;
    int requests_ = 0;
    bool lose_next_answer_ = false;
};

}  // namespace pgbosun::test
