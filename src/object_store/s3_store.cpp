#include "object_store/s3_store.hpp"

#include <algorithm>
#include <utility>

#include "object_store/digest.hpp"
#include "object_store/s3_upload.hpp"
#include "object_store/store_answers.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t keys_at_once = 1000;  // S3's limit of one DeleteObjects
using Clock = std::chrono::steady_clock;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

}  // namespace

S3ObjectStore::S3ObjectStore(S3Options options) : session_(std::move(options)), options_(session_.options()) {}

S3Operation S3ObjectStore::put_operation(const std::string& key, std::span<const std::byte> body,
                                         const ObjectMetadata& metadata) const {
    S3Operation operation = s3_operation("PUT", options_.prefix + key, body);
    session_.describe_new(operation, metadata);
    return operation;
}

Result<> S3ObjectStore::put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) {
    if (auto fits = check_key(key); !fits) return fits;
    const auto answer = session_.ask(put_operation(key, body, metadata));
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::success) return {};
    return std::unexpected(refusal(answer->http.status, answer->error));
}

Result<> S3ObjectStore::put_if_absent(const std::string& key, std::span<const std::byte> body,
                                      const ObjectMetadata& metadata) {
    if (auto fits = check_key(key); !fits) return fits;
    const auto known = condition();
    if (!known) return std::unexpected(known.error());
    if (*known == Condition::ignored) return put_after_looking(key, body, metadata);
    S3Operation operation = put_operation(key, body, metadata);
    operation.headers.push_back(session_.names().if_absent);
    const auto answer = session_.ask(operation);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::success) return {};
    if (answer->verdict == Verdict::exists) return conflict(key);
    return std::unexpected(refusal(answer->http.status, answer->error));
}

Result<> S3ObjectStore::put_after_looking(const std::string& key, std::span<const std::byte> body,
                                          const ObjectMetadata& metadata) {
    using Known = RecentAbsence::Known;
    const Known known = look_in_listing(key);
    if (known == Known::present) return conflict(key);
    if (known == Known::unknown) {
        const std::lock_guard lock(looking_);
        absence_.begin(key);
    }
    auto done = known == Known::absent ? put(key, body, metadata) : put_after_head(key, body, metadata);
    const std::lock_guard lock(looking_);
    absence_.release(key, Clock::now());
    return done;
}

Result<> S3ObjectStore::put_after_head(const std::string& key, std::span<const std::byte> body,
                                       const ObjectMetadata& metadata) {
    const auto there = head(key);
    if (there) return conflict(key);
    if (there.error().kind != FaultKind::not_found) return std::unexpected(there.error());
    return put(key, body, metadata);
}

RecentAbsence::Known S3ObjectStore::look_in_listing(const std::string& key) {
    const std::string directory = directory_of(key);
    const auto claim = [&] {
        const std::lock_guard lock(looking_);
        return absence_.claim(key, Clock::now());
    };
    {
        const std::lock_guard lock(looking_);
        const bool busy = absence_.is_busy(directory, Clock::now());
        const auto known = absence_.claim(key, Clock::now());
        if (known != RecentAbsence::Known::unknown || !busy) return known;
    }
    const std::lock_guard one_at_a_time(listing_);
    if (const auto known = claim(); known != RecentAbsence::Known::unknown) return known;
    const auto asked = Clock::now();
    const std::string from = key.substr(0, key.size() - 1);
    const auto listing = list(directory, "", from);
    // What is wrong with the store, the question that follows will tell.
    if (!listing) return RecentAbsence::Known::unknown;
    {
        const std::lock_guard lock(looking_);
        absence_.learn(directory, from, *listing, asked);
    }
    return claim();
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
    S3Operation operation =
        put_operation(options_.probe_key, bytes("pgbosun asks here whether If-None-Match holds\n"), {});
    operation.headers.push_back(session_.names().if_absent);
    for (int round = 0; round < 2; ++round) {
        const auto answer = session_.ask(operation);
        if (!answer) return std::unexpected(Fault(answer.error()).in("probing for conditional writes"));
        if (answer->verdict == Verdict::exists) return Condition::honoured;
        if (answer->verdict != Verdict::success) return Condition::ignored;
    }
    return Condition::ignored;
}

