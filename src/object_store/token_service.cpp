#include "object_store/token_service.hpp"

#include "object_store/retry_policy.hpp"

namespace pgbosun::object_store {
namespace {

constexpr RetryPolicy policy{.first_pause = std::chrono::milliseconds(100),
                             .longest_pause = std::chrono::seconds(1),
                             .total = std::chrono::seconds(15),
                             .attempts = TokenService::attempts};
constexpr double middle = 0.5;  // of the jitter: one process asks one service

HttpLimits limits() {
    HttpLimits limits;
    limits.connect = TokenService::connect_limit;
    limits.stall = TokenService::request_limit;
    limits.request = TokenService::request_limit;
    limits.connections = 2;
    limits.body = 256 * 1024;
    return limits;
}

bool passes(int status) { return status == 408 || status == 429 || status >= 500; }

}  // namespace

TokenService::TokenService(std::optional<std::string> ca_file) : http_(limits(), std::move(ca_file)) {}

Result<std::string> TokenService::ask(const TokenRequest& request, const std::string& what) {
    const auto began = std::chrono::steady_clock::now();
    HttpRequest http{.method = request.method,
                     .url = request.url,
                     .headers = request.headers,
                     .body = std::as_bytes(std::span(request.body.data(), request.body.size())),
                     .proxy = request.proxy};
    http.headers.emplace_back("expect:");
    for (int attempt = 1;; ++attempt) {
        auto answer = http_.exchange(http);
        Fault fault{FaultKind::unavailable, "", ""};
        if (answer && answer->status == 200) return std::move(answer->body);
        if (answer) {
            fault.what = what + " answers HTTP " + std::to_string(answer->status);
            if (!passes(answer->status)) return fail(FaultKind::refused, std::move(fault.what));
        } else {
            fault = std::move(answer.error().fault).in(what);
            fault.hint.clear();
            if (answer.error().again == HttpFailure::Again::no) return std::unexpected(std::move(fault));
        }
        const auto elapsed = std::chrono::steady_clock::now() - began;
        const auto pause = pause_before_retry(policy, attempt, elapsed, middle);
        if (!pause) return std::unexpected(std::move(fault));
        if (auto waited = http_.pause(*pause); !waited) return std::unexpected(std::move(waited).error());
    }
}

}  // namespace pgbosun::object_store
