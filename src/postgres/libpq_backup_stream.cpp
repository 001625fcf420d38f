#include "postgres/libpq_backup_stream.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

namespace pgbosun::postgres {
namespace {

constexpr Duration for_start = std::chrono::hours(2);    // a checkpoint that is spread, summaries that are awaited
constexpr Duration for_more = std::chrono::minutes(10);  // between two messages
constexpr std::uint64_t lowest_rate = 32, highest_rate = 1'048'576;  // kB/s: what MAX_RATE takes

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
};
struct Free {
    void operator()(char* memory) const { PQfreemem(memory); }
};
using Answer = std::unique_ptr<PGresult, Clear>;

std::string one_line(const char* message) {
    std::string text = message == nullptr ? "" : message;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    for (char& c : text) {
        if (c == '\n' || c == '\t') c = ' ';
    }
    return text;
}

std::string literal(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    return quoted + "'";
}

void hand_on(void* visitor, const PGresult* notice) {
    static_cast<BackupStreamVisitor*>(visitor)->warning(one_line(PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY)));
}

// One connection, from its opening to the end of the backup.
class Stream {
public:
    Stream(const SessionTarget& target, const std::stop_token& stop) : stop_(stop), connection_(open(target)) {}

    Result<BackupStreamEnd> run(const BackupStreamOrders& orders,
                                const std::function<Result<>(const BackupStream::Sink&)>& parent_manifest,
                                BackupStreamVisitor& visitor) {
        if (PQstatus(connection_.get()) != CONNECTION_OK) return lost();
        PQsetNoticeReceiver(connection_.get(), hand_on, &visitor);
        // Whoever waits for this socket then sees its end. The callback has ended before the connection is closed.
        const std::stop_callback closing(stop_, [this] { ::shutdown(PQsocket(connection_.get()), SHUT_RDWR); });
        if (auto uploaded = upload(parent_manifest); !uploaded) return std::unexpected(std::move(uploaded.error()));
        return back_up(orders, visitor);
    }

private:
    static std::unique_ptr<PGconn, Finish> open(const SessionTarget& target) {
        const std::pair<const char*, std::string> keywords[] = {
            {"host", target.host},        {"port", std::to_string(target.port)},
            {"user", target.user},        {"dbname", "replication"},
            {"replication", "true"},      {"application_name", target.application_name},
            {"connect_timeout", "30"},    {"gssencmode", "disable"},
            {"sslmode", "disable"},  // the server's own socket
            {"passfile", "/nonexistent"},
        };
        std::vector<const char*> names, values;
        for (const auto& [name, value] : keywords) {
            names.push_back(name);
            values.push_back(value.c_str());
        }
        names.push_back(nullptr);
        values.push_back(nullptr);
        std::unique_ptr<PGconn, Finish> connection(PQconnectdbParams(names.data(), values.data(), 0));
        if (!connection) throw std::bad_alloc();
        return connection;
    }

    [[nodiscard]] std::unexpected<Fault> lost() const {
        if (stop_.stop_requested()) return fail(FaultKind::cancelled, "the backup was cancelled");
        return fail(FaultKind::unavailable, one_line(PQerrorMessage(connection_.get())));
    }

