#include "cluster_record/etcd_record.hpp"

#include <algorithm>
#include <fstream>

namespace pgbosun::cluster_record {
namespace {

constexpr std::size_t longest_password = 4096;
constexpr std::size_t longest_line = 4U << 20U;  // of a watch: a record and what is around it
constexpr std::size_t most_tries_with_new_tokens = 2;

bool is_about_token(const http::Answered& answered, std::string_view message) {
    return answered.status == 401 || message.find("invalid auth token") != std::string_view::npos ||
           message.find("revision of auth store is old") != std::string_view::npos;
}

// What no other endpoint would answer differently.
std::optional<Fault> refusal(const http::Answered& answered, const std::string& message) {
    if (answered.status == 403) {
        return Fault{FaultKind::refused, "etcd refuses: " + message,
                     "give the user a role that may write below pgbosun/"};
    }
    if (answered.status == 400) {
        return Fault{FaultKind::refused, "etcd refuses: " + message, "with authentication, set record.etcd.user"};
    }
    return std::nullopt;
}

Result<std::string> read_password(const std::optional<std::string>& file) {
    if (!file) return std::string();
    std::ifstream input(*file, std::ios::binary);
    std::string password(longest_password, '\0');
    input.read(password.data(), static_cast<std::streamsize>(password.size()));
    password.resize(static_cast<std::size_t>(input.gcount()));
    password.erase(password.find_last_not_of("\r\n") + 1);
    if (!password.empty()) return password;
    return fail(FaultKind::refused, "record.etcd.password_file " + *file + " cannot be read, or is empty");
}

std::unexpected<Fault> leads(const EtcdValue& leader) { return fail(FaultKind::conflict, leader.value + " leads"); }

std::unexpected<Fault> leads_no_longer() { return fail(FaultKind::conflict, "this candidate leads no longer"); }

// The lines of a watch as they come in pieces.
struct Watching {
    std::string pending;
    std::optional<Fault> fault;
    std::int64_t next = 0;  // the revision to go on with; 0: nothing has been said yet
    RecordChange change = RecordChange::none;

    http::Flow take(std::string_view piece) {
        pending.append(piece);
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            const auto watched = parse_watched(std::string_view(pending).substr(0, end));
            pending.erase(0, end + 1);
            if (!watched) fault = watched.error();
            if (fault || take(*watched)) return http::Flow::enough;
        }
        if (pending.size() > longest_line) fault = Fault{FaultKind::corrupt, "a watch of etcd has no end of line", {}};
        return fault ? http::Flow::enough : http::Flow::more;
    }

private:
    bool take(const EtcdWatched& watched) {
        next = std::max(watched.revision, watched.compacted);
        if (watched.has_events || watched.compacted != 0) change = RecordChange::seen;
        return change == RecordChange::seen || watched.ended;
    }
};

}  // namespace

Result<std::unique_ptr<EtcdRecord>> EtcdRecord::make(boost::asio::io_context& io, EtcdOptions options) {
    const auto tls = std::make_shared<http::ClientTls>(options.trust);
    std::vector<http::Client> clients;
    for (const auto& endpoint : options.endpoints) {
        auto client = http::Client::url(endpoint, tls, "2379");
        if (!client) return std::unexpected(std::move(client.error()).in("record.etcd.endpoints"));
        clients.push_back(std::move(*client));
    }
    if (clients.empty()) return fail(FaultKind::refused, "record.etcd.endpoints is empty");
    return std::unique_ptr<EtcdRecord>(new EtcdRecord(io, std::move(options), std::move(clients)));
}

EtcdRecord::EtcdRecord(boost::asio::io_context& io, EtcdOptions options, std::vector<http::Client> clients)
    : io_(io), options_(std::move(options)), clients_(std::move(clients)),
      prefix_("pgbosun/" + options_.cluster + "/") {}

Task<Result<http::Answered>> EtcdRecord::ask(std::string path, std::string body) {
    http::Question question;
    question.method = "POST";
    question.target = std::move(path);
    question.body = std::move(body);
    question.authorization = token_;
    question.timeout = options_.request_timeout;
    co_return co_await clients_[current_].ask(io_, std::move(question));
}

