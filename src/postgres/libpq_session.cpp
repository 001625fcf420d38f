#include "postgres/libpq_session.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <cstdlib>
#include <deque>
#include <new>
#include <optional>
#include <utility>

#include "postgres/session_keywords.hpp"

namespace pgbosun::postgres {
namespace asio = boost::asio;
namespace {

constexpr std::size_t most_waiting = 16;
constexpr int most_unread = 16;
constexpr std::size_t most_rows = 100'000;
constexpr std::size_t most_bytes = 16U << 20;

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Finish>;
using Answer = std::unique_ptr<PGresult, Clear>;

std::string one_line(const char* message) {
    std::string text = message == nullptr ? "" : message;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    for (char& c : text)
        if (c == '\n' || c == '\t') c = ' ';
    return text;
}

Conninfo environment_keywords() {
    static constexpr std::pair<const char*, const char*> variables[] = {
        {"passfile", "PGPASSFILE"},       {"sslmode", "PGSSLMODE"}, {"sslcert", "PGSSLCERT"},    {"sslkey", "PGSSLKEY"},
        {"sslrootcert", "PGSSLROOTCERT"}, {"sslcrl", "PGSSLCRL"},   {"sslcrldir", "PGSSLCRLDIR"}};
    Conninfo given;
    for (const auto& [keyword, variable] : variables) {
        if (const char* value = std::getenv(variable)) given.emplace(keyword, value);
    }
    return given;
}

// Adds what a result holds; an error is what the server said.
Result<> append_result(const PGresult* result, Rows& rows, std::size_t& bytes) {
    switch (PQresultStatus(result)) {
        case PGRES_SINGLE_TUPLE:
        case PGRES_TUPLES_OK: break;
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY: return {};
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT:
        case PGRES_COPY_BOTH: return fail(FaultKind::refused, "0A000 COPY cannot be used here");
        default: {
            const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
            const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
            if (code == nullptr) return fail(FaultKind::unavailable, one_line(PQresultErrorMessage(result)));
            return fail(FaultKind::refused, std::string(code) + " " + one_line(message),
                        one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)));
        }
    }
    const int columns = PQnfields(result);
    if (rows.columns.empty()) {
        for (int column = 0; column < columns; ++column) {
            rows.columns.emplace_back(PQfname(result, column));
            rows.types.push_back(PQftype(result, column));
        }
    }
    for (int row = 0; row < PQntuples(result); ++row) {
        std::vector<Field>& fields = rows.rows.emplace_back();
        fields.reserve(static_cast<std::size_t>(columns));
        for (int column = 0; column < columns; ++column) {
            const auto length = static_cast<std::size_t>(PQgetlength(result, row, column));
            bytes += length + sizeof(Field);
            if (PQgetisnull(result, row, column) != 0)
                fields.emplace_back(std::nullopt);
            else
                fields.emplace_back(std::string(PQgetvalue(result, row, column), length));
        }
    }
    if (rows.rows.size() > most_rows || bytes > most_bytes)
        return fail(FaultKind::refused, "54000 the answer is longer than 100,000 rows or 16 MiB");
    return {};
}

}  // namespace

struct LibpqSession::State {
    State(asio::io_context& io, SessionTarget wanted) : target(std::move(wanted)), socket(io), deadline(io) {}

    // From connecting on until the last result is one turn; `number` tells a late timer whose turn it was armed for.
    struct Turn {
        explicit Turn(State& owner) : state(owner) {
            assert(!state.busy);
            state.busy = true;
            ++state.number;
            state.expired = state.dropped = false;
        }
        ~Turn() {
            state.deadline.cancel();
            if (!completed) state.disconnect();
            state.busy = false;
            if (!state.waiting.empty()) state.waiting.front()->cancel();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        State& state;
        bool completed = false;
    };

    void disconnect() {
        boost::system::error_code ignored;
        socket.close(ignored);
        connection.reset();
    }

    void drop() {
        dropped = true;
        boost::system::error_code ignored;
        socket.cancel(ignored);
        if (!busy) disconnect();
    }

