#include "object_store/s3_session.hpp"

#include "object_store/digest.hpp"

namespace pgbosun::object_store {

Result<StoreAnswer> S3Session::ask(const S3Operation& operation, const ObjectStore::Sink& sink,
                                   const std::function<void()>& restart, LateErrors late) {
    const auto make = [&](SigningTime now, Freshness) -> Result<HttpRequest> {
        const auto credentials = read_credentials(options_.credentials);
        if (!credentials) return std::unexpected(credentials.error());
        return signed_request(options_.address, operation, *credentials, now);
    };
    return client_.ask(make, sink, restart, late);
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

void add_metadata(S3Operation& operation, const ObjectMetadata& metadata) {
    for (const auto& [name, value] : metadata) operation.headers.emplace_back("x-amz-meta-" + name, value);
}

}  // namespace pgbosun::object_store
