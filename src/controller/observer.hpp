#pragma once
// Shell: keeps an eye on one instance. Its event stream says at once when something has changed (a postmaster that has
// died, say), and then, as from time to time anyway, its status is asked for.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "controller/wake.hpp"
#include "pgbosun/agent_link.hpp"

namespace pgbosun::controller {

// What an observer has heard last. A status that was asked for at `asked_at` was true at some moment after it.
struct Heard {
    Result<InstanceStatus> status = fail(FaultKind::unavailable, "it has not answered yet");
    Instant asked_at{};
    Instant received_at{};
};

class Observer {
public:
    using Sink = std::function<void(const Heard& heard)>;
    // `clock` and `sink` outlive it. `interval`: between two statuses when nothing happens.
    Observer(boost::asio::io_context& loop, const Clock& clock, std::unique_ptr<AgentLink> link, Duration interval,
             Sink sink);

    void begin();
    void look_again() { wake_.wake(); }
    [[nodiscard]] AgentLink& link() { return *link_; }

private:
    Task<> ask();
    Task<> follow();

    boost::asio::io_context& loop_;
    const Clock& clock_;
    std::unique_ptr<AgentLink> link_;
    Duration interval_;
    Sink sink_;
    Wake wake_, pause_;
};

}  // namespace pgbosun::controller