Result<std::unique_ptr<PartedUpload>> S3ObjectStore::begin_parted(const std::string& key, std::uint64_t part_size,
                                                                  const ObjectMetadata& metadata) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    return S3Upload::begin(session_, options_.prefix + key, part_size, metadata);
}

Result<std::uint64_t> S3ObjectStore::abort_unfinished(const std::string& prefix) {
    return abort_uploads_below(session_, options_.prefix + prefix);
}

Result<ObjectFacts> S3ObjectStore::get(const std::string& key, const Sink& sink, const std::function<void()>& restart) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    const auto answer = session_.ask(s3_operation("GET", options_.prefix + key), sink, restart);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::absent) return absent(key);
    if (answer->http.status == 200) return facts_of(key, answer->http, session_.names().metadata_prefix);
    return std::unexpected(refusal(answer->http.status, answer->error));
}

// A 404 to HEAD may also mean that the bucket is not there, or come from a proxy; only the document that GET brings
// says which (and so for an expired token). "There is no such segment" ends a recovery: it is worth the question.
Result<ObjectFacts> S3ObjectStore::head(const std::string& key) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    constexpr int rounds = 2;  // the object may appear between the two questions
    for (int round = 0; round < rounds; ++round) {
        const auto answer = session_.ask(s3_operation("HEAD", options_.prefix + key));
        if (!answer) return std::unexpected(answer.error());
        if (answer->verdict == Verdict::success) return facts_of(key, answer->http, session_.names().metadata_prefix);
        bool there = false;
        const Sink stop_at_first_byte = [&](std::span<const std::byte>) -> Result<> {
            there = true;
            return fail(FaultKind::unavailable, key + " appeared in the store while it was asked for");
        };
        const auto said = session_.ask(s3_operation("GET", options_.prefix + key), stop_at_first_byte);
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
    S3Operation operation = s3_operation("GET", "");
    operation.query = {
        {"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "1000"}, {"prefix", options_.prefix + prefix}};
    if (!delimiter.empty()) operation.query.emplace_back("delimiter", delimiter);
    if (continues) operation.query.emplace_back("continuation-token", from.substr(1));
    if (!continues && !from.empty()) operation.query.emplace_back("start-after", options_.prefix + from);
    const auto answer = session_.ask(operation);
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
    if (session_.names().removal == FlavourNames::Removal::one_by_one) return remove_one_by_one(keys);
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
    const S3Operation operation{.method = "POST",
                                .key = "",
                                .query = {{"delete", ""}},
                                .headers = {{"content-md5", md5_base64(body)}},
                                .body = bytes(body),
                                .payload_hash = sha256_hex(body)};
    const auto answer = session_.ask(operation);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict != Verdict::success) return std::unexpected(refusal(answer->http.status, answer->error));
    const auto left = parse_delete_result(answer->http.body);
    if (!left) return std::unexpected(left.error());
    if (!*left) return {};
    Fault fault = refusal(answer->http.status, **left);
    if (judge(0, (*left)->code) == Verdict::retry) fault.kind = FaultKind::unavailable;
    return std::unexpected(std::move(fault));
}

Result<> S3ObjectStore::remove_one_by_one(const std::vector<std::string>& keys) {
    for (const auto& key : keys) {
        const auto answer = session_.ask(s3_operation("DELETE", options_.prefix + key));
        if (!answer) return std::unexpected(answer.error());
        const bool gone = answer->verdict == Verdict::success || answer->verdict == Verdict::absent;
        if (!gone) return std::unexpected(refusal(answer->http.status, answer->error));
    }
    return {};
}

std::string S3ObjectStore::describe() const {
    const bool google = options_.address.flavour == Flavour::google;
    std::string text = (google ? "gs://" : "s3://") + options_.address.bucket + '/' + options_.prefix;
    text.pop_back();
    return text;
}

void S3ObjectStore::cancel() { session_.cancel(); }

}  // namespace pgbosun::object_store
