#include "object_store/s3_store.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

#include "object_store/digest.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t keys_at_once = 1000;  // S3's limit of one DeleteObjects
const std::string token_mark = "\x01";
constexpr std::string_view metadata_prefix = "x-amz-meta-";

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

double random_fraction() {
    thread_local std::mt19937_64 generator{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(generator);
}

S3Operation without_body(std::string method, std::string key) {
    return {.method = std::move(method), .key = std::move(key), .query = {}, .headers = {}, .body = {}, .payload_hash = sha256_hex("")};
}

Fault refusal(int status, const S3Error& error) {
    const std::string code = error.code.empty() ? "HTTP " + std::to_string(status) : error.code;
    return {FaultKind::refused, "the store answers " + code + (error.message.empty() ? "" : ": " + error.message),
            std::string(hint_for(error.code))};
}

std::optional<std::int64_t> server_time(const HttpAnswer& answer) {
    const auto date = answer.headers.find("date");
    const time_t time = date == answer.headers.end() ? -1 : curl_getdate(date->second.c_str(), nullptr);
    if (time < 0) return std::nullopt;
    return static_cast<std::int64_t>(time);
}

std::int64_t local_time() {
    return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch().count();
}

Result<ObjectFacts> facts_of(const std::string& key, const HttpAnswer& answer) {
    ObjectFacts facts{.key = key, .size = 0, .metadata = {}};
    const auto length = answer.headers.find("content-length");
    const std::string digits = length == answer.headers.end() ? "" : length->second;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), facts.size);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        return fail(FaultKind::unavailable, "the store does not tell the size of " + key);
    }
    for (const auto& [name, value] : answer.headers) {
        if (name.starts_with(metadata_prefix)) facts.metadata[name.substr(metadata_prefix.size())] = value;
    }
    return facts;
}

// Stores differ in whether `start-after` a prefix skips the prefix itself; what was told before is left out here.
Listing relative(S3Page page, const std::string& root, const std::string& prefix, const std::string& after) {
    const auto is_new = [&](const std::string& full) {
        return full.starts_with(root + prefix) && full.substr(root.size()) > after;
    };
    Listing listing;
    std::string last = after;
    for (auto& object : page.objects) {
        if (!is_new(object.key)) continue;
        object.key.erase(0, root.size());
        last = std::max(last, object.key);
        listing.objects.push_back(std::move(object));
    }
    for (const auto& full : page.prefixes) {
        if (!is_new(full)) continue;
        listing.prefixes.push_back(full.substr(root.size()));
        last = std::max(last, listing.prefixes.back());
    }
    std::sort(listing.objects.begin(), listing.objects.end(),
              [](const ObjectFacts& left, const ObjectFacts& right) { return left.key < right.key; });
    std::sort(listing.prefixes.begin(), listing.prefixes.end());
    if (page.more == S3Page::More::yes) listing.next = page.token.empty() ? last : token_mark + page.token;
    return listing;
}

std::unexpected<Fault> absent(const std::string& key) {
    return fail(FaultKind::not_found, "the store has no " + key);
}

std::unexpected<Fault> conflict(const std::string& key) {
    return fail(FaultKind::conflict, key + " exists already in the store");
}

}  // namespace

S3ObjectStore::S3ObjectStore(S3Options options)
    : options_(std::move(options)), client_(options_.limits, options_.ca_file) {}

