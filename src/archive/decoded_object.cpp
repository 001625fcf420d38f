#include "archive/decoded_object.hpp"

#include "codec/content_hash.hpp"
#include "codec/decompressor.hpp"

namespace pgbosun::archive {
namespace {

Result<ObjectFacts> read_object(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit,
                                const ObjectStore::Sink& sink, const std::function<void()>& restart,
                                const std::function<void(std::size_t)>& arrived) {
    const auto decompressor = codec::make_decompressor(encoding);
    decompressor->begin(limit);
    auto got = store.get(
        key,
        [&](std::span<const std::byte> part) {
            if (arrived) arrived(part.size());
            return decompressor->feed(part, sink);
        },
        [&] {
            decompressor->begin(limit);
            restart();
        });
    if (!got) return std::unexpected(Fault(got.error()).in(key));
    if (auto whole = decompressor->finish(); !whole) return std::unexpected(std::move(whole.error()).in(key));
    return got;
}

}  // namespace

Result<> read_decoded(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit,
                      const ObjectStore::Sink& sink, const std::function<void()>& restart,
                      const std::function<void(std::size_t)>& arrived) {
    const auto read = read_object(store, key, encoding, limit, sink, restart, arrived);
    if (!read) return std::unexpected(read.error());
    return {};
}

Result<> read_checked(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit,
                      const ObjectStore::Sink& sink, const std::function<void()>& restart) {
    codec::ContentHash hash;
    const auto hashing = [&](std::span<const std::byte> part) {
        hash.append(part);
        return sink(part);
    };
    const auto again = [&] {
        hash.restart();
        restart();
    };
    const auto read = read_object(store, key, encoding, limit, hashing, again, {});
    if (!read) return std::unexpected(read.error());
    const auto said = read->metadata.find(std::string(codec::content_hash_name));
    if (said == read->metadata.end() || said->second == hash.text()) return {};
    return fail(FaultKind::corrupt, key + " is damaged: its content is not what was archived");
}

Result<std::string> hash_decoded(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit) {
    codec::ContentHash hash;
    const auto sink = [&](std::span<const std::byte> part) -> Result<> {
        hash.append(part);
        return {};
    };
    if (auto read = read_decoded(store, key, encoding, limit, sink, [&] { hash.restart(); }); !read) {
        return std::unexpected(std::move(read.error()));
    }
    return hash.text();
}

}  // namespace pgbosun::archive
