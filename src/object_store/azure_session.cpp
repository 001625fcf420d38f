#include "object_store/azure_session.hpp"

#include <algorithm>

namespace pgbosun::object_store {

Result<StoreAnswer> AzureSession::ask(const AzureOperation& operation, const ObjectStore::Sink& sink,
                                      const std::function<void()>& restart) {
    const auto make = [&](SigningTime now, Freshness freshness) -> Result<HttpRequest> {
        const auto who = credentials_.get(now, freshness);
        if (!who) return std::unexpected(who.error());
        return authorized_request(options_.address, operation, *who, now);
    };
    return client_.ask(make, sink, restart);
}

void add_azure_metadata(AzureOperation& operation, const ObjectMetadata& metadata) {
    for (const auto& [name, value] : metadata) {
        std::string header = "x-ms-meta-" + name;
        std::replace(header.begin() + 10, header.end(), '-', '_');
        operation.headers.emplace_back(std::move(header), value);
    }
}

}  // namespace pgbosun::object_store
