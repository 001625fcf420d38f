#include "object_store/keyless_store.hpp"

#include <optional>

#include "object_store/object_cipher.hpp"

namespace pgbosun::object_store {
namespace {

Result<EncryptionKey> no_key(const KeyId& id) {
    return fail(FaultKind::refused,
                "it is encrypted with the key " + to_string(id) + ", and archive.encryption is not configured",
                "name the file of that key in archive.encryption.key_file");
}

}  // namespace

Result<ObjectFacts> KeylessStore::get(const std::string& key, const Sink& sink, const std::function<void()>& restart) {
    std::optional<Unsealer> unsealer;
    const auto again = [&] {
        unsealer.emplace(key, no_key, sink);
        restart();
    };
    auto facts = inner_->get(key, [&](std::span<const std::byte> bytes) { return unsealer->take(bytes); }, again);
    if (!facts) return facts;
    if (auto whole = unsealer->finish(); !whole) return std::unexpected(std::move(whole).error());
    return facts;
}

}  // namespace pgbosun::object_store
