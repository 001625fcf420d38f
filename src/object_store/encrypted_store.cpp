#include "object_store/encrypted_store.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include "object_store/object_cipher.hpp"
#include "object_store/parts.hpp"

namespace pgbosun::object_store {
namespace {

constexpr const char* metadata_name = "pgbosun-encryption";
constexpr const char* part_size_name = "pgbosun-part-size";

ObjectMetadata with_key(ObjectMetadata metadata, const EncryptionKey& key) {
    metadata[metadata_name] = "aes-256-gcm:" + to_string(key.id);
    return metadata;
}

// An upload of parts that are encrypted one by one. A part that is shorter than the others is the last one;
// when the last has their size, an empty part follows it that says so.
class EncryptedUpload final : public PartedUpload {
public:
    EncryptedUpload(std::unique_ptr<PartedUpload> inner, EncryptionKey key, std::uint64_t part_size)
        : inner_(std::move(inner)), key_(key), part_size_(part_size) {}

    Result<> put_part(int number, std::span<const std::byte> body) override {
        if (auto fits = check_part(number, body.size(), part_size_); !fits) return fits;
        if (auto put = put_sealed(number, body, body.size() < part_size_ ? FrameEnd::object : FrameEnd::part); !put) {
            return put;
        }
        const std::lock_guard lock(mutex_);
        sizes_[number] = body.size();
        return {};
    }

    Result<> complete(int parts) override {
        bool full = false;
        {
            const std::lock_guard lock(mutex_);
            if (auto size = check_parts(sizes_, parts, part_size_); !size)
                return std::unexpected(std::move(size).error());
            full = sizes_[parts] == part_size_;
        }
        if (!full) return inner_->complete(parts);
        if (parts == most_parts) {
            return fail(FaultKind::refused, "an encrypted object has room for one part less",
                        "larger parts make fewer of them");
        }
        if (auto put = put_sealed(parts + 1, {}, FrameEnd::object); !put) return put;
        return inner_->complete(parts + 1);
    }

    Result<> abort() override { return inner_->abort(); }

private:
    Result<> put_sealed(int number, std::span<const std::byte> body, FrameEnd end) {
        const PartHeader header{.key = {},
                                .object = object_,
                                .salt = {},
                                .number = static_cast<std::uint32_t>(number),
                                .part_size = part_size_};
        return inner_->put_part(number, seal_part(key_, header, body, end));
    }

    const std::unique_ptr<PartedUpload> inner_;
    const EncryptionKey key_;
    const std::uint64_t part_size_;
    const std::array<std::byte, 16> object_ = new_object_id();
    std::mutex mutex_;
    std::map<int, std::uint64_t> sizes_;
};

Result<std::vector<std::byte>> sealed(const Result<EncryptionKey>& key, std::span<const std::byte> body) {
    if (!key) return std::unexpected(key.error());
    const PartHeader header{.key = {}, .object = new_object_id(), .salt = {}};
    return seal_part(*key, header, body, FrameEnd::object);
}

Result<ObjectFacts> with_plain_size(ObjectFacts facts, std::uint64_t part_size) {
    const auto size = plain_size(facts.size, part_size);
    if (!size) return fail(FaultKind::corrupt, facts.key + " has a size that no encrypted object has");
    facts.size = *size;
    return facts;
}

// 0: an object of one part, or metadata that is no number, which the size then contradicts.
std::uint64_t part_size_in(const ObjectMetadata& metadata) {
    const auto found = metadata.find(part_size_name);
    std::uint64_t size = 0;
    if (found != metadata.end())
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), size);
    return size;
}

}  // namespace

Result<> EncryptedStore::put_if_absent(const std::string& key, std::span<const std::byte> body,
                                       const ObjectMetadata& metadata) {
    const auto with = keys_.current();
    const auto content = sealed(with, body);
    if (!content) return std::unexpected(content.error());
    return inner_->put_if_absent(key, *content, with_key(metadata, *with));
}

Result<> EncryptedStore::put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) {
    const auto with = keys_.current();
    const auto content = sealed(with, body);
    if (!content) return std::unexpected(content.error());
    return inner_->put(key, *content, with_key(metadata, *with));
}

Result<std::unique_ptr<PartedUpload>> EncryptedStore::begin_parted(const std::string& key, std::uint64_t part_size,
                                                                   const ObjectMetadata& metadata) {
    if (auto fits = check_part_size(part_size); !fits) return std::unexpected(std::move(fits).error());
    const auto with = keys_.current();
    if (!with) return std::unexpected(with.error());
    ObjectMetadata told = with_key(metadata, *with);
    told[part_size_name] = std::to_string(part_size);
    auto inner = inner_->begin_parted(key, sealed_size(part_size), told);
    if (!inner) return std::unexpected(std::move(inner).error());
    return std::make_unique<EncryptedUpload>(*std::move(inner), *with, part_size);
}

Result<ObjectFacts> EncryptedStore::get(const std::string& key, const Sink& sink,
                                        const std::function<void()>& restart) {
    std::optional<Unsealer> unsealer;
    const auto again = [&] {
        unsealer.emplace(key, [this](const KeyId& id) { return keys_.find(id); }, sink);
        restart();
    };
    auto facts = inner_->get(key, [&](std::span<const std::byte> bytes) { return unsealer->take(bytes); }, again);
    if (!facts) return facts;
    if (auto whole = unsealer->finish(); !whole) return std::unexpected(std::move(whole).error());
    facts->size = unsealer->plain_bytes();
    return facts;
}

// Metadata says whether it is encrypted; where a store keeps none, the object itself.
Result<ObjectFacts> EncryptedStore::head(const std::string& key) {
    auto facts = inner_->head(key);
    if (!facts) return facts;
    if (facts->metadata.contains(metadata_name)) {
        const std::uint64_t part_size = part_size_in(facts->metadata);
        return with_plain_size(*std::move(facts), part_size);
    }
    if (!facts->metadata.empty() || facts->size < sealed_size(0)) return facts;
    const auto header = first_header(key);
    if (!header) return std::unexpected(header.error());
    if (!*header) return facts;
    return with_plain_size(*std::move(facts), (*header)->part_size);
}

Result<std::optional<PartHeader>> EncryptedStore::first_header(const std::string& key) {
    std::vector<std::byte> first;
    const auto got = inner_->get(
        key,
        [&](std::span<const std::byte> bytes) -> Result<> {
            first.insert(first.end(), bytes.begin(),
                         bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), part_header_bytes)));
            if (first.size() < part_header_bytes) return {};
            return fail(FaultKind::cancelled, "the header is read");
        },
        [&] { first.clear(); });
    if (first.size() < part_header_bytes && !got) return std::unexpected(got.error());
    return decode_header(first);
}

}  // namespace pgbosun::object_store
