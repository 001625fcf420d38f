#include "object_store/encrypted_store.hpp"
#include "object_store/keyless_store.hpp"

#include <fstream>

#include "pgbosun/encryption_key_text.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
using namespace pgbosun::test;

namespace {

const std::string old_key(64, 'a');
const std::string new_key(64, 'B');

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

struct Place {
    TemporaryDirectory directory;
    FakeObjectStore* inner = nullptr;  // the store's
    std::unique_ptr<EncryptedStore> store;

    explicit Place(const std::string& key = old_key, std::vector<std::string> older = {}) {
        open(key, std::move(older));
    }

    void open(const std::string& key, std::vector<std::string> older) {
        write(directory.path() + "/key", key);
        EncryptionSettings settings;
        settings.key.file = directory.path() + "/key";
        for (std::size_t n = 0; n < older.size(); ++n) {
            settings.older_keys.push_back(directory.path() + "/older" + std::to_string(n));
            write(settings.older_keys.back(), older[n]);
        }
        auto fake = std::make_unique<FakeObjectStore>();
        if (inner != nullptr) {
            for (const auto& [name, object] : inner->objects()) fake->plant(name, object.body, object.metadata);
        }
        inner = fake.get();
        store = std::make_unique<EncryptedStore>(std::move(fake), EncryptionKeys(settings));
    }

    Result<std::string> content(const std::string& name) const {
        std::string text;
        const auto got = store->get(
            name,
            [&](std::span<const std::byte> part) -> Result<> {
                text.append(reinterpret_cast<const char*>(part.data()), part.size());
                return {};
            },
            [&] { text.clear(); });
        if (!got) return std::unexpected(got.error());
        if (got->size != text.size()) return fail(FaultKind::corrupt, "the size is wrong");
        return text;
    }
};

}  // namespace

TEST_CASE("what lies in the store tells nothing of what was put, twice the same is never the same") {
    const Place place;
    const std::string secret(100'000, 's');
    REQUIRE(place.store->put_if_absent("a", bytes(secret), {{"pgbosun-content-hash", "xxh3-128:00ff"}}));
    REQUIRE(place.store->put("b", bytes(secret), {}));

    const auto a = *place.inner->object("a");
    const auto b = *place.inner->object("b");

    const std::string text(reinterpret_cast<const char*>(a.body.data()), a.body.size());
    CHECK(text.find("ssss") == std::string::npos);
    CHECK(a.body.size() == sealed_size(secret.size()));
    CHECK(a.body != b.body);
    CHECK(a.metadata.at("pgbosun-content-hash") == "xxh3-128:00ff");
    CHECK(a.metadata.at("pgbosun-encryption").starts_with("aes-256-gcm:"));
    CHECK(place.content("a") == secret);
}

TEST_CASE("without a key an encrypted object says that it is encrypted, and another one is read") {
    const Place place;
    REQUIRE(place.store->put("encrypted", bytes("secret"), {}));
    auto inner = std::make_unique<FakeObjectStore>();
    inner->plant("encrypted", place.inner->object("encrypted")->body, {});
    inner->plant("plain", std::string(100, 'p'));
    inner->plant("short", "p");
    KeylessStore store(std::move(inner));
    const auto read = [&](const std::string& key) {
        std::string text;
        const auto got = store.get(
            key,
            [&](std::span<const std::byte> part) -> Result<> {
                text.append(reinterpret_cast<const char*>(part.data()), part.size());
                return {};
            },
            [&] { text.clear(); });
        return got ? Result<std::string>(text) : std::unexpected(got.error());
    };

    CHECK(read("plain") == std::string(100, 'p'));
    CHECK(read("short") == "p");
    CHECK(read("nothing").error().kind == FaultKind::not_found);
    const auto refused = read("encrypted");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FaultKind::refused);
    CHECK(refused.error().what.starts_with("encrypted: it is encrypted with the key "));
    CHECK(refused.error().what.ends_with(", and archive.encryption is not configured"));
    CHECK(refused.error().hint.find("archive.encryption.key_file") != std::string::npos);
}

TEST_CASE("any byte that is changed is noticed, and nothing of its frame is handed on") {
    const Place place;
    REQUIRE(place.store->put("a", bytes(std::string(200, 'p')), {}));
    const auto good = *place.inner->object("a");

    // The first eight say whether it is encrypted at all; what then is read is the ciphertext.
    for (std::size_t at = 8; at < good.body.size(); ++at) {
        auto bad = good;
        bad.body[at] ^= std::byte{1};
        place.inner->plant("a", bad.body, bad.metadata);
        const auto content = place.content("a");
        CAPTURE(at);
        REQUIRE_FALSE(content);
    }
}

TEST_CASE("an object that is cut off anywhere, or goes on after its end, is corrupt") {
    const Place place;
    REQUIRE(place.store->put("a", bytes(std::string(2 * frame_bytes + 10, 'p')), {}));
    const auto good = *place.inner->object("a");
    const std::size_t frame = frame_bytes + frame_word_bytes + frame_tag_bytes;

    for (const std::size_t size : {std::size_t{9}, part_header_bytes, part_header_bytes + 3, part_header_bytes + frame,
                                   part_header_bytes + 2 * frame, good.body.size() - 1, good.body.size() + 1}) {
        auto bad = good;
        bad.body.resize(size);
        place.inner->plant("a", bad.body, bad.metadata);
        const auto content = place.content("a");
        CAPTURE(size);
        REQUIRE_FALSE(content);
        CHECK(content.error().kind == FaultKind::corrupt);
    }
}

