#pragma once
// An S3 store as tests want it: short pauses, credentials of the scripted server.

#include <cstdlib>

#include "object_store/s3_store.hpp"
#include "support/scripted_s3.hpp"

namespace pgbosun::test {

inline object_store::S3Options s3_options(const std::string& url, const std::string& key, const std::string& secret) {
    setenv("PGBOSUN_TEST_KEY", key.c_str(), 1);
    setenv("PGBOSUN_TEST_SECRET", secret.c_str(), 1);
    setenv("no_proxy", "127.0.0.1", 1);
    S3Credentials credentials;
    credentials.access_key_id.environment = "PGBOSUN_TEST_KEY";
    credentials.secret_access_key.environment = "PGBOSUN_TEST_SECRET";
    object_store::RetryPolicy retry;
    retry.first_pause = std::chrono::milliseconds(1);
    retry.attempts = 4;
    return {.address = {.endpoint = *object_store::parse_endpoint(url), .bucket = "bucket", .region = "us-east-1"},
            .prefix = "path/",
            .probe_key = "server/.pgbosun-probe",
            .credentials = credentials,
            .google = {},
            .ca_file = std::nullopt,
            .limits = {},
            .retry = retry};
}

inline object_store::S3Options s3_options(const ScriptedS3& server) {
    return s3_options(server.url(), ScriptedS3::access_key_id, ScriptedS3::secret_access_key);
}

inline object_store::S3Options google_options(const ScriptedS3& server) {
    auto options = s3_options(server);
    options.address.flavour = object_store::Flavour::google;
    options.address.region = "auto";
    return options;
}

}  // namespace pgbosun::test
