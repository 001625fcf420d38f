#include <cstdlib>

#include "cluster_record/etcd_messages.hpp"

using namespace pgbosun::cluster_record;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    (void)parse_range(body);
    (void)parse_put(body);
    (void)parse_lease(body);
    (void)parse_watched(body);
    (void)parse_token(body);
    (void)parse_etcd_error(body);
    if (from_base64(to_base64(body)) != body) std::abort();
    if (const auto bytes = from_base64(body); bytes && to_base64(*bytes).size() > size + 4) std::abort();
    return 0;
}
