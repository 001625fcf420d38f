#include "object_store/credentials.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <tuple>

namespace pgbosun::object_store {
namespace {

constexpr std::size_t secret_limit = 16 * 1024;  // session tokens have up to a few kilobytes

Result<std::string> read_file(const std::string& path) {
    const auto failed = [&] {
        return fail(FaultKind::unavailable, "reading " + path + ": " + std::strerror(errno),
                    "check that the secret is mounted and readable");
    };
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return failed();
    std::string text(secret_limit, '\0');
    std::size_t used = 0;
    ssize_t got = 1;
    while (used < text.size() && got != 0) {
        got = read(descriptor, text.data() + used, text.size() - used);
        if (got < 0 && errno != EINTR) break;
        if (got > 0) used += static_cast<std::size_t>(got);
    }
    const int error = errno;
    close(descriptor);
    errno = error;
    if (got < 0) return failed();
    text.resize(used);
    return text;
}

Result<std::string> value_of(const SecretSource& source, const std::string& name) {
    std::string text;
    if (source.file) {
        auto read = read_file(*source.file);
        if (!read) return std::unexpected(std::move(read).error().in(name));
        text = *std::move(read);
    } else if (const char* value = source.environment ? std::getenv(source.environment->c_str()) : nullptr) {
        text = value;
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    const auto is_printable = [](char c) { return c > ' ' && c < 0x7f; };
    if (text.empty() || text.size() >= secret_limit || !std::all_of(text.begin(), text.end(), is_printable)) {
        return fail(FaultKind::refused, name + " is empty, or not one line of printable characters",
                    "check what archive.credentials names");
    }
    return text;
}

S3Credentials from_environment() {
    S3Credentials sources;
    sources.access_key_id.environment = "AWS_ACCESS_KEY_ID";
    sources.secret_access_key.environment = "AWS_SECRET_ACCESS_KEY";
    const char* token = std::getenv("AWS_SESSION_TOKEN");
    if (token != nullptr && *token != '\0') sources.session_token.environment = "AWS_SESSION_TOKEN";
    return sources;
}

bool nothing_given(const S3Credentials& sources) {
    return !sources.access_key_id.given() && !sources.secret_access_key.given() && !sources.session_token.given();
}

}  // namespace

Result<Credentials> read_credentials(const S3Credentials& given) {
    if (nothing_given(given) && std::getenv("AWS_ACCESS_KEY_ID") == nullptr) {
        return fail(FaultKind::refused, "no credentials for S3 are configured",
                    "set archive.credentials.access_key_id_file and secret_access_key_file, or the environment "
                    "variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    const S3Credentials sources = nothing_given(given) ? from_environment() : given;
    Credentials credentials;
    const std::array<std::tuple<const SecretSource*, std::string, std::string*>, 3> wanted{{
        {&sources.access_key_id, "the access key id", &credentials.access_key_id},
        {&sources.secret_access_key, "the secret access key", &credentials.secret_access_key},
        {&sources.session_token, "the session token", &credentials.session_token},
    }};
    for (const auto& [source, name, target] : wanted) {
        if (source == &sources.session_token && !source->given()) continue;
        auto value = value_of(*source, name);
        if (!value) return std::unexpected(std::move(value).error());
        *target = *std::move(value);
    }
    return credentials;
}

}  // namespace pgbosun::object_store
