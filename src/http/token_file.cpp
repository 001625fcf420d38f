#include "http/token_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pgbosun/descriptor.hpp"

namespace pgbosun::http {

Result<std::string> token_in(std::string_view text, const std::string& file) {
    if (text.size() > longest_token_file) {
        return fail(FaultKind::refused, "the token file " + file + " is longer than 4096 bytes");
    }
    const auto token = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    if (token.empty()) return fail(FaultKind::refused, "the token file " + file + " is empty", "put a secret into it");
    return std::string(token);
}

Result<std::optional<std::string>> read_token(const std::optional<std::string>& file) {
    if (!file) return std::nullopt;
    std::string token(longest_token_file + 1, '\0');
    // Not blocking, should somebody have put a FIFO there.
    const Descriptor input(::open(file->c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    struct stat facts{};
    const bool regular = input && ::fstat(input.get(), &facts) == 0 && S_ISREG(facts.st_mode);
    const ssize_t length = regular ? ::read(input.get(), token.data(), token.size()) : -1;
    token.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    if (length < 0) {
        return fail(FaultKind::refused, "the token file " + *file + " cannot be read",
                    "create it, readable for the uid of pgbosun");
    }
    return token_in(token, *file);
}

}  // namespace pgbosun::http
