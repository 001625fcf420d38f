#include "object_store/open.hpp"

#include <string>

#include "object_store/destination.hpp"
#include "object_store/directory_store.hpp"
#include "object_store/s3_store.hpp"

namespace pgbosun::object_store {
namespace {

Result<std::unique_ptr<ObjectStore>> open_s3(const S3Destination& destination, const ArchiveSettings& settings) {
    const std::string url = settings.endpoint_url.empty() ? "https://s3." + settings.region + ".amazonaws.com"
                                                          : settings.endpoint_url;
    auto endpoint = parse_endpoint(url);
    if (!endpoint) return std::unexpected(std::move(endpoint).error());
    if (settings.region.empty()) {
        return fail(FaultKind::refused, "archive.region is empty", "name the bucket's region, us-east-1 for most stores");
    }
    if (settings.server_name.empty() || settings.server_name.find('/') != std::string::npos) {
        return fail(FaultKind::refused, "archive.server_name is empty or has a \"/\"", "name the cluster");
    }
    const S3Address address{.endpoint = *std::move(endpoint),
                            .bucket = destination.bucket,
                            .region = settings.region,
                            .addressing = settings.path_style ? Addressing::path_style : Addressing::virtual_host};
    return std::make_unique<S3ObjectStore>(S3Options{.address = address,
                                                     .prefix = destination.prefix,
                                                     .probe_key = settings.server_name + "/.pgbosun-probe",
                                                     .credentials = settings.credentials,
                                                     .ca_file = settings.endpoint_ca,
                                                     .limits = {},
                                                     .retry = {}});
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open(const ArchiveSettings& settings, MissingRoot missing) {
    const auto destination = parse_destination(settings.destination);
    if (!destination) return std::unexpected(destination.error());
    if (const auto* s3 = std::get_if<S3Destination>(&*destination)) return open_s3(*s3, settings);
    return DirectoryStore::open(std::get<DirectoryDestination>(*destination).path, missing);
}

}  // namespace pgbosun::object_store
