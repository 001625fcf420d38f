#include "object_store/open.hpp"

#include <string>

#include "object_store/azure_store.hpp"
#include "object_store/destination.hpp"
#include "object_store/directory_store.hpp"
#include "object_store/encrypted_store.hpp"
#include "object_store/keyless_store.hpp"
#include "object_store/s3_store.hpp"

namespace pgbosun::object_store {
namespace {

constexpr const char* google_url = "https://storage.googleapis.com";
constexpr const char* google_region = "auto";

Result<> check_server(const ArchiveSettings& settings) {
    if (!settings.server_name.empty() && settings.server_name.find('/') == std::string::npos) return {};
    return fail(FaultKind::refused, "archive.server_name is empty or has a \"/\"", "name the cluster");
}

std::string probe_key(const ArchiveSettings& settings) { return settings.server_name + "/.pgbosun-probe"; }

Result<std::unique_ptr<ObjectStore>> open_buckets(S3Address address, const std::string& url, const std::string& prefix,
                                                  const ArchiveSettings& settings) {
    if (auto named = check_server(settings); !named) return std::unexpected(std::move(named).error());
    auto endpoint = parse_endpoint(settings.endpoint_url.empty() ? url : settings.endpoint_url);
    if (!endpoint) return std::unexpected(std::move(endpoint).error());
    address.endpoint = *std::move(endpoint);
    address.addressing = settings.path_style ? Addressing::path_style : Addressing::virtual_host;
    S3Options options{.address = std::move(address),
                      .prefix = prefix,
                      .probe_key = probe_key(settings),
                      .credentials = settings.credentials,
                      .google = settings.gcs,
                      .encryption = settings.server_side_encryption,
                      .kms_key_id = settings.kms_key_id,
                      .ca_file = settings.endpoint_ca,
                      .limits = {},
                      .retry = {}};
    return std::make_unique<S3ObjectStore>(std::move(options));
}

Result<std::unique_ptr<ObjectStore>> open_s3(const S3Destination& destination, const ArchiveSettings& settings) {
    if (settings.region.empty()) {
        return fail(FaultKind::refused, "archive.region is empty",
                    "name the bucket's region, us-east-1 for most stores");
    }
    const S3Address address{.endpoint = {}, .bucket = destination.bucket, .region = settings.region};
    return open_buckets(address, "https://s3." + settings.region + ".amazonaws.com", destination.prefix, settings);
}

Result<std::unique_ptr<ObjectStore>> open_google(const GcsDestination& destination, const ArchiveSettings& settings) {
    const S3Address address{
        .endpoint = {}, .bucket = destination.bucket, .region = google_region, .flavour = Flavour::google};
    return open_buckets(address, google_url, destination.prefix, settings);
}

Result<std::unique_ptr<ObjectStore>> open_azure(const AzureDestination& destination, const ArchiveSettings& settings) {
    const std::string url = settings.endpoint_url.empty() ? "https://" + destination.account + ".blob.core.windows.net"
                                                          : settings.endpoint_url;
    auto endpoint = parse_endpoint(url);
    if (!endpoint) return std::unexpected(std::move(endpoint).error());
    AzureOptions options{.address = {.endpoint = *std::move(endpoint),
                                     .account = destination.account,
                                     .container = destination.container},
                         .prefix = destination.prefix,
                         .credentials = settings.azure,
                         .ca_file = settings.endpoint_ca,
                         .limits = {},
                         .retry = {}};
    return std::make_unique<AzureStore>(std::move(options));
}

Result<std::unique_ptr<ObjectStore>> open_plain(const ArchiveSettings& settings, MissingRoot missing) {
    const auto destination = parse_destination(settings.destination);
    if (!destination) return std::unexpected(destination.error());
    if (const auto* s3 = std::get_if<S3Destination>(&*destination)) return open_s3(*s3, settings);
    if (const auto* google = std::get_if<GcsDestination>(&*destination)) return open_google(*google, settings);
    if (const auto* azure = std::get_if<AzureDestination>(&*destination)) return open_azure(*azure, settings);
    return DirectoryStore::open(std::get<DirectoryDestination>(*destination).path, missing);
}

}  // namespace

// A key that cannot be read now may be there later; one that is none must be changed.
Result<std::unique_ptr<ObjectStore>> open(const ArchiveSettings& settings, MissingRoot missing) {
    auto store = open_plain(settings, missing);
    if (!store) return store;
    if (!settings.encryption) return std::make_unique<KeylessStore>(*std::move(store));
    EncryptionKeys keys(*settings.encryption);
    const auto key = keys.current();
    if (!key && key.error().kind == FaultKind::refused) return std::unexpected(key.error());
    return std::make_unique<EncryptedStore>(*std::move(store), std::move(keys));
}

}  // namespace pgbosun::object_store