    // What the server said instead of what was expected.
    [[nodiscard]] std::unexpected<Fault> refusal(const PGresult* result) const {
        if (stop_.stop_requested() || result == nullptr) return lost();
        const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        if (code == nullptr) return fail(FaultKind::unavailable, one_line(PQresultErrorMessage(result)));
        const std::string_view state(code);
        // 08 connection, 53 resources, 57 an operator: not this time.
        const bool passes = state.starts_with("08") || state.starts_with("53") || state.starts_with("57");
        std::string what = std::string(state) + " " + one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
        if (const auto detail = one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL)); !detail.empty()) {
            what += " (" + detail + ")";
        }
        return fail(passes ? FaultKind::unavailable : FaultKind::refused, std::move(what),
                    one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)));
    }

    // Until the socket can be read. Reads what is there.
    Result<> wait(Duration longest) {
        pollfd watched{PQsocket(connection_.get()), POLLIN, 0};
        const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(longest).count();
        const int ready = ::poll(&watched, 1, static_cast<int>(milliseconds));
        if (ready == 0) return fail(FaultKind::unavailable, "no answer from PostgreSQL in time");
        if (ready < 0 && errno != EINTR) return fail(FaultKind::unavailable, "waiting for PostgreSQL failed");
        if (PQconsumeInput(connection_.get()) == 0) return lost();
        return {};
    }

    // Null: there is none any more.
    Result<Answer> next(Duration longest) {
        while (PQisBusy(connection_.get()) != 0) {
            if (auto more = wait(longest); !more) return std::unexpected(std::move(more.error()));
        }
        return Answer(PQgetResult(connection_.get()));
    }

    Result<Answer> expect(ExecStatusType status, Duration longest) {
        auto answer = next(longest);
        if (!answer) return answer;
        if (PQresultStatus(answer->get()) != status) return refusal(answer->get());
        return answer;
    }

    Result<> upload(const std::function<Result<>(const BackupStream::Sink&)>& parent_manifest) {
        if (PQsendQuery(connection_.get(), "UPLOAD_MANIFEST") == 0) return lost();
        if (auto begun = expect(PGRES_COPY_IN, for_more); !begun) return std::unexpected(std::move(begun.error()));
        const auto put = [this](std::span<const std::byte> piece) -> Result<> {
            const auto* const bytes = reinterpret_cast<const char*>(piece.data());
            if (PQputCopyData(connection_.get(), bytes, static_cast<int>(piece.size())) != 1) return lost();
            return {};
        };
        if (auto fed = parent_manifest(put); !fed) return fed;
        if (PQputCopyEnd(connection_.get(), nullptr) != 1) return lost();
        if (auto taken = expect(PGRES_COMMAND_OK, for_more); !taken) return std::unexpected(std::move(taken.error()));
        return end_of_results();
    }

    Result<> end_of_results() {
        const auto last = next(for_more);
        if (!last) return std::unexpected(last.error());
        if (*last) return refusal(last->get());
        return {};
    }

    Result<BackupStreamEnd> back_up(const BackupStreamOrders& orders, BackupStreamVisitor& visitor) {
        if (PQsendQuery(connection_.get(), base_backup_statement(orders).c_str()) == 0) return lost();
        const auto start = position(for_start);
        if (!start) return std::unexpected(start.error());
        if (auto begun = visitor.begin(start->lsn, start->timeline); !begun) {
            return std::unexpected(std::move(begun.error()));
        }
        // The tablespaces, whose tars name them again.
        if (auto listed = expect(PGRES_TUPLES_OK, for_more); !listed) return std::unexpected(std::move(listed.error()));
        if (auto copied = copy(visitor); !copied) return std::unexpected(std::move(copied.error()));
        auto end = position(for_more);
        if (!end) return end;
        // Wrong pages are said here, when all has been sent.
        if (auto whole = expect(PGRES_COMMAND_OK, for_more); !whole) return std::unexpected(std::move(whole.error()));
        if (auto nothing = end_of_results(); !nothing) return std::unexpected(std::move(nothing.error()));
        return end;
    }

    Result<BackupStreamEnd> position(Duration longest) {
        const auto row = expect(PGRES_TUPLES_OK, longest);
        if (!row) return std::unexpected(row.error());
        const bool one = PQntuples(row->get()) == 1 && PQnfields(row->get()) >= 2;
        const std::string_view text = one ? PQgetvalue(row->get(), 0, 0) : "";
        const std::string_view digits = one ? PQgetvalue(row->get(), 0, 1) : "";
        std::uint32_t timeline = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), timeline);
        const auto lsn = parse_lsn(text);
        if (!lsn || error != std::errc{} || end != digits.data() + digits.size()) {
            return fail(FaultKind::corrupt, "PostgreSQL's answer to BASE_BACKUP was not understood");
        }
        return BackupStreamEnd{*lsn, Timeline{timeline}};
    }

    Result<> copy(BackupStreamVisitor& visitor) {
        if (auto begun = expect(PGRES_COPY_OUT, for_more); !begun) return std::unexpected(std::move(begun.error()));
        for (;;) {
            char* taken = nullptr;
            const int length = PQgetCopyData(connection_.get(), &taken, 1);
            const std::unique_ptr<char, Free> message(taken);
            if (length == -1) return {};
            if (length == -2) return lost();
            if (length == 0) {
                if (auto more = wait(for_more); !more) return more;
                continue;
            }
            if (auto handled = handle({message.get(), static_cast<std::size_t>(length)}, visitor); !handled)
                return handled;
        }
    }

    // Manual: "Streaming Replication Protocol", BASE_BACKUP.
    static Result<> handle(std::string_view message, BackupStreamVisitor& visitor) {
        const auto body = message.substr(1);
        switch (message.front()) {
            case 'n': return visitor.tar(std::string(body.substr(0, body.find('\0'))));
            case 'm': return visitor.manifest();
            case 'd': return visitor.content(std::as_bytes(std::span(body.data(), body.size())));
            case 'p': return {};
            default: return fail(FaultKind::corrupt, "PostgreSQL sent a message that is not of a base backup");
        }
    }

    const std::stop_token& stop_;
    const std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace

std::string base_backup_statement(const BackupStreamOrders& orders) {
    std::string statement = "BASE_BACKUP ( LABEL " + literal(orders.label) + ", CHECKPOINT " +
                            (orders.immediate_checkpoint ? "'fast'" : "'spread'") +
                            ", WAIT 0, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C', INCREMENTAL";
    if (orders.checking == PageChecking::off) statement += ", VERIFY_CHECKSUMS 0";
    if (orders.max_rate > 0) {
        const auto rate = std::clamp(orders.max_rate / 1024, lowest_rate, highest_rate);
        statement += ", MAX_RATE " + std::to_string(rate);
    }
    return statement + ", TARGET 'client' )";
}

Result<BackupStreamEnd> LibpqBackupStream::incremental(const BackupStreamOrders& orders,
                                                       const std::function<Result<>(const Sink&)>& parent_manifest,
                                                       BackupStreamVisitor& visitor) {
    if (stop_.stop_requested()) return fail(FaultKind::cancelled, "the backup was cancelled");
    return Stream(target_, stop_).run(orders, parent_manifest, visitor);
}

}  // namespace pgbosun::postgres
