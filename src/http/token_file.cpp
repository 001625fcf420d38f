#include "http/token_file.hpp"

#include <fstream>

namespace pgbosun::http {
namespace {

constexpr std::size_t max_token_bytes = 4096;

}  // namespace

Result<std::optional<std::string>> read_token(const std::optional<std::string>& file) {
    if (!file) return std::nullopt;
    std::ifstream input(*file, std::ios::binary);
    std::string token(max_token_bytes + 1, '\0');
    input.read(token.data(), static_cast<std::streamsize>(token.size()));
    token.resize(static_cast<std::size_t>(input.gcount()));
    if (!input.is_open() || input.bad()) {
        return fail(FaultKind::refused, "the token file " + *file + " cannot be read",
                    "create it, readable for the uid of pgbosun");
    }
    if (token.size() > max_token_bytes) {
        return fail(FaultKind::refused, "the token file " + *file + " is longer than 4096 bytes");
    }
    token.erase(token.find_last_not_of(" \t\r\n") + 1);
    if (token.empty()) return fail(FaultKind::refused, "the token file " + *file + " is empty", "put a secret into it");
    return token;
}

}  // namespace pgbosun::http
