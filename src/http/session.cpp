#include "http/session.hpp"

#include <algorithm>

#include "http/wire.hpp"

namespace pgbosun::http {
namespace {

constexpr std::size_t first_buffer = 2048;
constexpr std::size_t kept_output = 8192;
constexpr std::size_t max_lingering_bytes = 256 * 1024;
constexpr std::size_t entries_at_once = 100;

// Counts an open event stream for as long as it lives.
class OpenStream {
public:
    explicit OpenStream(Traffic& traffic) : traffic_(traffic) { ++traffic_.event_streams; }
    ~OpenStream() { --traffic_.event_streams; }
    OpenStream(const OpenStream&) = delete;
    OpenStream& operator=(const OpenStream&) = delete;

private:
    Traffic& traffic_;
};

Problem too_slow() { return {408, "the request did not arrive whole in time", "send it again, all of it at once", {}}; }

Problem too_many_streams() {
    return {503, "too many event streams are open", "close one, or read /v1/journal?since=ID", "Retry-After: 5\r\n"};
}

void append_event(std::string& out, const JournalEntry& entry, const InstanceStatus& status) {
    out.append("id: ").append(std::to_string(entry.id)).append("\nevent: ").append(entry.kind);
    out.append("\ndata: ").append(render_event(entry, status.phase, status.role)).append("\n\n");
}

}  // namespace

Session::Session(ServerState& state, std::unique_ptr<ByteStream> stream, Peer peer, Entrance entrance,
                 std::optional<Refusal> refusal)
    : state_(state), stream_(std::move(stream)), peer_(std::move(peer)), entrance_(entrance),
      refusal_(std::move(refusal)), reader_(state.limits), progress_(state.limits.progress) {}

Task<> Session::run() {
    allow(Doing::writing, state_.limits.head);
    const auto error = co_await stream_->handshake();
    if (error) {
        ++state_.traffic.handshake_failures;
        stream_->close();
        co_return;
    }
    if (auto* tcp = std::get_if<TcpPeer>(&peer_)) tcp->certificate = stream_->certificate();
    for (;;) {
        const Next read = co_await read_request();
        if (read == Next::end) break;
        const Next answered = co_await answer();
        if (answered == Next::end) break;
    }
    stream_->close();
}

void Session::allow(Doing doing, Duration time) {
    doing_ = doing;
    deadline_ = std::chrono::steady_clock::now() + time;
}

void Session::expire(Time now) {
    if (now < deadline_) return;
    deadline_ = Time::max();
    if (doing_ == Doing::reading && !expired_) {
        expired_ = true;
        stream_->cancel();
    } else {
        stream_->close();
    }
}

void Session::stop() {
    idle_since_.reset();
    if (doing_ == Doing::streaming) waiting_for_journal_.emit(boost::asio::cancellation_type::terminal);
    stream_->close();
}

std::span<char> Session::room() {
    if (buffer_.empty()) buffer_.resize(first_buffer);
    // The head has to be in one piece; the reader gives up before it is longer than its limit.
    if (filled_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    return std::span(buffer_).subspan(filled_);
}

std::size_t Session::feed() {
    const std::size_t used = reader_.feed({buffer_.data(), filled_});
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used),
              buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
    filled_ -= used;
    return used;
}

Task<bool> Session::continue_body() {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const bool written = co_await stream_->write(go_on);
    co_return written;
}

Task<Session::Next> Session::read_request() {
    using State = RequestReader::State;
    reader_ = RequestReader(state_.limits);
    if (filled_ == 0 && buffer_.size() > first_buffer) std::vector<char>(first_buffer).swap(buffer_);
    allow(Doing::reading, filled_ == 0 ? state_.limits.idle : state_.limits.head);
    bool begun = filled_ != 0;
    if (!begun) idle_since_ = std::chrono::steady_clock::now();
    for (State before = State::head;;) {
        if (filled_ != 0) feed();
        const State state = reader_.state();
        if (state == State::done || state == State::failed) co_return Next::request;
        if (state == State::body && before == State::head) {
            allow(Doing::reading, state_.limits.body);
            if (reader_.expects_continue()) {
                const bool told = co_await continue_body();
                if (!told) co_return Next::end;
            }
        }
        before = state;
        const std::size_t count = co_await stream_->read_some(room());
        idle_since_.reset();
        if (count == 0) co_return expired_&& begun ? Next::request : Next::end;
        filled_ += count;
        if (!begun) allow(Doing::reading, refusal_ ? state_.limits.linger : state_.limits.head);
        begun = true;
    }
}

std::optional<Work> Session::choose_answer() {
    const auto refuse = [this](const Problem& problem) {
        Api::refuse(problem, response_);
        response_.connection = Connection::close;
        return std::nullopt;
    };
    if (refusal_ && !is_spared()) return refuse(refusal_->problem);
    if (expired_) return refuse(too_slow());
    if (reader_.state() == RequestReader::State::failed) return refuse(reader_.problem());
    if (refusal_) response_.connection = Connection::close;
    return state_.api.answer(reader_.request(), peer_, entrance_, state_.credentials, response_);
}

bool Session::is_spared() {
    return refusal_->spares == Refusal::Spares::checks && reader_.state() == RequestReader::State::done &&
           state_.api.is_check(reader_.request());
}

Task<Session::Next> Session::answer() {
    response_.clear();
    doing_ = Doing::answering;
    deadline_ = Time::max();
    auto command = choose_answer();
    const bool refused = response_.connection == Connection::close;
    if (command) co_await state_.api.carry_out(std::move(*command), response_);
    if (response_.events_after && state_.traffic.event_streams >= state_.limits.event_streams) {
        response_.clear();
        Api::refuse(too_many_streams(), response_);
    }
    if (reader_.request().connection == Connection::close) response_.connection = Connection::close;
    ++state_.traffic.answered[response_.status];
    append(out_, response_, reader_.request());
    if (response_.body.capacity() > kept_output) std::string().swap(response_.body);
    if (response_.events_after && reader_.request().method == Method::get) {
        co_await stream_events();
        co_return Next::end;
    }
    const bool written = co_await write_out();
    if (written && refused) co_await finish_refusal();
    if (!written || response_.connection == Connection::close || response_.events_after) co_return Next::end;
    co_return Next::request;
}

Task<bool> Session::write_out() {
    allow(Doing::writing, state_.limits.write);
    const bool written = co_await stream_->write(out_);
    out_.clear();
    if (out_.capacity() > kept_output) std::string().swap(out_);
    co_return written;
}

// Closing while bytes of the request are unread would make the kernel reset the connection, and the answer may be
// lost on the way: read on for a moment.
Task<> Session::finish_refusal() {
    allow(Doing::writing, state_.limits.linger);
    co_await stream_->end();
    for (std::size_t read = 0; read < max_lingering_bytes;) {
        filled_ = 0;
        const std::size_t count = co_await stream_->read_some(room());
        if (count == 0) co_return;
        read += count;
    }
}

// Nothing is expected from the reader of an event stream: whatever comes, most likely its end, ends the stream.
void Session::end_when_readable() {
    stream_->socket().async_wait(Socket::wait_read, [weak = weak_from_this()](const boost::system::error_code& error) {
        const auto session = weak.lock();
        if (session && !error) session->stop();
    });
}

Task<> Session::stream_events() {
    const OpenStream open(state_.traffic);
    after_ = *response_.events_after;
    out_.append("retry: 1000\n\n");
    said_at_ = std::chrono::steady_clock::now();
    const bool begun = co_await write_out();
    if (!begun) co_return;
    end_when_readable();
    for (bool going_on = true; going_on;) going_on = co_await stream_entries();
}

Task<bool> Session::stream_entries() {
    append_news();
    if (out_.empty()) {
        const bool open = co_await wait_for_news();
        if (!open) co_return false;
        append_news();
    }
    const Time now = std::chrono::steady_clock::now();
    if (out_.empty() && now - said_at_ >= state_.limits.heartbeat) out_.append(": still here\n\n");
    if (out_.empty()) co_return true;
    said_at_ = now;
    const bool written = co_await write_out();
    co_return written;
}

void Session::append_news() {
    const InstanceStatus& status = state_.control->status();
    const auto entries = state_.journal->since(after_, entries_at_once);
    for (const auto& entry : entries) append_event(out_, entry, status);
    if (!entries.empty()) after_ = entries.back().id;
    out_.append(progress_.due(status, std::chrono::steady_clock::now()));
}

Task<bool> Session::wait_for_news() {
    // stop() while a piece was being written cannot cancel a wait that has not begun.
    if (!stream_->socket().is_open()) co_return false;
    doing_ = Doing::streaming;
    deadline_ = Time::max();
    const Duration silent = std::chrono::steady_clock::now() - said_at_;
    const Duration rest = std::max<Duration>(state_.limits.heartbeat - silent, std::chrono::milliseconds(1));
    co_await state_.journal->wait(after_, std::min(rest, progress_.patience(state_.control->status())));
    co_return stream_->socket().is_open();
}

}  // namespace pgbosun::http
