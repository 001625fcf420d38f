#include "object_store/store_client.hpp"

#include <curl/curl.h>

#include <cstdlib>
#include <utility>

namespace pgbosun::object_store {
namespace {

constexpr std::int64_t clock_tolerance_s = 300;

std::optional<std::int64_t> server_time(const HttpAnswer& answer) {
    const auto date = answer.headers.find("date");
    const time_t time = date == answer.headers.end() ? -1 : curl_getdate(date->second.c_str(), nullptr);
    if (time < 0) return std::nullopt;
    return static_cast<std::int64_t>(time);
}

std::int64_t local_time() {
    return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now())
        .time_since_epoch()
        .count();
}

// HEAD has no body, and so no code: what it means is found out by the store that asked.
Verdict verdict_of(const HttpRequest& request, const HttpAnswer& answer, const S3Error& error) {
    constexpr int late_status = 500;
    if (request.method == "HEAD" && error.code.empty() && answer.status >= 400 && answer.status <= 404)
        return Verdict::absent;
    if (answer.status < 300 && !error.code.empty()) return judge(late_status, error.code);
    return judge(answer.status, error.code);
}

// Azure tells the code in a header too, and so to HEAD.
S3Error error_of(const HttpAnswer& answer, LateErrors late) {
    constexpr std::size_t code_limit = 64;
    if (answer.status < 300 && late == LateErrors::no) return {};
    S3Error error = parse_error(answer.body);
    const auto header = answer.headers.find("x-ms-error-code");
    if (error.code.empty() && header != answer.headers.end()) error.code = header->second.substr(0, code_limit);
    return error;
}

}  // namespace

Fault refusal(int status, const S3Error& error) {
    const std::string code = error.code.empty() ? "HTTP " + std::to_string(status) : error.code;
    return {FaultKind::refused, "the store answers " + code + (error.message.empty() ? "" : ": " + error.message),
            std::string(hint_for(error.code))};
}

Result<StoreAnswer> StoreClient::ask(const MakeRequest& make, const HttpClient::Sink& sink,
                                     const std::function<void()>& restart, LateErrors late) {
    using Steady = std::chrono::steady_clock;
    VainTime vain(Steady::now());
    const HttpClient::Sink noting = [&](std::span<const std::byte> part) {
        auto taken = sink(part);
        vain.got_on(Steady::now());
        return taken;
    };
    Freshness freshness = Freshness::as_known;
    bool took_time = false;
    for (int attempt = 1;; ++attempt) {
        const SigningTime now{std::chrono::seconds(local_time() + clock_offset_s_)};
        const auto request = make(now, freshness);
        if (!request) return std::unexpected(request.error());
        if (restart) restart();
        auto answer = http_.exchange(*request, sink ? noting : sink);
        Fault fault{FaultKind::unavailable, "", ""};
        if (answer) {
            S3Error error = error_of(*answer, late);
            const Verdict verdict = verdict_of(*request, *answer, error);
            fault = refusal(answer->status, error);
            if (verdict == Verdict::read_credentials &&
                std::exchange(freshness, Freshness::renewed) == Freshness::as_known) {
                // Azure says nothing else of a clock that is off.
                const auto time = server_time(*answer);
                if (time && std::abs(*time - now.time_since_epoch().count()) > clock_tolerance_s) {
                    clock_offset_s_ = *time - local_time();
                }
                continue;
            }
            if (verdict == Verdict::take_server_time && !std::exchange(took_time, true)) {
                const auto time = server_time(*answer);
                if (time) clock_offset_s_ = *time - local_time();
                if (time) continue;
            }
            if (verdict == Verdict::refused || verdict == Verdict::read_credentials ||
                verdict == Verdict::take_server_time) {
                return std::unexpected(std::move(fault));
            }
            if (verdict != Verdict::retry) return StoreAnswer{verdict, *std::move(answer), std::move(error)};
            fault.kind = FaultKind::unavailable;
        } else {
            if (answer.error().again == HttpFailure::Again::no) return std::unexpected(std::move(answer.error().fault));
            fault = std::move(answer.error().fault);
        }
        const auto pause = pause_before_retry(retry_, attempt, vain.failed(Steady::now()), random_fraction());
        if (!pause) return std::unexpected(std::move(fault));
        if (auto waited = http_.pause(*pause); !waited) return std::unexpected(std::move(waited).error());
    }
}

}  // namespace pgbosun::object_store
