#pragma once
// One connection: reads requests one after the other, answers each before it reads the next (so pipelined ones are
// answered in order), until one side has enough.

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <vector>

#include "http/api.hpp"
#include "http/byte_stream.hpp"
#include "http/limits.hpp"
#include "http/progress_events.hpp"
#include "http/request_reader.hpp"
#include "http/tls.hpp"

namespace pgbosun::http {

class Session;

// Why a connection is heard for one request only.
struct Refusal {
    Problem problem;
    // What is answered all the same: probes and role checks do not wait until there are fewer connections.
    enum class Spares { nothing, checks } spares = Spares::nothing;
};

// What the sessions of one server share. Owned by the server and by every coroutine of it: a command that outlives
// the server still has somewhere to put its answer.
struct ServerState {
    ServerState(boost::asio::io_context& context, InstanceControl& instance, Journal& events, Limits bounds)
        : io(context), control(&instance), journal(&events), limits(bounds),
          own_api(std::make_unique<Api>(instance, events, traffic)), api(*own_api), sweep(context) {}
    ServerState(boost::asio::io_context& context, Site& site, Limits bounds)
        : io(context), limits(bounds), api(site), sweep(context) {}

    boost::asio::io_context& io;
    InstanceControl* control = nullptr;  // both are there for a site with an event stream
    Journal* journal = nullptr;
    Limits limits;
    Traffic traffic;
    std::unique_ptr<Api> own_api;
    Site& api;
    Credentials credentials;
    TlsContext tls;
    std::list<std::shared_ptr<Session>> sessions;
    boost::asio::steady_timer sweep;  // looks for sessions that are over their time; runs while there are any
    enum class Sweep { idle, armed } sweeping = Sweep::idle;
};

class Session : public std::enable_shared_from_this<Session> {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `refusal`: hear one request, and answer it with this unless it is spared.
    Session(ServerState& state, std::unique_ptr<ByteStream> stream, Peer peer, Entrance entrance,
            std::optional<Refusal> refusal);

    Task<> run();
    // Ends what has taken too long: a read is broken off (and answered 408), all else is closed.
    void expire(Time now);
    void stop();

    [[nodiscard]] const Peer& peer() const { return peer_; }
    // Since when it waits for a request of which nothing has come yet; none: it is at work, or stopped.
    [[nodiscard]] std::optional<Time> idle_since() const { return idle_since_; }
    boost::asio::cancellation_slot slot() { return waiting_for_journal_.slot(); }

private:
    enum class Doing { reading, answering, writing, streaming };
    enum class Next { request, end };

    Task<Next> read_request();
    Task<bool> continue_body();
    std::size_t feed();
    std::span<char> room();
    Task<Next> answer();
    Task<> finish_refusal();
    std::optional<Work> choose_answer();
    [[nodiscard]] bool is_spared();
    Task<bool> write_out();
    Task<> stream_events();
    Task<bool> stream_entries();
    Task<bool> wait_for_news();
    void append_news();
    void end_when_readable();
    void allow(Doing doing, Duration time);

    ServerState& state_;
    std::unique_ptr<ByteStream> stream_;
    Peer peer_;
    Entrance entrance_;
    std::optional<Refusal> refusal_;

    std::vector<char> buffer_;  // bytes [0, filled_) have been read and not been used yet
    std::size_t filled_ = 0;
    RequestReader reader_;
    Response response_;
    std::string out_;

    Doing doing_ = Doing::reading;
    Time deadline_ = Time::max();
    bool expired_ = false;
    std::optional<Time> idle_since_;
    boost::asio::cancellation_signal waiting_for_journal_;

    // Of an event stream.
    std::uint64_t after_ = 0;  // the last entry that was sent
    ProgressEvents progress_;
    Time said_at_{};
};

}  // namespace pgbosun::http
