#include <cstdlib>

#include "object_store/destination.hpp"

using namespace pgbosun::object_store;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto destination = parse_destination(text)) {
        const auto* directory = std::get_if<DirectoryDestination>(&*destination);
        if (directory != nullptr && (!directory->path.starts_with('/') || directory->path.ends_with('/'))) std::abort();
        const auto* s3 = std::get_if<S3Destination>(&*destination);
        if (s3 != nullptr && (s3->bucket.empty() || (!s3->prefix.empty() && !s3->prefix.ends_with('/')))) std::abort();
    }
    if (const auto endpoint = parse_endpoint(text)) {
        if (endpoint->host.empty() || endpoint->host.find_first_of("@/\r\n ") != std::string::npos) std::abort();
    }
    if (check_key(text) && ("/" + std::string(text) + "/").find("/../") != std::string::npos) std::abort();
    return 0;
}