Result<S3ObjectStore::Answer> S3ObjectStore::ask(const S3Operation& operation, const Sink& sink,
                                                 const std::function<void()>& restart) {
    const auto began = std::chrono::steady_clock::now();
    bool read_again = false;
    bool took_time = false;
    for (int attempt = 1;; ++attempt) {
        const auto credentials = read_credentials(options_.credentials);
        if (!credentials) return std::unexpected(credentials.error());
        const SigningTime now{std::chrono::seconds(local_time() + clock_offset_s_)};
        if (restart) restart();
        auto answer = client_.exchange(signed_request(options_.address, operation, *credentials, now), sink);
        Fault fault{FaultKind::unavailable, "", ""};
        if (answer) {
            S3Error error = answer->status < 300 ? S3Error{} : parse_error(answer->body);
            // HEAD has no body, and so no code: what it means is found out by head().
            const bool silent = operation.method == "HEAD" && answer->status >= 400 && answer->status <= 404;
            const Verdict verdict = silent ? Verdict::absent : judge(answer->status, error.code);
            fault = refusal(answer->status, error);
            if (verdict == Verdict::read_credentials && !std::exchange(read_again, true)) continue;
            if (verdict == Verdict::take_server_time && !std::exchange(took_time, true)) {
                const auto time = server_time(*answer);
                if (time) clock_offset_s_ = *time - local_time();
                if (time) continue;
            }
            if (verdict == Verdict::refused || verdict == Verdict::read_credentials ||
                verdict == Verdict::take_server_time) {
                return std::unexpected(std::move(fault));
            }
            if (verdict != Verdict::retry) return Answer{verdict, *std::move(answer), std::move(error)};
            fault.kind = FaultKind::unavailable;
        } else {
            if (answer.error().again == HttpFailure::Again::no) return std::unexpected(std::move(answer.error().fault));
            fault = std::move(answer.error().fault);
        }
        const Duration elapsed = std::chrono::steady_clock::now() - began;
        const auto pause = pause_before_retry(options_.retry, attempt, elapsed, random_fraction());
        if (!pause) return std::unexpected(std::move(fault));
        if (auto waited = client_.pause(*pause); !waited) return std::unexpected(std::move(waited).error());
    }
}

S3Operation S3ObjectStore::put_operation(const std::string& key, std::span<const std::byte> body,
                                         const ObjectMetadata& metadata) const {
    S3Operation operation{.method = "PUT", .key = options_.prefix + key, .query = {}, .headers = {}, .body = body, .payload_hash = hex(sha256(body))};
    for (const auto& [name, value] : metadata) {
        operation.headers.emplace_back(std::string(metadata_prefix) + name, value);
    }
    return operation;
}

Result<> S3ObjectStore::put(const std::string& key, std::span<const std::byte> body,
                            const ObjectMetadata& metadata) {
    if (auto fits = check_key(key); !fits) return fits;
    const auto answer = ask(put_operation(key, body, metadata));
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::success) return {};
    return std::unexpected(refusal(answer->http.status, answer->error));
}

Result<> S3ObjectStore::put_if_absent(const std::string& key, std::span<const std::byte> body,
                                      const ObjectMetadata& metadata) {
    if (auto fits = check_key(key); !fits) return fits;
    const auto known = condition();
    if (!known) return std::unexpected(known.error());
    if (*known == Condition::ignored) return put_after_head(key, body, metadata);
    S3Operation operation = put_operation(key, body, metadata);
    operation.headers.emplace_back("if-none-match", "*");
    const auto answer = ask(operation);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::success) return {};
    if (answer->verdict == Verdict::exists) return conflict(key);
    return std::unexpected(refusal(answer->http.status, answer->error));
}

Result<> S3ObjectStore::put_after_head(const std::string& key, std::span<const std::byte> body,
                                       const ObjectMetadata& metadata) {
    const auto there = head(key);
    if (there) return conflict(key);
    if (there.error().kind != FaultKind::not_found) return std::unexpected(there.error());
    return put(key, body, metadata);
}

Result<S3ObjectStore::Condition> S3ObjectStore::condition() {
    if (const Condition known = condition_; known != Condition::unknown) return known;
    const std::lock_guard lock(probing_);
    if (const Condition known = condition_; known != Condition::unknown) return known;
    const auto found = probe();
    if (found) condition_ = *found;
    return found;
}

// Two rounds: the probe may be there from before. When somebody removes it between ours, the safe answer is `ignored`.
Result<S3ObjectStore::Condition> S3ObjectStore::probe() {
    S3Operation operation = put_operation(options_.probe_key, bytes("pgbosun asks here whether If-None-Match holds\n"), {});
    operation.headers.emplace_back("if-none-match", "*");
    for (int round = 0; round < 2; ++round) {
        const auto answer = ask(operation);
        if (!answer) return std::unexpected(Fault(answer.error()).in("probing for conditional writes"));
        if (answer->verdict == Verdict::exists) return Condition::honoured;
        if (answer->verdict != Verdict::success) return Condition::ignored;
    }
    return Condition::ignored;
}

Result<ObjectFacts> S3ObjectStore::get(const std::string& key, const Sink& sink,
                                       const std::function<void()>& restart) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    const auto answer = ask(without_body("GET", options_.prefix + key), sink, restart);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::absent) return absent(key);
    if (answer->http.status == 200) return facts_of(key, answer->http);
    return std::unexpected(refusal(answer->http.status, answer->error));
}

