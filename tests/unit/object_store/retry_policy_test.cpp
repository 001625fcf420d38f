#include "object_store/retry_policy.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
using namespace std::chrono_literals;

TEST_CASE("pauses double up to the longest, with full jitter") {
    const RetryPolicy policy{.first_pause = 100ms, .longest_pause = 1s, .total = 60s, .attempts = 100};
    struct Row {
        int attempt;
        double random;
        Duration pause;
    };
    const auto row = GENERATE(Row{1, 0.0, 0ms}, Row{1, 0.5, 50ms}, Row{2, 0.5, 100ms}, Row{4, 0.5, 400ms},
                              Row{5, 0.5, 500ms}, Row{99, 0.5, 500ms});
    CAPTURE(row.attempt);

    CHECK(pause_before_retry(policy, row.attempt, 0s, row.random) == row.pause);
}

TEST_CASE("a call gives up after its attempts or its time") {
    const RetryPolicy policy{.first_pause = 100ms, .longest_pause = 1s, .total = 10s, .attempts = 3};

    CHECK(pause_before_retry(policy, 2, 0s, 0.5));
    CHECK_FALSE(pause_before_retry(policy, 3, 0s, 0.5));
    CHECK(pause_before_retry(policy, 1, 9949ms, 0.5));
    CHECK_FALSE(pause_before_retry(policy, 1, 9950ms, 0.5));
    CHECK_FALSE(pause_before_retry(policy, 1, 11s, 0.0));
}

TEST_CASE("the time in which an answer came counts for nothing, what came to nothing adds up") {
    const VainTime::Moment began{};
    VainTime vain(began);

    CHECK(vain.failed(began + 5s) == 5s);
    vain.got_on(began + 600s);  // a pause, and then ten minutes of a good download
    CHECK(vain.failed(began + 630s) == 35s);
    CHECK(vain.failed(began + 640s) == 45s);  // nothing came at all
    vain.got_on(began + 650s);
    CHECK(vain.failed(began + 650s) == 45s);
}

TEST_CASE("an answer is judged by S3's code first, then by its status") {
    struct Row {
        int status;
        const char* code;
        Verdict verdict;
    };
    const auto row = GENERATE(
        Row{200, "", Verdict::success}, Row{204, "", Verdict::success}, Row{404, "NoSuchKey", Verdict::absent},
        Row{404, "NoSuchBucket", Verdict::refused}, Row{404, "", Verdict::retry}, Row{412, "", Verdict::exists},
        Row{412, "PreconditionFailed", Verdict::exists}, Row{409, "ConditionalRequestConflict", Verdict::retry},
        Row{501, "", Verdict::unsupported}, Row{503, "SlowDown", Verdict::retry}, Row{500, "", Verdict::retry},
        Row{502, "", Verdict::retry}, Row{504, "", Verdict::retry}, Row{408, "", Verdict::retry},
        Row{429, "", Verdict::retry}, Row{400, "RequestTimeout", Verdict::retry}, Row{400, "", Verdict::refused},
        Row{400, "ExpiredToken", Verdict::read_credentials},
        Row{403, "RequestTimeTooSkewed", Verdict::take_server_time}, Row{403, "AccessDenied", Verdict::refused},
        Row{301, "PermanentRedirect", Verdict::refused}, Row{505, "", Verdict::refused});
    CAPTURE(row.status, row.code);

    CHECK(judge(row.status, row.code) == row.verdict);
}

TEST_CASE("who may not do something is told all that is needed, uploads included") {
    for (const auto* action : {"GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListBucket ",
                               "ListBucketMultipartUploads"}) {
        CAPTURE(action);
        CHECK(hint_for("AccessDenied").find("s3:" + std::string(action)) != std::string_view::npos);
    }
}