Task<Result<>> EtcdRecord::authenticate() {
    const auto password = read_password(options_.password_file);
    if (!password) co_return std::unexpected(password.error());
    token_.reset();
    std::string path = "/v3/auth/authenticate";
    std::string body = authenticate_request(*options_.user, *password);
    const auto answered = co_await ask(std::move(path), std::move(body));
    if (!answered) co_return std::unexpected(answered.error());
    if (answered->status == 400 || answered->status == 401) {
        co_return fail(FaultKind::refused,
                       "etcd refuses the user " + *options_.user + ": " + parse_etcd_error(answered->body),
                       "check record.etcd.user and password_file");
    }
    if (answered->status != 200) co_return fail(FaultKind::unavailable, parse_etcd_error(answered->body));
    auto token = parse_token(answered->body);
    if (!token) co_return std::unexpected(std::move(token.error()));
    token_ = std::move(*token);
    co_return Result<>{};
}

Task<Result<EtcdRecord::Called>> EtcdRecord::call(std::string path, std::string body) {
    Fault last{FaultKind::unavailable, "no endpoint", {}};
    std::size_t tokens = 0;
    for (std::size_t tries = 1; tries <= clients_.size() + most_tries_with_new_tokens; ++tries) {
        if (tries - tokens > clients_.size()) break;
        Result<> admitted;
        if (options_.user && !token_) admitted = co_await authenticate();
        if (!admitted && admitted.error().kind == FaultKind::refused) co_return std::unexpected(admitted.error());
        Result<http::Answered> answered = std::unexpected(last);
        if (admitted) {
            answered = co_await ask(path, body);
        } else {
            answered = std::unexpected(admitted.error());
        }
        if (answered && answered->status == 200) co_return Called{std::move(answered->body), tries};
        if (answered) {
            const std::string message = parse_etcd_error(answered->body);
            if (options_.user && is_about_token(*answered, message) && tokens < most_tries_with_new_tokens) {
                token_.reset();
                ++tokens;
                continue;
            }
            if (auto refused = refusal(*answered, message)) co_return std::unexpected(std::move(*refused));
            last = {FaultKind::unavailable, "etcd at " + clients_[current_].name() + ": " + message, {}};
        } else {
            last = std::move(answered.error());
        }
        current_ = (current_ + 1) % clients_.size();
    }
    last.kind = FaultKind::unavailable;
    co_return std::unexpected(std::move(last).in("the record in etcd"));
}

Task<Result<EtcdAnswer>> EtcdRecord::range(std::string key) {
    std::string path = "/v3/kv/range";
    std::string body = range_request(key);
    const auto called = co_await call(std::move(path), std::move(body));
    if (!called) co_return std::unexpected(called.error());
    co_return parse_range(called->body);
}

Task<Result<RecordText>> EtcdRecord::read() {
    std::string key = prefix_ + "record";
    auto answer = co_await range(std::move(key));
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    if (!answer->current) co_return fail(FaultKind::not_found, "etcd has no " + prefix_ + "record");
    co_return RecordText{std::move(answer->current->value), Revision{std::to_string(answer->current->mod_revision)}};
}

Task<Result<Revision>> EtcdRecord::put(std::string text, std::int64_t mod_revision) {
    std::string path = "/v3/kv/txn";
    std::string body = put_request({prefix_ + "record", text, mod_revision, 0});
    const auto called = co_await call(std::move(path), std::move(body));
    if (!called) co_return std::unexpected(called.error());
    const auto answer = parse_put(called->body);
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->succeeded) co_return Revision{std::to_string(answer->revision)};
    // What an endpoint did that then fell silent, the next one tells as a conflict with ourselves.
    if (called->tries > 1 && answer->current && answer->current->value == text) {
        co_return Revision{std::to_string(answer->current->mod_revision)};
    }
    co_return fail(FaultKind::conflict, "the record in etcd is not the one that was read");
}

Task<Result<Revision>> EtcdRecord::create(std::string text) { return put(std::move(text), 0); }

Task<Result<Revision>> EtcdRecord::replace(std::string text, Revision expected) {
    return put(std::move(text), std::max(1LL, std::atoll(expected.value.c_str())));
}

Task<Result<>> EtcdRecord::begin_watching() {
    std::string key = prefix_ + "record";
    const auto now = co_await range(std::move(key));
    if (!now) co_return std::unexpected(now.error());
    told_until_ = now->revision;
    co_return Result<>{};
}

