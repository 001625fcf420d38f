#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "contract/object_store/stores.hpp"
#include "object_store/directory_store.hpp"
#include "object_store/encrypted_store.hpp"
#include "object_store/s3_store.hpp"
#include "support/fake_object_store.hpp"
#include "support/s3_options.hpp"
#include "support/scripted_s3.hpp"
#include "support/temporary_directory.hpp"

namespace pgbosun::test {
namespace {

Subject scripted(ScriptedS3::Conditional conditional) {
    auto server = std::make_shared<ScriptedS3>();
    server->set_conditional(conditional);
    return {server, std::make_unique<object_store::S3ObjectStore>(s3_options(*server))};
}

Subject google_with_keys() {
    auto server = std::make_shared<ScriptedS3>(ScriptedS3::Speaks::google_with_keys);
    return {server, std::make_unique<object_store::S3ObjectStore>(google_options(*server))};
}

// A store, and the metadata server that hands out its token.
struct GoogleCloud {
    ScriptedS3 store{ScriptedS3::Speaks::google_with_tokens};
    ScriptedHttp metadata{[](const ScriptedRequest& request) {
        const auto flavour = request.headers.find("metadata-flavor");
        const bool asked = flavour != request.headers.end() && flavour->second == "Google" &&
                           request.path == "/computeMetadata/v1/instance/service-accounts/default/token";
        return asked ? ScriptedReply::with("200 OK", std::string(R"({"access_token":")") + ScriptedS3::bearer_token +
                                                         R"(","expires_in":3599,"token_type":"Bearer"})")
                     : ScriptedReply::with("403 Forbidden", "");
    }};
};

Subject google_with_tokens() {
    auto cloud = std::make_shared<GoogleCloud>();
    auto options = google_options(cloud->store);
    options.credentials = {};
    options.environment = [host =
                               cloud->metadata.url().substr(7)](const std::string& name) -> std::optional<std::string> {
        return name == "GCE_METADATA_HOST" ? std::optional(host) : std::nullopt;
    };
    return {cloud, std::make_unique<object_store::S3ObjectStore>(std::move(options))};
}

Subject directory() {
    auto place = std::make_shared<TemporaryDirectory>();
    return {place, object_store::DirectoryStore::open(place->path() + "/new/archive")};
}

// Over a store that keeps metadata, and one that does not.
enum class Keeps { metadata, nothing };

std::unique_ptr<ObjectStore> encrypted(std::unique_ptr<ObjectStore> inner) {
    const auto one_key = [](const std::string&) -> std::optional<std::string> { return std::string(64, 'a'); };
    EncryptionSettings settings;
    settings.key.environment = "KEY";
    return std::make_unique<object_store::EncryptedStore>(std::move(inner),
                                                          object_store::EncryptionKeys(settings, one_key));
}

Subject encrypted_fake(Keeps keeps) {
    auto inner = std::make_unique<FakeObjectStore>();
    if (keeps == Keeps::nothing) inner->forget_metadata();
    return {nullptr, encrypted(std::move(inner))};
}

Subject encrypted_scripted() {
    Subject plain = scripted(ScriptedS3::Conditional::honoured);
    return {std::move(plain.server), encrypted(std::move(plain.store))};
}

Subject encrypted_directory() {
    Subject plain = directory();
    return {std::move(plain.server), encrypted(std::move(plain.store))};
}

}  // namespace

std::vector<StoreKind> store_kinds() {
    using Conditional = ScriptedS3::Conditional;
    return {{"fake", [] { return Subject{nullptr, std::make_unique<FakeObjectStore>()}; }},
            {"directory", directory},
            {"S3, scripted", [] { return scripted(Conditional::honoured); }},
            {"S3, scripted, HEAD first", [] { return scripted(Conditional::ignored); }},
            {"S3, scripted, 501 and HEAD first", [] { return scripted(Conditional::not_implemented); }},
            {"Google, scripted, keys", google_with_keys},
            {"Google, scripted, tokens", google_with_tokens},
            {"encrypted fake", [] { return encrypted_fake(Keeps::metadata); }},
            {"encrypted fake without metadata", [] { return encrypted_fake(Keeps::nothing); }},
            {"encrypted directory", encrypted_directory},
            {"encrypted S3, scripted", encrypted_scripted}};
}

}  // namespace pgbosun::test
