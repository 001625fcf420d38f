#include "backup/manifest.hpp"

#include <utility>

#include "backup/timestamp.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

const auto modified = *parse_timestamp("2026-11-21 01:41:32");

Manifest example(int version) {
    Manifest manifest;
    manifest.version = version;
    if (version == 2) manifest.system_id = SystemId{7710436416726794584};
    manifest.files = {{"backup_label", 224, modified, 0x04C11DB7},
                      {"base/1/\"q\"\\\n\x01", 8192, modified, 0},
                      {"base/1/\xff", 0, modified, 0xFFFFFFFF},
                      {"global/pg_control", 8192, modified, std::nullopt}};
    manifest.wal_ranges = {{Timeline{1}, Lsn{0x2000028}, Lsn{0x3000000}},
                           {Timeline{2}, Lsn{0x3000000}, Lsn{0x1'00000138}}};
    return manifest;
}

const std::string body =
    R"("Files": [
{ "Path": "backup_label", "Size": 224, "Last-Modified": "2026-11-21 01:41:32 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "b71dc104" },
{ "Path": "base/1/\"q\"\\\n\u0001", "Size": 8192, "Last-Modified": "2026-11-21 01:41:32 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "00000000" },
{ "Encoded-Path": "626173652f312fff", "Size": 0, "Last-Modified": "2026-11-21 01:41:32 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "ffffffff" },
{ "Path": "global/pg_control", "Size": 8192, "Last-Modified": "2026-11-21 01:41:32 GMT" }
],
"WAL-Ranges": [
{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/3000000" },
{ "Timeline": 2, "Start-LSN": "0/3000000", "End-LSN": "1/138" }
],
)";
const std::string head_1 = "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n";
const std::string head_2 =
    "{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n\"System-Identifier\": 7710436416726794584,\n";

std::string sealed(const std::string& text) {
    Sha256 digest;
    digest.update(text);
    return text + "\"Manifest-Checksum\": \"" + digest.hex() + "\"}\n";
}

}  // namespace

TEST_CASE("SHA-256 is SHA-256") {
    Sha256 digest;
    digest.update("a");
    digest.update("bc");
    CHECK(digest.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a manifest is rendered as PostgreSQL renders it, and read back") {
    CHECK(render(example(1)) == sealed(head_1 + body));
    CHECK(render(example(2)) == sealed(head_2 + body));
    for (const int version : {1, 2}) {
        const auto read = parse_manifest(render(example(version)));
        REQUIRE(read);
        CHECK(*read == example(version));
    }
}

TEST_CASE("a manifest without files or ranges is one") {
    const auto text = render(Manifest{});
    CHECK(text == sealed(head_1 + "\"Files\": [\n],\n\"WAL-Ranges\": [\n],\n"));
    CHECK(parse_manifest(text) == Manifest{});
}

TEST_CASE("checksums of another algorithm are left out") {
    const auto read = parse_manifest(
        sealed(head_1 + "\"Files\": [\n{ \"Path\": \"a\", \"Size\": 1, \"Last-Modified\": \"2026-11-21 01:41:32 GMT\", "
                        "\"Checksum-Algorithm\": \"SHA256\", \"Checksum\": \"aa\" }],\n\"WAL-Ranges\": [],\n"));
    REQUIRE(read);
    CHECK(read->files == std::vector<ManifestFile>{{"a", 1, modified, std::nullopt}});
}

TEST_CASE("a manifest that was changed, or never was one, is corrupt") {
    const auto [from, to] = GENERATE(table<std::string, std::string>({
        {"\"Size\": 224", "\"Size\": -1"},
        {"\"Size\": 224", "\"Size\": 1.5"},
        {"\"Size\": 224", "\"Size\": \"224\""},
        {"\"Size\": 224", "\"Size\": null"},
        {"\"Size\": 224, ", ""},
        {"\"Path\": \"backup_label\", ", ""},
        {"\"backup_label\"", "\"/backup_label\""},
        {"\"backup_label\"", "\"a/../../b\""},
        {"\"backup_label\"", "\"\""},
        {"\"backup_label\"", "\"global/pg_control\""},
        {"\"626173652f312fff\"", "\"626173652f312ff\""},
        {"\"626173652f312fff\"", "\"626173652f312fxx\""},
        {"\"b71dc104\"", "\"b71dc1\""},
        {"\"Checksum-Algorithm\": \"CRC32C\", ", ""},
        {"2026-11-21 01:41:32 GMT", "yesterday"},
        {"\"Path\": \"global", "\"Way\": \"global"},
        {"\"Timeline\": 1,", "\"Timeline\": 0,"},
        {"\"Timeline\": 1,", "\"Timeline\": 4294967296,"},
        {"\"Timeline\": 1, ", ""},
        {"\"0/2000028\"", "\"02000028\""},
        {"\"Files\": [", "\"Files\": [[],"},
        {"\"Files\": [", "\"Folders\": [],\n\"Files\": ["},
        {"\"WAL-Ranges\": [", "\"WAL-Ranges\": [],\n\"WAL-Ranges\": ["},
        {"Version\": 2,\n", "Version\": 3,\n"},
        {"\"System-Identifier\": 7710436416726794584,\n", ""},
        {"Version\": 2,\n", "Version\": 1,\n"},
        {"{ \"PostgreSQL", "[ \"PostgreSQL"},
    }));
    CAPTURE(from, to);
    std::string text = head_2 + body;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    const auto changed = text.replace(at, from.size(), to);
    for (const auto& manifest : {sealed(changed), changed}) {
        const auto read = parse_manifest(manifest);
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == FaultKind::corrupt);
    }
}

TEST_CASE("a manifest that was cut off, or whose bytes changed, is corrupt") {
    const auto text = render(example(2));
    for (std::size_t size = 0; size < text.size(); ++size) CHECK_FALSE(parse_manifest(text.substr(0, size)));
    for (std::size_t at = 0; at + 2 < text.size(); ++at) {
        auto changed = text;
        changed[at] ^= 1;
        CHECK_FALSE(parse_manifest(changed));
    }
    CHECK_FALSE(parse_manifest(text + "\n"));
    CHECK_FALSE(parse_manifest(text + text));
}

TEST_CASE("what the sink says ends a manifest that is written in pieces") {
    int pieces = 0;
    ManifestWriter writer(1, std::nullopt, [&](std::string_view) -> Result<> {
        if (++pieces == 2) return fail(FaultKind::unavailable, "the store is away");
        return {};
    });
    CHECK(writer.add({"a", 1, modified, 0}));
    const auto second = writer.add({"b", 1, modified, 0});
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == FaultKind::unavailable);
}
