#include "object_store/object_cipher.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "object_store/digest.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::string_view part_context =
    "pgbosun object part, AES-256-GCM\x01";  // with HKDF's counter: one block is enough
constexpr std::size_t magic_bytes = 8;

const unsigned char* chars(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* chars(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

void must(int done) {
    if (done != 1) throw std::bad_alloc();  // OpenSSL fails here only without memory
}

void fill_random(std::span<std::byte> target) {
    // Without random numbers nothing may be encrypted, and there is nothing to wait for.
    must(RAND_bytes(chars(target.data()), static_cast<int>(target.size())));
}

// HKDF (RFC 5869) with SHA-256.
Sha256 part_key(const EncryptionKey& key, const PartHeader& header) {
    const std::string_view secret(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size());
    Sha256 extracted = hmac_sha256(header.salt, secret);
    const Sha256 expanded = hmac_sha256(extracted, part_context);
    OPENSSL_cleanse(extracted.data(), extracted.size());
    return expanded;
}

using Nonce = std::array<unsigned char, 12>;

Nonce nonce_of(std::uint64_t frame) {
    Nonce nonce{};
    for (std::size_t n = 0; n < 8; ++n) nonce[4 + n] = static_cast<unsigned char>(frame >> (8 * (7 - n)));
    return nonce;
}

CipherContext new_context() {
    CipherContext context(EVP_CIPHER_CTX_new());
    if (!context) throw std::bad_alloc();
    return context;
}

void seal_frame(EVP_CIPHER_CTX* context, std::uint64_t number, const HeaderBytes& header, const WordBytes& word,
                std::span<const std::byte> plain, std::byte* target) {
    int length = 0;
    must(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce_of(number).data()));
    must(EVP_EncryptUpdate(context, nullptr, &length, chars(header.data()), static_cast<int>(header.size())));
    must(EVP_EncryptUpdate(context, nullptr, &length, chars(word.data()), static_cast<int>(word.size())));
    if (!plain.empty()) {
        must(EVP_EncryptUpdate(context, chars(target), &length, chars(plain.data()), static_cast<int>(plain.size())));
    }
    must(EVP_EncryptFinal_ex(context, chars(target) + plain.size(), &length));
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, static_cast<int>(frame_tag_bytes), target + plain.size()));
}

}  // namespace

void ReleaseCipher::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

std::array<std::byte, 16> new_object_id() {
    std::array<std::byte, 16> id{};
    fill_random(id);
    return id;
}

std::vector<std::byte> seal_part(const EncryptionKey& key, PartHeader header, std::span<const std::byte> plain,
                                 FrameEnd end) {
    header.key = key.id;
    fill_random(header.salt);
    Sha256 derived = part_key(key, header);
    const CipherContext context = new_context();
    must(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, chars(derived.data()), nullptr));
    OPENSSL_cleanse(derived.data(), derived.size());
    std::vector<std::byte> sealed(sealed_size(plain.size()));
    const HeaderBytes head = encode(header);
    std::copy(head.begin(), head.end(), sealed.begin());
    std::byte* target = sealed.data() + head.size();
    for (std::uint64_t number = 0; number == 0 || !plain.empty(); ++number) {
        const auto part = plain.first(std::min(plain.size(), frame_bytes));
        plain = plain.subspan(part.size());
        const WordBytes word =
            encode(FrameWord{static_cast<std::uint32_t>(part.size()), plain.empty() ? end : FrameEnd::none});
        std::memcpy(target, word.data(), word.size());
        seal_frame(context.get(), number, head, word, part, target + word.size());
        target += word.size() + part.size() + frame_tag_bytes;
    }
    return sealed;
}

std::unexpected<Fault> Unsealer::damaged(const char* why) const {
    return fail(FaultKind::corrupt, "the encrypted object " + name_ + ' ' + why,
                "restore it from a copy; whoever may write to the store may have changed it");
}

std::size_t Unsealer::wanted() const {
    switch (place_) {
        case Place::start: return magic_bytes;
        case Place::header: return part_header_bytes;
        case Place::frame: return word_ ? word_->length + frame_tag_bytes : frame_word_bytes;
        case Place::plain:
        case Place::end: break;
    }
    return 0;
}

