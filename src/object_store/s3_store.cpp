#include "object_store/s3_store.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "object_store/digest.hpp"
#include "object_store/s3_upload.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t keys_at_once = 1000;  // S3's limit of one DeleteObjects
const std::string token_mark = "\x01";
constexpr std::string_view metadata_prefix = "x-amz-meta-";
using Clock = std::chrono::steady_clock;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

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

S3ObjectStore::S3ObjectStore(S3Options options) : session_(std::move(options)), options_(session_.options()) {}

S3Operation S3ObjectStore::put_operation(const std::string& key, std::span<const std::byte> body,
                                         const ObjectMetadata& metadata) const {
    S3Operation operation = s3_operation("PUT", options_.prefix + key, body);
    add_metadata(operation, metadata);
    return operation;
}

Result<> S3ObjectStore::put(const std::string& key, std::span<const std::byte> body,
                            const ObjectMetadata& metadata) {
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
    operation.headers.emplace_back("if-none-match", "*");
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
    S3Operation operation = put_operation(options_.probe_key, bytes("pgbosun asks here whether If-None-Match holds\n"), {});
    operation.headers.emplace_back("if-none-match", "*");
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

Result<ObjectFacts> S3ObjectStore::get(const std::string& key, const Sink& sink,
                                       const std::function<void()>& restart) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    const auto answer = session_.ask(s3_operation("GET", options_.prefix + key), sink, restart);
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
        const auto answer = session_.ask(s3_operation("HEAD", options_.prefix + key));
        if (!answer) return std::unexpected(answer.error());
        if (answer->verdict == Verdict::success) return facts_of(key, answer->http);
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
    operation.query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "1000"}, {"prefix", options_.prefix + prefix}};
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

std::string S3ObjectStore::describe() const {
    std::string text = "s3://" + options_.address.bucket + '/' + options_.prefix;
    text.pop_back();
    return text;
}

void S3ObjectStore::cancel() { session_.cancel(); }

}  // namespace pgbosun::object_store