    Result<> watch_socket() {
        // A duplicate, so that closing it takes it out of epoll whatever libpq does with its own; libpq changes its
        // descriptor only while it connects.
        const int number_of_socket = PQsocket(connection.get());
        if (number_of_socket == watched && socket.is_open()) return {};
        const int copy = ::fcntl(number_of_socket, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) return fail(FaultKind::unavailable, "the connection has no socket");
        boost::system::error_code error;
        socket.close(error);
        socket.assign(copy, error);
        if (error) {
            ::close(copy);
            return fail(FaultKind::unavailable, "watching the connection: " + error.message());
        }
        watched = number_of_socket;
        return {};
    }

    [[nodiscard]] std::optional<Fault> interrupted() const {
        if (dropped) return Fault{FaultKind::unavailable, "the connection was closed meanwhile", {}};
        if (expired) return Fault{FaultKind::unavailable, "no answer from PostgreSQL in time", {}};
        return std::nullopt;
    }

    const SessionTarget target;
    Connection connection;
    asio::posix::stream_descriptor socket;
    int watched = -1;
    asio::steady_timer deadline;
    bool busy = false;
    bool expired = false;
    bool dropped = false;
    bool ended = false;
    std::uint64_t number = 0;
    std::deque<asio::steady_timer*> waiting;
};

namespace {

using WaitType = asio::posix::stream_descriptor::wait_type;

template <class State>
Task<Result<>> wait_for(std::shared_ptr<State> state, WaitType what) {
    if (auto fault = state->interrupted()) co_return std::unexpected(*std::move(fault));
    auto watched = state->watch_socket();
    if (!watched) co_return watched;
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await state->socket.async_wait(what, token);
    if (auto fault = state->interrupted()) co_return std::unexpected(*std::move(fault));
    if (error == asio::error::operation_aborted) co_return fail(FaultKind::cancelled, "the query was given up");
    if (error) co_return fail(FaultKind::unavailable, "waiting for PostgreSQL: " + error.message());
    co_return Result<>{};
}

// In arrival order, each woken by the one before it.
template <class State>
Task<Result<>> wait_for_turn(std::shared_ptr<State> state, std::chrono::steady_clock::time_point until) {
    if (state->ended) co_return fail(FaultKind::unavailable, "the session has ended");
    if (!state->busy && state->waiting.empty()) co_return Result<>{};
    if (state->waiting.size() >= most_waiting)
        co_return fail(FaultKind::unavailable, "too many queries wait for this session");
    asio::steady_timer place(state->deadline.get_executor(), until);
    state->waiting.push_back(&place);
    struct Leave {
        ~Leave() {
            std::erase(queue, place);
            if (was_called && !took_turn && !queue.empty()) queue.front()->cancel();
        }
        std::deque<asio::steady_timer*>& queue;
        asio::steady_timer* place;
        bool was_called = false;
        bool took_turn = false;
    } leave{state->waiting, &place};
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await place.async_wait(token);
    const bool in_front = !state->waiting.empty() && state->waiting.front() == &place;
    leave.was_called = in_front && !state->busy;
    if (state->ended) co_return fail(FaultKind::unavailable, "the session has ended");
    if (!leave.was_called || std::chrono::steady_clock::now() >= until)
        co_return fail(FaultKind::unavailable, "the query before it did not end in time");
    leave.took_turn = true;
    co_return Result<>{};
}

template <class State>
Task<Result<>> connect_to(std::shared_ptr<State> state, Conninfo further) {
    const Conninfo keywords = session_keywords(state->target, std::move(further), environment_keywords());
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : keywords) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    state->connection.reset(PQconnectStartParams(names.data(), values.data(), 0));
    if (!state->connection) throw std::bad_alloc();
    PGconn* connection = state->connection.get();

    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (PQstatus(connection) != CONNECTION_BAD && next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        // libpq may have another socket of the same number: it tries the next address of a name, or without encryption.
        state->watched = -1;
        const WaitType what = next == PGRES_POLLING_READING ? WaitType::wait_read : WaitType::wait_write;
        auto ready = co_await wait_for(state, what);
        if (!ready) co_return ready;
        // On a Unix socket whose backlog is full (a stopped server) libpq takes EAGAIN for progress, and fails here at
        // once with "not connected".
        next = PQconnectPoll(connection);
    }
    if (PQstatus(connection) != CONNECTION_OK)
        co_return fail(FaultKind::unavailable, one_line(PQerrorMessage(connection)));
    if (PQsetnonblocking(connection, 1) != 0)
        co_return fail(FaultKind::unavailable, one_line(PQerrorMessage(connection)));
    PQsetNoticeReceiver(connection, [](void*, const PGresult*) {}, nullptr);
    co_return Result<>{};
}

template <class State>
void arm(const std::shared_ptr<State>& state, std::chrono::steady_clock::time_point until) {
    state->deadline.expires_at(until);
    state->deadline.async_wait([state, turn = state->number](const boost::system::error_code& error) {
        if (error || turn != state->number || !state->busy) return;
        state->expired = true;
        boost::system::error_code ignored;
        state->socket.cancel(ignored);
    });
}

// One host after the other, each with its share of the time: libpq itself would wait for a silent one for ever.
template <class State>
Task<Result<>> connect(std::shared_ptr<State> state, std::chrono::steady_clock::time_point until) {
    if (state->target.any_of.empty()) {
        Conninfo only = state->target.further;
        co_return co_await connect_to(state, std::move(only));
    }
    Result<> connected;
    for (std::size_t left = state->target.any_of.size(); left > 0; --left) {
        const auto now = std::chrono::steady_clock::now();
        arm(state, now + (until - now) / static_cast<int>(left));
        Conninfo next = state->target.any_of[state->target.any_of.size() - left];
        connected = co_await connect_to(state, std::move(next));
        if (connected || state->dropped || left == 1) break;
        state->disconnect();
        state->expired = false;
    }
    if (connected) arm(state, until);
    co_return connected;
}

struct FreeMemory {
    void operator()(char* text) const { PQfreemem(text); }
};

// `sql` with $1 ... $9 replaced.
Result<std::string> with_literals(PGconn* connection, std::string_view sql, const std::vector<Field>& parameters) {
    std::string text;
    for (std::size_t at = 0; at < sql.size(); ++at) {
        const std::size_t number =
            sql[at] == '$' && at + 1 < sql.size() ? static_cast<std::size_t>(sql[at + 1] - '0') : 0;
        if (number < 1 || number > parameters.size()) {
            text += sql[at];
            continue;
        }
        const Field& value = parameters[number - 1];
        ++at;
        if (!value) {
            text += "NULL";
            continue;
        }
        const std::unique_ptr<char, FreeMemory> literal(PQescapeLiteral(connection, value->data(), value->size()));
        if (!literal) return fail(FaultKind::refused, one_line(PQerrorMessage(connection)));
        text += literal.get();
    }
    return text;
}

Result<> send_simple(PGconn* connection, const std::string& sql, const std::vector<Field>& parameters) {
    const auto text = with_literals(connection, sql, parameters);
    if (!text) return std::unexpected(text.error());
    if (PQsendQuery(connection, text->c_str()) == 0)
        return fail(FaultKind::unavailable, one_line(PQerrorMessage(connection)));
    PQsetSingleRowMode(connection);
    return {};
}

Result<> send(PGconn* connection, const std::string& sql, const std::vector<Field>& parameters) {
    std::vector<const char*> values;
    for (const Field& value : parameters) values.push_back(value ? value->c_str() : nullptr);
    if (PQsendQueryParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                          nullptr, 0) == 0)
        return fail(FaultKind::unavailable, one_line(PQerrorMessage(connection)));
    PQsetSingleRowMode(connection);
    return {};
}

