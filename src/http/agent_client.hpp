#pragma once
// An agent over its HTTP API.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>

#include "http/client.hpp"
#include "pgbosun/agent_link.hpp"

namespace pgbosun::http {

struct AgentTimes {
    Duration status = std::chrono::seconds(1);
    Duration assign = std::chrono::seconds(5);
    Duration promise = std::chrono::seconds(1);
    Duration checkpoint = std::chrono::seconds(30);
    Duration silence = std::chrono::seconds(20);  // of an event stream, which says something every 15 s
};

class AgentClient final : public AgentLink {
public:
    // None: the command goes without.
    using TokenSource = std::function<Result<std::optional<std::string>>()>;

    // The source is asked for each command. `io` outlives it.
    AgentClient(boost::asio::io_context& io, Client client, TokenSource token, AgentTimes times = {});

    Task<Result<InstanceStatus>> status() override;
    Task<Result<>> assign(Assignment assignment) override;
    Task<Result<>> checkpoint() override;
    Task<Result<>> follow(std::function<void()> on_event) override;
    // What one agent asks another.
    Task<Result<PromiseAnswer>> promise(PromiseRequest request);

private:
    Task<Result<Answered>> command(Question question);
    Task<Result<>> order(Question question);  // the same where only success matters

    boost::asio::io_context& io_;
    Client client_;
    TokenSource token_;
    AgentTimes times_;
};

}  // namespace pgbosun::http
