#pragma once
// SHA-256 of what comes in pieces.

#include <memory>
#include <string>
#include <string_view>

namespace pgbosun::backup {

class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    void update(std::string_view piece);
    // 64 lower-case digits. Nothing may follow.
    std::string hex();

private:
    struct Context;
    std::unique_ptr<Context> context_;
};

}  // namespace pgbosun::backup
