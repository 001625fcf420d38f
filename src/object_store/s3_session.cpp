#include "object_store/s3_session.hpp"

#include "object_store/digest.hpp"

namespace pgbosun::object_store {

Result<StoreAnswer> S3Session::ask(const S3Operation& operation, const ObjectStore::Sink& sink,
                                   const std::function<void()>& restart, LateErrors late) {
    const auto make = [&](SigningTime now, Freshness freshness) -> Result<HttpRequest> {
        const auto who = authentication(now, freshness);
        if (!who) return std::unexpected(who.error());
        return signed_request(options_.address, operation, *who, now);
    };
    return client_.ask(make, sink, restart, late);
}

Result<Authentication> S3Session::authentication(SigningTime now, Freshness freshness) {
    const auto& keys = options_.credentials;
    if (options_.address.flavour == Flavour::google && !keys.access_key_id.given()) {
        auto token = google_.get(now, freshness);
        if (!token) return std::unexpected(std::move(token).error());
        return BearerToken{*std::move(token)};
    }
    auto credentials = credentials_.get(now, freshness);
    if (!credentials) return std::unexpected(std::move(credentials).error());
    return *std::move(credentials);
}

S3Operation s3_operation(std::string method, std::string key) {
    return s3_operation(std::move(method), std::move(key), {});
}

S3Operation s3_operation(std::string method, std::string key, std::span<const std::byte> body) {
    return {.method = std::move(method),
            .key = std::move(key),
            .query = {},
            .headers = {},
            .body = body,
            .payload_hash = hex(sha256(body))};
}

void S3Session::describe_new(S3Operation& operation, const ObjectMetadata& metadata) const {
    for (const auto& [name, value] : metadata) operation.headers.emplace_back(names().metadata_prefix + name, value);
    if (options_.encryption == ServerSideEncryption::none) return;
    const bool by_kms = options_.encryption == ServerSideEncryption::kms;
    operation.headers.emplace_back("x-amz-server-side-encryption", by_kms ? "aws:kms" : "AES256");
    if (by_kms && !options_.kms_key_id.empty())
        operation.headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", options_.kms_key_id);
}

}  // namespace pgbosun::object_store
