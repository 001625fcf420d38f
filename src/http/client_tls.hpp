#pragma once
// The TLS context of one trust: to read what a system trusts takes longer than a question, so it is built when it is first
// needed, and again when one of its files is another one.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "http/tls.hpp"

namespace pgbosun::http {

class ClientTls {
public:
    // once: no file is looked at again. For who must not wait for a disk, and makes another when a file has changed.
    enum class Look { each_time, once };

    explicit ClientTls(ClientTrust trust, Look look = Look::each_time) : trust_(std::move(trust)), look_(look) {}

    // Blocks on the disk, unless it is built already and nothing is looked at again. refused: says which file and what is
    // wrong with it; it is tried again with the next question.
    Result<TlsContext> context();

private:
    // Of a file; none: it is not there.
    struct Version {
        dev_t device;
        ino_t inode;
        off_t size;
        long long written_ns, changed_ns;
        bool operator==(const Version&) const = default;
    };
    static std::optional<Version> version_of(const std::string& file);
    [[nodiscard]] std::vector<std::optional<Version>> versions() const;

    ClientTrust trust_;
    Look look_;
    TlsContext context_;  // null: not built yet
    std::vector<std::optional<Version>> built_of_;
};

}  // namespace pgbosun::http