TEST_CASE("an object of parts of which the last are cut off, swapped or of another object is corrupt") {
    const Place place;
    const std::string part(smallest_part, 'p');
    for (const char* name : {"a", "b"}) {
        const auto upload = place.store->begin_parted(name, smallest_part, {});
        REQUIRE(upload);
        REQUIRE((*upload)->put_part(1, bytes(part)));
        REQUIRE((*upload)->put_part(2, bytes(part)));
        REQUIRE((*upload)->complete(2));
        REQUIRE(place.content(name).has_value());
        CHECK(place.store->head(name)->size == 2 * smallest_part);
    }
    const auto a = *place.inner->object("a");
    const auto b = *place.inner->object("b");
    const std::size_t size = sealed_size(smallest_part);
    const auto piece = [&](const FakeObjectStore::Object& of, std::size_t number) {
        const auto from = of.body.begin() + static_cast<std::ptrdiff_t>(number * size);
        return std::vector<std::byte>(from, number == 2 ? of.body.end() : from + static_cast<std::ptrdiff_t>(size));
    };
    const auto corrupt = [&](const std::vector<std::vector<std::byte>>& pieces) {
        std::vector<std::byte> body;
        for (const auto& one : pieces) body.insert(body.end(), one.begin(), one.end());
        place.inner->plant("a", body, a.metadata);
        const auto content = place.content("a");
        return !content && content.error().kind == FaultKind::corrupt;
    };

    CHECK_FALSE(corrupt({piece(a, 0), piece(a, 1), piece(a, 2)}));
    CHECK(corrupt({piece(a, 0), piece(a, 1)}));
    CHECK(corrupt({piece(a, 0)}));
    CHECK(corrupt({piece(a, 0), piece(a, 2)}));
    CHECK(corrupt({piece(a, 1), piece(a, 0), piece(a, 2)}));
    CHECK(corrupt({piece(a, 0), piece(b, 1), piece(a, 2)}));
    CHECK(corrupt({piece(b, 0), piece(b, 1), piece(a, 2)}));
}

TEST_CASE(
    "an older key still reads, an unknown one is refused by name, and what was never encrypted is read as it is") {
    Place place(old_key);
    REQUIRE(place.store->put("old", bytes("old"), {}));
    place.inner->plant("plain", "plain");
    place.inner->plant("pg", "pg");
    place.inner->plant("empty", "");

    place.open(new_key, {old_key});
    REQUIRE(place.store->put("new", bytes("new"), {}));
    CHECK(place.content("old") == "old");
    CHECK(place.content("new") == "new");
    CHECK(place.content("plain") == "plain");
    CHECK(place.content("pg") == "pg");
    CHECK(place.content("empty") == "");
    CHECK(place.store->head("plain")->size == 5);

    place.open(new_key, {});
    const auto content = place.content("old");
    REQUIRE_FALSE(content);
    CHECK(content.error().kind == FaultKind::refused);
    CHECK(content.error().what.find("old") == 0);
    CHECK(content.error().what.find(to_string(parse_key(old_key, "")->id)) != std::string::npos);
    CHECK(content.error().what.find(to_string(parse_key(new_key, "")->id)) != std::string::npos);
    CHECK_FALSE(content.error().hint.empty());
    CHECK(place.content("new") == "new");
}

TEST_CASE("a key is 32 bytes, hexadecimal or base64") {
    const std::string raw = "0123456789abcdef0123456789abcde\n";  // its last byte is a line's end, and part of it
    const auto key = parse_key(raw, "k");
    REQUIRE(key);

    const auto hexadecimal = parse_key("303132333435363738396162636465663031323334353637383961626364650a\n", "k");
    const auto base64 = parse_key("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZQo=\n", "k");

    REQUIRE(hexadecimal);
    REQUIRE(base64);
    CHECK(hexadecimal->bytes == key->bytes);
    CHECK(base64->bytes == key->bytes);
    CHECK(hexadecimal->id == key->id);
    for (const auto& text : {std::string(), std::string(31, 'x'), std::string(33, 'x'), std::string(64, 'x'),
                             std::string(63, 'a'), std::string(44, 'A'), std::string(43, '!') + "="}) {
        CAPTURE(text);
        CHECK_FALSE(parse_key(text, "k"));
    }
}

TEST_CASE("a key's file that is gone is unavailable, and nothing is written in the clear") {
    const Place place;
    std::remove((place.directory.path() + "/key").c_str());

    const auto put = place.store->put("a", bytes("x"), {});

    REQUIRE_FALSE(put);
    CHECK(put.error().kind == FaultKind::unavailable);
    CHECK_FALSE(place.store->begin_parted("a", smallest_part, {}));
    CHECK(place.inner->objects().empty());
}

TEST_CASE("what a configuration's check takes for a key is one, and nothing else") {
    const std::string raw = "0123456789abcdef0123456789abcdef";
    const std::string hexadecimal = "303132333435363738396162636465663031323334353637383961626364650a";
    const std::string base64 = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZQo=";
    std::vector<std::string> texts{"",
                                   raw,
                                   raw + "\n",
                                   raw.substr(1),
                                   hexadecimal,
                                   hexadecimal + "\r\n",
                                   base64,
                                   base64 + " \n",
                                   base64.substr(1),
                                   std::string(64, 'g'),
                                   std::string(44, 'A'),
                                   std::string(43, 'A') + "=",
                                   std::string(42, 'A') + "==",
                                   std::string(43, '!') + "=",
                                   base64 + base64};
    for (const auto& text : texts) {
        CAPTURE(text);
        CHECK(is_encryption_key(text) == parse_key(text, "k").has_value());
    }
}
