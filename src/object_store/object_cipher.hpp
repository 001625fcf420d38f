#pragma once
// Encrypts parts of objects and decrypts objects, laid out as sealed_format.hpp says. One thread at a time
// each.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "object_store/encryption_keys.hpp"
#include "object_store/sealed_format.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"

struct evp_cipher_ctx_st;

namespace pgbosun::object_store {

// Which object parts belong to; random.
std::array<std::byte, 16> new_object_id();

// `header` gives all but key and salt, which are set here: the salt is new for each call.
std::vector<std::byte> seal_part(const EncryptionKey& key, PartHeader header, std::span<const std::byte> plain,
                                 FrameEnd end);

struct ReleaseCipher {
    void operator()(evp_cipher_ctx_st* context) const;
};
using CipherContext = std::unique_ptr<evp_cipher_ctx_st, ReleaseCipher>;

// Takes an object as it comes and hands on its plaintext; what was not encrypted it hands on as it is.
// Memory: one frame. Nothing is handed on that was not authenticated.
class Unsealer {
public:
    using FindKey = std::function<Result<EncryptionKey>(const KeyId& id)>;

    // `name` is the object's, for Faults.
    Unsealer(std::string name, FindKey find_key, const ObjectStore::Sink& sink)
        : name_(std::move(name)), find_key_(std::move(find_key)), sink_(sink) {}

    // corrupt: it was changed, or put together wrongly. refused: the key is not known. A Fault of the sink.
    Result<> take(std::span<const std::byte> bytes);
    // corrupt: the object's end was cut off.
    Result<> finish();
    [[nodiscard]] std::uint64_t plain_bytes() const { return plain_bytes_; }

private:
    enum class Place { start, plain, header, frame, end };

    [[nodiscard]] std::size_t wanted() const;
    Result<> step();
    Result<> take_header();
    Result<> take_frame();
    Result<> decrypt();
    Result<> hand_on(std::span<const std::byte> plain);
    [[nodiscard]] std::unexpected<Fault> damaged(const char* why) const;

    const std::string name_;
    const FindKey find_key_;
    const ObjectStore::Sink& sink_;
    Place place_ = Place::start;
    std::vector<std::byte> buffer_;
    std::vector<std::byte> plain_;
    std::optional<FrameWord> word_;
    std::optional<PartHeader> header_;
    HeaderBytes header_bytes_{};
    std::uint64_t frame_ = 0;
    std::uint64_t plain_bytes_ = 0;
    CipherContext context_;
};

}  // namespace pgbosun::object_store
