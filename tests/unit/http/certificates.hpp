#pragma once
#include <memory>
#include <string>

namespace pgbosun::test {

struct PemPair {
    std::string certificate, key;
};

// A certificate authority of the test's own.
class Authority {
public:
    Authority();
    ~Authority();
    [[nodiscard]] std::string certificate() const;
    // Valid for 127.0.0.1 and localhost.
    [[nodiscard]] PemPair issue(const std::string& common_name) const;

private:
    struct Material;
    std::unique_ptr<Material> material_;
};

}  // namespace pgbosun::test