Task<Result<RecordChange>> EtcdRecord::changed(Duration wait) {
    if (told_until_ == 0) {
        const auto begun = co_await begin_watching();
        if (!begun) co_return std::unexpected(begun.error());
        co_return RecordChange::seen;
    }
    if (options_.user && !token_) {
        const auto admitted = co_await authenticate();
        if (!admitted) co_return std::unexpected(admitted.error());
    }
    const auto until = std::chrono::steady_clock::now() + wait;
    Watching watching;
    http::Question question;
    question.method = "POST";
    question.target = "/v3/watch";
    question.body = watch_request(prefix_, told_until_ + 1);
    question.authorization = token_;
    question.timeout = wait;
    question.sink = [&watching](std::string_view piece) { return watching.take(piece); };
    const auto answered = co_await clients_[current_].ask(io_, std::move(question));
    if (watching.fault) co_return std::unexpected(std::move(*watching.fault));
    if (watching.change == RecordChange::seen) {
        told_until_ = watching.next;
        co_return RecordChange::seen;
    }
    if (std::chrono::steady_clock::now() >= until) co_return RecordChange::none;
    current_ = (current_ + 1) % clients_.size();
    token_.reset();
    if (!answered) co_return std::unexpected(answered.error());
    co_return fail(FaultKind::unavailable, "etcd ended the watch: " + parse_etcd_error(answered->body));
}

Task<Result<>> EtcdRecord::campaign(Duration ttl) {
    std::string key = prefix_ + "leader";
    const auto found = co_await range(std::move(key));
    if (!found) co_return std::unexpected(found.error());
    if (found->current && found->current->value != options_.candidate) co_return leads(*found->current);
    if (found->current) {
        lease_ = found->current->lease;  // of an earlier call whose answer was lost
        co_return co_await keep();
    }
    const auto ttl_s = std::chrono::ceil<std::chrono::seconds>(ttl).count();
    std::string path = "/v3/lease/grant";
    std::string body = grant_request(ttl_s);
    const auto called = co_await call(std::move(path), std::move(body));
    if (!called) co_return std::unexpected(called.error());
    const auto lease = parse_lease(called->body);
    if (!lease) co_return std::unexpected(lease.error());
    if (lease->ttl_s < ttl_s) co_return fail(FaultKind::unavailable, "etcd grants a shorter lease than was asked for");
    co_return co_await take_leadership(lease->id);
}

Task<Result<>> EtcdRecord::take_leadership(std::int64_t lease) {
    lease_ = lease;
    std::string path = "/v3/kv/txn";
    std::string body = put_request({prefix_ + "leader", options_.candidate, 0, lease});
    const auto called = co_await call(std::move(path), std::move(body));
    if (!called) co_return std::unexpected(called.error());
    const auto answer = parse_put(called->body);
    if (!answer) co_return std::unexpected(answer.error());
    const bool ours =
        answer->current && answer->current->value == options_.candidate && answer->current->lease == lease;
    if (answer->succeeded || ours) co_return Result<>{};
    std::ignore = co_await resign();  // a lease that nothing hangs on: it runs out by itself too
    if (answer->current) co_return leads(*answer->current);
    co_return fail(FaultKind::conflict, "another candidate was faster");
}

Task<Result<>> EtcdRecord::keep() {
    if (lease_ == 0) co_return leads_no_longer();
    std::string path = "/v3/lease/keepalive";
    std::string body = lease_request(lease_);
    const auto called = co_await call(std::move(path), std::move(body));
    if (!called) co_return std::unexpected(called.error());
    const auto lease = parse_lease(called->body);
    if (!lease) co_return std::unexpected(lease.error());
    std::string key = prefix_ + "leader";
    const auto found = co_await range(std::move(key));
    if (!found) co_return std::unexpected(found.error());
    const bool ours = found->current && found->current->value == options_.candidate && found->current->lease == lease_;
    if (lease->ttl_s > 0 && ours) co_return Result<>{};
    lease_ = 0;
    co_return leads_no_longer();
}

Task<Result<>> EtcdRecord::resign() {
    if (lease_ == 0) co_return Result<>{};
    std::string path = "/v3/lease/revoke";
    std::string body = lease_request(std::exchange(lease_, 0));
    const auto answered = co_await ask(std::move(path), std::move(body));
    // 404: it has run out already.
    if (answered && (answered->status == 200 || answered->status == 404)) co_return Result<>{};
    if (!answered) co_return std::unexpected(answered.error());
    co_return fail(FaultKind::unavailable, "etcd: " + parse_etcd_error(answered->body));
}

Task<Result<std::optional<std::string>>> EtcdRecord::leader() {
    std::string key = prefix_ + "leader";
    auto answer = co_await range(std::move(key));
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    if (!answer->current) co_return std::optional<std::string>();
    co_return std::optional(std::move(answer->current->value));
}

std::string EtcdRecord::describe() const {
    std::string text = "etcd at ";
    for (const auto& endpoint : options_.endpoints) text.append(text.ends_with(' ') ? "" : ",").append(endpoint);
    return text;
}

}  // namespace pgbosun::cluster_record