template <class State>
Task<Result<>> flush(std::shared_ptr<State> state) {
    PGconn* connection = state->connection.get();
    int left = PQflush(connection);
    while (left == 1) {
        auto ready = co_await wait_for(state, WaitType::wait_write);
        if (!ready) co_return ready;
        // The server may be sending instead of reading: both ways must move.
        if (PQconsumeInput(connection) == 0)
            co_return fail(FaultKind::unavailable, one_line(PQerrorMessage(connection)));
        left = PQflush(connection);
    }
    if (left != 0) co_return fail(FaultKind::unavailable, one_line(PQerrorMessage(connection)));
    co_return Result<>{};
}

// Reads to the end of the answer even after an error, so that the connection can be used again.
template <class State>
Task<Result<Rows>> receive(std::shared_ptr<State> state) {
    PGconn* connection = state->connection.get();
    Rows rows;
    std::size_t bytes = 0;
    std::optional<Fault> first_fault;
    for (;;) {
        while (PQisBusy(connection) != 0) {
            auto ready = co_await wait_for(state, WaitType::wait_read);
            if (!ready) co_return std::unexpected(std::move(ready).error());
            if (PQconsumeInput(connection) == 0)
                co_return fail(FaultKind::unavailable, one_line(PQerrorMessage(connection)));
        }
        const Answer answer(PQgetResult(connection));
        if (!answer) break;
        auto appended = append_result(answer.get(), rows, bytes);
        if (appended) continue;
        if (!first_fault) first_fault = std::move(appended).error();
        const bool more_to_come = PQresultStatus(answer.get()) != PGRES_FATAL_ERROR;
        if (more_to_come) state->drop();
        if (more_to_come || PQstatus(connection) == CONNECTION_BAD) break;
    }
    if (first_fault && PQstatus(connection) == CONNECTION_BAD) first_fault->kind = FaultKind::unavailable;
    if (first_fault) co_return std::unexpected(*std::move(first_fault));
    co_return rows;
}