// A 404 to HEAD may also mean that the bucket is not there, or come from a proxy; only the document that GET brings
// says which (and so for an expired token). "There is no such segment" ends a recovery: it is worth the question.
Result<ObjectFacts> S3ObjectStore::head(const std::string& key) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    constexpr int rounds = 2;  // the object may appear between the two questions
    for (int round = 0; round < rounds; ++round) {
        const auto answer = ask(without_body("HEAD", options_.prefix + key));
        if (!answer) return std::unexpected(answer.error());
        if (answer->verdict == Verdict::success) return facts_of(key, answer->http);
        bool there = false;
        const Sink stop_at_first_byte = [&](std::span<const std::byte>) -> Result<> {
            there = true;
            return fail(FaultKind::unavailable, key + " appeared in the store while it was asked for");
        };
        const auto said = ask(without_body("GET", options_.prefix + key), stop_at_first_byte);
        if (!said && !there) return std::unexpected(said.error());
        if (said && said->verdict == Verdict::absent) return absent(key);
    }
    return fail(FaultKind::unavailable, "the store contradicts itself about " + key);
}

// `next` is the store's own continuation token where there is one: not every store lists in key order, and then going
// on after the last key would leave others out. The mark cannot begin a key, which holds no control characters.
Result<Listing> S3ObjectStore::list(const std::string& prefix, const std::string& delimiter,
                                    const std::optional<std::string>& after) {
    const std::string from = after.value_or("");
    const bool continues = from.starts_with(token_mark);
    S3Operation operation = without_body("GET", "");
    operation.query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "1000"}, {"prefix", options_.prefix + prefix}};
    if (!delimiter.empty()) operation.query.emplace_back("delimiter", delimiter);
    if (continues) operation.query.emplace_back("continuation-token", from.substr(1));
    if (!continues && !from.empty()) operation.query.emplace_back("start-after", options_.prefix + from);
    const auto answer = ask(operation);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict != Verdict::success) return std::unexpected(refusal(answer->http.status, answer->error));
    auto page = parse_listing(answer->http.body);
    if (!page) return std::unexpected(std::move(page).error());
    Listing listing = relative(*std::move(page), options_.prefix, prefix, continues ? "" : from);
    if (listing.next && *listing.next == from) {
        return fail(FaultKind::corrupt, "the store's listing of " + prefix + " does not get on");
    }
    return listing;
}

Result<> S3ObjectStore::remove(const std::vector<std::string>& keys) {
    for (const auto& key : keys) {
        if (auto fits = check_key(key); !fits) return fits;
    }
    for (std::size_t at = 0; at < keys.size(); at += keys_at_once) {
        const std::size_t end = std::min(keys.size(), at + keys_at_once);
        const auto from = keys.begin() + static_cast<std::ptrdiff_t>(at);
        if (auto done = remove_some({from, keys.begin() + static_cast<std::ptrdiff_t>(end)}); !done) return done;
    }
    return {};
}

Result<> S3ObjectStore::remove_some(const std::vector<std::string>& keys) {
    std::vector<std::string> full;
    full.reserve(keys.size());
    for (const auto& key : keys) full.push_back(options_.prefix + key);
    const std::string body = delete_request(full);
    const S3Operation operation{.method = "POST", .key = "", .query = {{"delete", ""}},
                                .headers = {{"content-md5", md5_base64(body)}},
                                .body = bytes(body), .payload_hash = sha256_hex(body)};
    const auto answer = ask(operation);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict != Verdict::success) return std::unexpected(refusal(answer->http.status, answer->error));
    const auto left = parse_delete_result(answer->http.body);
    if (!left) return std::unexpected(left.error());
    if (!*left) return {};
    Fault fault = refusal(answer->http.status, **left);
    if (judge(0, (*left)->code) == Verdict::retry) fault.kind = FaultKind::unavailable;
    return std::unexpected(std::move(fault));
}

std::string S3ObjectStore::describe() const {
    std::string text = "s3://" + options_.address.bucket + '/' + options_.prefix;
    text.pop_back();
    return text;
}

void S3ObjectStore::cancel() { client_.cancel(); }

}  // namespace pgbosun::object_store
