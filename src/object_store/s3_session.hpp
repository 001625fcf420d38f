#pragma once
// Signed requests to one bucket; what the S3 store and its parted uploads share. Blocking; any thread.

#include <memory>
#include <optional>
#include <string>

#include "object_store/credentials.hpp"
#include "object_store/google_tokens.hpp"
#include "object_store/s3_request.hpp"
#include "object_store/store_client.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

struct S3Options {
    S3Address address;
    std::string prefix;         // "" or "path/"
    std::string probe_key;      // relative to the prefix
    S3Credentials credentials;  // for Google: HMAC keys; none: a token
    GcsCredentials google;
    ServerSideEncryption encryption = ServerSideEncryption::none;
    std::string kms_key_id;
    Environment environment = process_environment();
    std::optional<std::string> ca_file;
    HttpLimits limits;
    RetryPolicy retry;
};

class S3Session {
public:
    explicit S3Session(S3Options options)
        : options_(std::move(options)),
          credentials_(options_.credentials, options_.address.region, options_.ca_file, options_.environment),
          google_(options_.google.service_account, options_.environment),
          client_(options_.limits, options_.ca_file, options_.retry) {}

    // Answers with success, absent, exists or unsupported; all else is a Fault. `restart` comes before each
    // attempt.
    Result<StoreAnswer> ask(const S3Operation& operation, const ObjectStore::Sink& sink = {},
                            const std::function<void()>& restart = {}, LateErrors late = LateErrors::no);
    [[nodiscard]] const S3Options& options() const { return options_; }
    [[nodiscard]] const FlavourNames& names() const { return names_of(options_.address.flavour); }
    // What a new object is made with: its metadata, and how the store encrypts it.
    void describe_new(S3Operation& operation, const ObjectMetadata& metadata) const;
    void cancel() {
        client_.cancel();
        credentials_.cancel();
        google_.cancel();
    }

private:
    const S3Options options_;
    Result<Authentication> authentication(SigningTime now, Freshness freshness);

    CredentialChain credentials_;
    GoogleTokens google_;
    StoreClient client_;
};

S3Operation s3_operation(std::string method, std::string key);
S3Operation s3_operation(std::string method, std::string key, std::span<const std::byte> body);

}  // namespace pgbosun::object_store
