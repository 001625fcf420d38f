#pragma once
// One request to a store over HTTP, tried again by the one retry policy, with credentials and clock corrected
// on the way: what S3, Azure Blob and Google Cloud Storage share, whose error documents have one shape.
// Blocking; any thread.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "object_store/http_client.hpp"
#include "object_store/retry_policy.hpp"
#include "object_store/s3_messages.hpp"
#include "object_store/sigv4.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::object_store {

struct StoreAnswer {
    Verdict verdict;
    HttpAnswer http;
    S3Error error;
};

// Whether what is known of the credentials will do, or the store has just said that it is no longer good.
enum class Freshness { as_known, renewed };

// A success may still hold an error document: S3 answers 200 before it has completed a parted upload.
enum class LateErrors { no, possible };

// Makes the request for one attempt, signed for that moment.
using MakeRequest = std::function<Result<HttpRequest>(SigningTime now, Freshness credentials)>;

class StoreClient {
public:
    StoreClient(HttpLimits limits, std::optional<std::string> ca_file, RetryPolicy retry)
        : http_(limits, std::move(ca_file)), retry_(retry) {}

    // Answers with success, absent, exists or unsupported; all else is a Fault. `restart` comes before each
    // attempt.
    Result<StoreAnswer> ask(const MakeRequest& make, const HttpClient::Sink& sink = {},
                            const std::function<void()>& restart = {}, LateErrors late = LateErrors::no);
    void cancel() { http_.cancel(); }
    HttpClient& http() { return http_; }

private:
    HttpClient http_;
    const RetryPolicy retry_;
    std::atomic<std::int64_t> clock_offset_s_ = 0;  // the store's clock less ours
};

// What the store said, as a Fault of kind `refused`.
Fault refusal(int status, const S3Error& error);

}  // namespace pgbosun::object_store
