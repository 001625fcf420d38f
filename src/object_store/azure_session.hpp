#pragma once
// Authorized requests to one container; what the Azure store and its parted uploads share. Blocking; any
// thread.

#include <optional>
#include <string>

#include "object_store/azure_credentials.hpp"
#include "object_store/azure_request.hpp"
#include "object_store/store_client.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

struct AzureOptions {
    AzureAddress address;
    std::string prefix;  // "" or "path/"
    AzureCredentials credentials;
    Environment environment = process_environment();
    std::optional<std::string> ca_file;
    HttpLimits limits;
    RetryPolicy retry;
};

class AzureSession {
public:
    explicit AzureSession(AzureOptions options)
        : options_(std::move(options)), credentials_(options_.credentials, options_.environment),
          client_(options_.limits, options_.ca_file, options_.retry) {}

    // As S3Session::ask.
    Result<StoreAnswer> ask(const AzureOperation& operation, const ObjectStore::Sink& sink = {},
                            const std::function<void()>& restart = {});
    [[nodiscard]] const AzureOptions& options() const { return options_; }
    void cancel() {
        client_.cancel();
        credentials_.cancel();
    }

private:
    const AzureOptions options_;
    AzureCredentialChain credentials_;
    StoreClient client_;
};

// "x-ms-meta-<name>" for each. A name must be an identifier there: '-' goes as '_'.
void add_azure_metadata(AzureOperation& operation, const ObjectMetadata& metadata);

}  // namespace pgbosun::object_store
