#pragma once
// The keys that objects are encrypted with, read from their files each time they are needed. Thread-safe.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "object_store/sealed_format.hpp"
#include "object_store/secret_source.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::object_store {

// Overwritten when it goes away.
struct EncryptionKey {
    std::array<std::byte, 32> bytes{};
    KeyId id{};  // of its hash: it tells nothing of the key

    EncryptionKey() = default;
    explicit EncryptionKey(std::span<const std::byte, 32> key);
    EncryptionKey(const EncryptionKey&) = default;
    EncryptionKey& operator=(const EncryptionKey&) = default;
    ~EncryptionKey();
};

// 32 bytes as they are, or as 64 hexadecimal digits, or as base64, with or without a line's end. refused:
// nothing of it.
Result<EncryptionKey> parse_key(std::string_view text, const std::string& name);

class EncryptionKeys {
public:
    explicit EncryptionKeys(EncryptionSettings settings, Environment environment = process_environment())
        : settings_(std::move(settings)), environment_(std::move(environment)) {}

    // What is written with. unavailable: its file cannot be read (now). refused: it holds no key.
    [[nodiscard]] Result<EncryptionKey> current() const;
    // This one or an older one. refused: none of them has this identifier; which there are is told.
    [[nodiscard]] Result<EncryptionKey> find(const KeyId& id) const;

private:
    const EncryptionSettings settings_;
    const Environment environment_;
};

}  // namespace pgbosun::object_store