Result<> Unsealer::take(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        if (place_ == Place::plain) return hand_on(bytes);
        if (place_ == Place::end) return damaged("goes on after its end");
        const auto part = bytes.first(std::min(bytes.size(), wanted() - buffer_.size()));
        buffer_.insert(buffer_.end(), part.begin(), part.end());
        bytes = bytes.subspan(part.size());
        if (buffer_.size() < wanted()) return {};
        if (auto done = step(); !done) return done;
    }
    return {};
}

Result<> Unsealer::step() {
    if (place_ == Place::header) return take_header();
    if (place_ == Place::frame) return take_frame();
    if (looks_sealed(buffer_)) {
        place_ = Place::header;
        return {};
    }
    place_ = Place::plain;
    const std::vector<std::byte> first = std::exchange(buffer_, {});
    return hand_on(first);
}

Result<> Unsealer::take_header() {
    const auto header = decode_header(buffer_);
    if (!header) return damaged("has a header that cannot be read");
    const bool fits = header_ ? header->number == header_->number + 1 && header->object == header_->object &&
                                    header->part_size == header_->part_size && header->part_size != 0
                              : header->number == 1;
    if (!fits) return damaged("has parts that do not belong together");
    const auto key = find_key_(header->key);
    if (!key) return std::unexpected(Fault(key.error()).in(name_));
    Sha256 derived = part_key(*key, *header);
    context_ = new_context();
    must(EVP_DecryptInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, chars(derived.data()), nullptr));
    OPENSSL_cleanse(derived.data(), derived.size());
    header_ = header;
    std::copy_n(buffer_.begin(), header_bytes_.size(), header_bytes_.begin());
    buffer_.clear();
    frame_ = 0;
    word_.reset();
    place_ = Place::frame;
    return {};
}

Result<> Unsealer::take_frame() {
    if (!word_) {
        word_ = decode_word(std::span<const std::byte, frame_word_bytes>(buffer_.data(), frame_word_bytes));
        if (!word_) return damaged("has a frame that cannot be read");
        buffer_.clear();
        return {};
    }
    if (auto done = decrypt(); !done) return done;
    const FrameEnd end = word_->end;
    buffer_.clear();
    word_.reset();
    ++frame_;
    if (end == FrameEnd::part) place_ = Place::header;
    if (end == FrameEnd::object) place_ = Place::end;
    return hand_on(plain_);
}

Result<> Unsealer::decrypt() {
    const std::size_t length = word_->length;
    const WordBytes word = encode(*word_);
    plain_.resize(length);
    int written = 0;
    must(EVP_DecryptInit_ex(context_.get(), nullptr, nullptr, nullptr, nonce_of(frame_).data()));
    must(EVP_DecryptUpdate(context_.get(), nullptr, &written, chars(header_bytes_.data()),
                           static_cast<int>(header_bytes_.size())));
    must(EVP_DecryptUpdate(context_.get(), nullptr, &written, chars(word.data()), static_cast<int>(word.size())));
    if (length > 0) {
        must(EVP_DecryptUpdate(context_.get(), chars(plain_.data()), &written, chars(buffer_.data()),
                               static_cast<int>(length)));
    }
    must(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(frame_tag_bytes),
                             buffer_.data() + length));
    std::array<unsigned char, frame_tag_bytes> rest{};
    if (EVP_DecryptFinal_ex(context_.get(), rest.data(), &written) == 1) return {};
    return damaged("was changed after it was written");
}

Result<> Unsealer::hand_on(std::span<const std::byte> plain) {
    plain_bytes_ += plain.size();
    return plain.empty() ? Result<>{} : sink_(plain);
}

Result<> Unsealer::finish() {
    if (place_ == Place::end || place_ == Place::plain) return {};
    if (place_ == Place::start) {
        place_ = Place::plain;
        return hand_on(buffer_);
    }
    return damaged("ends too early");
}

}  // namespace pgbosun::object_store