// Between two queries the server may have gone: what it said last, and after that the end of the stream, wait here.
bool still_there(PGconn* connection) {
    if (connection == nullptr) return false;
    for (int i = 0; i < most_unread && PQstatus(connection) == CONNECTION_OK; ++i) {
        pollfd socket{.fd = PQsocket(connection), .events = POLLIN, .revents = 0};
        if (::poll(&socket, 1, 0) == 0) return true;
        if (PQconsumeInput(connection) == 0) return false;
    }
    return false;
}

enum class Protocol { extended, simple, script };

template <class State>
Task<Result<Rows>> run(std::shared_ptr<State> state, Protocol protocol, std::string sql, std::vector<Field> parameters,
                       std::chrono::steady_clock::time_point until) {
    auto ready = co_await wait_for_turn(state, until);
    if (!ready) co_return std::unexpected(std::move(ready).error());
    typename State::Turn turn(*state);
    arm(state, until);

    if (!still_there(state->connection.get())) {
        state->disconnect();
        auto connected = co_await connect(state, until);
        if (!connected) co_return std::unexpected(std::move(connected).error().in("connecting to PostgreSQL"));
    }
    auto sent = protocol == Protocol::extended ? send(state->connection.get(), sql, parameters)
                                               : send_simple(state->connection.get(), sql, parameters);
    if (!sent) co_return std::unexpected(std::move(sent).error());
    auto flushed = co_await flush(state);
    if (!flushed) co_return std::unexpected(std::move(flushed).error());
    Result<Rows> rows = co_await receive(state);
    const bool left_open = PQtransactionStatus(state->connection.get()) != PQTRANS_IDLE;
    if (rows && protocol == Protocol::script && left_open) {
        co_return fail(FaultKind::refused, "25001 a transaction is left open", "end it with COMMIT in the same text");
    }
    turn.completed = !state->dropped && !state->expired && PQstatus(state->connection.get()) == CONNECTION_OK &&
                     (rows || rows.error().kind == FaultKind::refused);
    co_return rows;
}

}  // namespace

LibpqSession::LibpqSession(asio::io_context& io, SessionTarget target)
    : state_(std::make_shared<State>(io, std::move(target))) {}

LibpqSession::~LibpqSession() {
    state_->ended = true;
    state_->drop();
    for (asio::steady_timer* place : state_->waiting) place->cancel();
}

Task<Result<Rows>> LibpqSession::query(std::string sql, std::vector<Field> parameters, Duration timeout) {
    // Frozen now, not at the first resumption: the coroutine starts when it is awaited.
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(timeout);
    const auto protocol = state_->target.route == Route::walsender ? Protocol::simple : Protocol::extended;
    return run(state_, protocol, std::move(sql), std::move(parameters), until);
}

Task<Result<>> LibpqSession::script(std::string sql, Duration timeout) {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(timeout);
    std::vector<Field> none;
    const auto done = co_await run(state_, Protocol::script, std::move(sql), std::move(none), until);
    co_return done ? Result<>() : std::unexpected(done.error());
}

void LibpqSession::close() { state_->drop(); }

}  // namespace pgbosun::postgres
