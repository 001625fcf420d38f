#include "object_store/retry_policy.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace pgbosun::object_store {
namespace {

using Row = std::pair<std::string_view, Verdict>;

constexpr std::array<Row, 27> verdicts{{
    {"NoSuchKey", Verdict::absent},
    {"NoSuchUpload", Verdict::absent},
    {"BlobNotFound", Verdict::absent},
    {"PreconditionFailed", Verdict::exists},
    {"BlobAlreadyExists", Verdict::exists},
    {"ConditionNotMet", Verdict::exists},
    {"NotImplemented", Verdict::unsupported},
    {"SlowDown", Verdict::retry},
    {"SlowDownRead", Verdict::retry},
    {"SlowDownWrite", Verdict::retry},
    {"RequestTimeout", Verdict::retry},
    {"InternalError", Verdict::retry},
    {"ServiceUnavailable", Verdict::retry},
    {"OperationAborted", Verdict::retry},
    {"ServerBusy", Verdict::retry},
    {"OperationTimedOut", Verdict::retry},
    {"ConditionalRequestConflict", Verdict::retry},
    {"XAmzContentSHA256Mismatch", Verdict::retry},  // damaged on its way: it is sent again
    {"BadDigest", Verdict::retry},
    {"IncompleteBody", Verdict::retry},
    {"ExpiredToken", Verdict::read_credentials},
    {"TokenRefreshRequired", Verdict::read_credentials},
    {"InvalidAccessKeyId", Verdict::read_credentials},
    {"SignatureDoesNotMatch", Verdict::read_credentials},
    {"AuthenticationFailed", Verdict::read_credentials},
    {"InvalidAuthenticationInfo", Verdict::read_credentials},
    {"RequestTimeTooSkewed", Verdict::take_server_time},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> hints{{
    {"NoSuchBucket", "create the bucket, or correct archive.destination"},
    {"InvalidAccessKeyId", "check archive.credentials.access_key_id"},
    {"SignatureDoesNotMatch", "check archive.credentials.secret_access_key and archive.region"},
    {"ExpiredToken", "renew the session token that archive.credentials names"},
    {"ContainerNotFound", "create the container, or correct archive.destination"},
    {"AuthenticationFailed", "check what archive.azure names, the account in archive.destination, and the clock"},
    {"AuthorizationPermissionMismatch", "give the identity the role Storage Blob Data Contributor on the container"},
    {"AuthenticationRequired", "check archive.gcs.service_account_file, or the role of the service account"},
    {"AccessDenied",
     "allow s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListBucket and "
     "s3:ListBucketMultipartUploads on the destination"},
    {"AuthorizationHeaderMalformed", "check archive.region"},
    {"PermanentRedirect", "check archive.region and archive.endpoint_url"},
    {"RequestTimeTooSkewed", "correct the clock of this machine"},
}};

}  // namespace

std::optional<Duration> pause_before_retry(const RetryPolicy& policy, int attempt, Duration vain, double random) {
    if (attempt >= policy.attempts) return std::nullopt;
    Duration ceiling = policy.first_pause;
    for (int doubled = 1; doubled < attempt && ceiling < policy.longest_pause; ++doubled) ceiling *= 2;
    ceiling = std::min(ceiling, policy.longest_pause);
    const auto pause = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::nano>(ceiling) * random);
    if (vain + pause >= policy.total) return std::nullopt;
    return pause;
}

double random_fraction() {
    thread_local std::mt19937_64 generator{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(generator);
}

Verdict judge(int status, std::string_view code) {
    if (status >= 200 && status < 300) return Verdict::success;
    for (const auto& [known, verdict] : verdicts) {
        if (known == code) return verdict;
    }
    switch (status) {
        case 408:
        case 429:
        case 500:
        case 502:
        case 503:
        case 504: return Verdict::retry;
        case 401: return Verdict::read_credentials;
        case 412: return Verdict::exists;
        case 501: return Verdict::unsupported;
        // An error document without S3's code comes from something in between, which knows nothing of objects.
        case 404: return code.empty() ? Verdict::retry : Verdict::refused;
        default: return Verdict::refused;
    }
}

std::string_view hint_for(std::string_view code) {
    for (const auto& [known, hint] : hints) {
        if (known == code) return hint;
    }
    return "";
}

}  // namespace pgbosun::object_store
