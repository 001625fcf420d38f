#include "object_store/secret_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pgbosun::object_store {
namespace {

constexpr std::size_t file_limit = 256 * 1024;
constexpr std::size_t secret_limit = 16 * 1024;  // session tokens have up to a few kilobytes

}  // namespace

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr || *value == '\0') return std::nullopt;
        return std::string(value);
    };
}

Result<std::string> read_secret_file(const std::string& path) {
    const auto failed = [&](int error) {
        return fail(FaultKind::unavailable, "reading " + path + ": " + std::strerror(error),
                    "check that the secret is mounted and readable");
    };
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return failed(errno);
    std::string text(file_limit, '\0');
    std::size_t used = 0;
    ssize_t got = 1;
    while (used < text.size() && got != 0) {
        got = read(descriptor, text.data() + used, text.size() - used);
        if (got < 0 && errno != EINTR) break;
        if (got > 0) used += static_cast<std::size_t>(got);
    }
    const int error = errno;
    close(descriptor);
    if (got < 0) return failed(error);
    text.resize(used);
    return text;
}

Result<std::string> read_secret(const SecretSource& source, const std::string& name, const Environment& environment) {
    std::string text;
    if (source.file) {
        auto read = read_secret_file(*source.file);
        if (!read) return std::unexpected(std::move(read).error().in(name));
        text = *std::move(read);
    } else if (source.environment) {
        text = environment(*source.environment).value_or("");
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    const auto is_printable = [](char c) { return c > ' ' && c < 0x7f; };
    if (text.empty() || text.size() >= secret_limit || !std::all_of(text.begin(), text.end(), is_printable)) {
        return fail(FaultKind::refused, name + " is empty, or not one line of printable characters",
                    "check what archive.credentials names");
    }
    return text;
}

}  // namespace pgbosun::object_store
