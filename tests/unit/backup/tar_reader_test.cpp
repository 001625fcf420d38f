#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "backup/untar.hpp"
#include "support/catch.hpp"
#include "support/read_file.hpp"
#include "support/seed.hpp"
#include "support/temporary_directory.hpp"
#include "tar_bytes.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

struct Seen {
    TarMember entry;
    std::string content;
    bool operator==(const Seen&) const = default;
};

class Collector final : public TarVisitor {
public:
    std::vector<Seen> seen;

private:
    Result<> begin(const TarMember& entry) override {
        seen.push_back({entry, {}});
        return {};
    }
    Result<> content(std::span<const std::byte> piece) override {
        seen.back().content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
    }
    Result<> end() override { return {}; }
};

Result<std::vector<Seen>> read(std::string_view tar, std::size_t piece = 1 << 20) {
    Collector collector;
    TarReader reader(collector);
    for (std::size_t at = 0; at < tar.size(); at += piece) {
        if (auto fed = reader.feed(bytes(tar.substr(at, piece))); !fed) return std::unexpected(fed.error());
    }
    if (auto end = reader.finish(); !end) return std::unexpected(end.error());
    return collector.seen;
}

std::vector<std::string> paths(const std::vector<Seen>& seen) {
    std::vector<std::string> result;
    for (const auto& it : seen) result.push_back(it.entry.path);
    return result;
}

using Type = TarMember::Type;

// A directory and its descriptor.
struct Place {
    TemporaryDirectory directory;
    Descriptor descriptor{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    std::vector<UnpackedFile> files;

    Result<> unpack(std::string_view tar, Placement placement = as_it_is) {
        Untar untar(descriptor.get(), std::move(placement), [&](const UnpackedFile& file) -> Result<> {
            files.push_back(file);
            return {};
        });
        if (auto fed = untar.feed(bytes(tar)); !fed) return fed;
        return untar.finish();
    }
    static Result<std::optional<std::string>> as_it_is(const TarMember& entry) { return entry.path; }

    [[nodiscard]] std::string content(const std::string& path) const { return read_file(directory / path); }
};

}  // namespace

TEST_CASE("a tar is read in pieces of any length") {
    const std::string large(70'000, 'x');
    const std::string tar = tar_directory("./") + tar_directory("base/") + tar_directory("base/5/") +
                            tar_file("./PG_VERSION", "15\n") + tar_file("base/5/1259", large) +
                            tar_file("base/5/empty", "") + tar_link("pg_wal", "/wal") + tar_end();
    const std::vector<Seen> expected{{{Type::directory, "", 0, ""}, ""},
                                     {{Type::directory, "base", 0, ""}, ""},
                                     {{Type::directory, "base/5", 0, ""}, ""},
                                     {{Type::file, "PG_VERSION", 3, ""}, "15\n"},
                                     {{Type::file, "base/5/1259", 70'000, ""}, large},
                                     {{Type::file, "base/5/empty", 0, ""}, ""},
                                     {{Type::symbolic_link, "pg_wal", 0, "/wal"}, ""}};

    std::mt19937_64 random(test::seed());
    for (const std::size_t piece : {tar.size(), std::size_t{512}, std::size_t{1}, std::size_t{random() % 5000 + 1}}) {
        const auto seen = read(tar, piece);
        REQUIRE(seen);
        CHECK(*seen == expected);
    }
}

TEST_CASE("long names come in PAX records, in GNU's entries and in a prefix") {
    const std::string deep = "a/" + std::string(150, 'b') + "/c";
    std::string prefixed = tar_header("c", '0', 0);
    prefixed.replace(345, 3, "a/b");
    unsigned sum = 0;
    for (std::size_t at = 0; at < 512; ++at) {
        sum += at >= 148 && at < 156 ? ' ' : static_cast<unsigned char>(prefixed[at]);
    }
    std::array<char, 8> octal{};
    std::snprintf(octal.data(), octal.size(), "%06o", sum);
    prefixed.replace(148, 7, std::string_view(octal.data(), 7));

    const auto seen =
        read(pax(pax_record("path", deep) + pax_record("mtime", "1.5")) + tar_file("short", "1") +
             tar_header("././@LongLink", 'L', deep.size() + 1, {}, "ustar  ") + padded(deep + std::string(1, '\0')) +
             tar_file("short", "2") + prefixed + pax(pax_record("size", "3")) + tar_header("sized", '0', 0) +
             padded("abc") + tar_header("comment", 'g', 22) + padded(pax_record("comment", "0123456789")) +
             tar_file("last", "4") + tar_end());

    REQUIRE(seen);
    CHECK(paths(*seen) == std::vector<std::string>{deep, deep, "a/b/c", "sized", "last"});
    CHECK((*seen)[3].content == "abc");
}

TEST_CASE("a tar that is not what it should be is corrupt") {
    const std::string good = tar_file("a", "content");
    std::string bad_checksum = tar_file("a", "content");
    bad_checksum[0] = 'b';
    std::string bad_size = tar_header("a", '0', 0);
    struct {
        const char* what;
        std::string tar;
    } const cases[] = {
        {"nothing", ""},
        {"without its end mark", good},
        {"cut in a file", good.substr(0, 600)},
        {"cut in the padding", good.substr(0, 1000)},
        {"cut in a header", good + good.substr(0, 100)},
        {"a header's checksum", bad_checksum + tar_end()},
        {"no tar at all", std::string(2048, 'x')},
        {"something behind the end", good + tar_end() + good},
        {"absolute", tar_file("/etc/passwd", "x") + tar_end()},
        {"upwards", tar_file("../x", "x") + tar_end()},
        {"upwards in the middle", tar_file("base/../../x", "x") + tar_end()},
        {"upwards by PAX", pax(pax_record("path", "../x")) + good + tar_end()},
        {"absolute by PAX", pax(pax_record("path", "/x")) + good + tar_end()},
        {"a NUL in a path", pax(pax_record("path", std::string_view("a\0b", 3))) + good + tar_end()},
        {"a long path", pax(pax_record("path", std::string(5000, 'x'))) + good + tar_end()},
        {"a hard link", tar_header("a", '1', 0, "/etc/passwd") + tar_end()},
        {"a character device", tar_header("a", '3', 0) + tar_end()},
        {"a block device", tar_header("a", '4', 0) + tar_end()},
        {"a FIFO", tar_header("a", '6', 0) + tar_end()},
        {"GNU sparse", tar_header("a", 'S', 0) + tar_end()},
        {"PAX sparse", pax(pax_record("GNU.sparse.major", "1")) + good + tar_end()},
        {"a record without an entry", pax(pax_record("path", "a")) + tar_end()},
        {"a record without a length", pax("path=a\n") + good + tar_end()},
        {"a record that is longer than it is", pax("99 path=a\n") + good + tar_end()},
        {"a record of length 0", pax("0 path=a\n") + good + tar_end()},
        {"a negative size", pax(pax_record("size", "-1")) + good + tar_end()},
        {"a size that overflows", pax(pax_record("size", "99999999999999999999")) + good + tar_end()},
        {"a huge record", tar_header("x", 'x', std::uint64_t{1} << 30)},
        {"a file without a name", tar_file("./", "") + tar_file("", "x") + tar_end()},
    };
    for (const auto& it : cases) {
        INFO(it.what);
        const auto seen = read(it.tar);
        REQUIRE_FALSE(seen);
        CHECK(seen.error().kind == FaultKind::corrupt);
    }
}

TEST_CASE("a tar becomes files that only their owner may read") {
    Place place;

    REQUIRE(place.unpack(tar_directory("./") + tar_file("base/5/1259", "123456789") + tar_file("PG_VERSION", "15\n") +
                         tar_directory("pg_wal") + tar_end()));

    CHECK(place.content("base/5/1259") == "123456789");
    CHECK(place.content("PG_VERSION") == "15\n");
    REQUIRE(place.files.size() == 2);
    CHECK(place.files[0].crc32c == 0xE3069283);
    struct stat facts{};
    REQUIRE(::stat((place.directory / "base/5/1259").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
    REQUIRE(::stat((place.directory / "pg_wal").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0700);
}

TEST_CASE("what is placed elsewhere goes there, and what is left out is read all the same") {
    Place place;
    const auto placement = [](const TarMember& entry) -> Result<std::optional<std::string>> {
        if (entry.path == "global/pg_control") return "global/waiting";
        if (entry.path == "postmaster.pid" || entry.type == TarMember::Type::symbolic_link) return std::nullopt;
        return entry.path;
    };

    REQUIRE(place.unpack(
        tar_file("global/pg_control", "c") + tar_file("postmaster.pid", "1") + tar_link("pg_wal", "/tmp") + tar_end(),
        placement));

    CHECK(place.content("global/waiting") == "c");
    CHECK_FALSE(std::filesystem::exists(place.directory / "global/pg_control"));
    CHECK_FALSE(std::filesystem::exists(place.directory / "postmaster.pid"));
    CHECK_FALSE(std::filesystem::is_symlink(place.directory / "pg_wal"));
    CHECK(place.files.size() == 2);
}

TEST_CASE("nothing is written through a link, and nothing over a file") {
    TemporaryDirectory outside;
    Place place;
    std::filesystem::create_directory_symlink(outside.path(), place.directory / "base");
    std::ofstream(outside / "precious") << "as it was";
    std::filesystem::create_symlink(outside / "precious", place.directory / "file");
    std::ofstream(place.directory / "there") << "as it was";
    std::filesystem::create_directory(place.directory / "directory");

    for (const auto& tar : {tar_file("base/1", "x"), tar_directory("base/1"), tar_file("file", "x"),
                            tar_file("there", "x"), tar_file("there/below", "x"), tar_file("directory", "x"),
                            tar_link("link", "/etc"), tar_file("twice", "1") + tar_file("twice", "2")}) {
        const auto unpacked = place.unpack(tar + tar_end());
        REQUIRE_FALSE(unpacked);
        CHECK(unpacked.error().kind == FaultKind::corrupt);
    }

    CHECK(place.content("there") == "as it was");
    CHECK(std::ifstream(outside / "precious").get() == 'a');
    CHECK(std::distance(std::filesystem::directory_iterator(outside.path()), {}) == 1);
}

TEST_CASE("a tar that comes once more replaces what came of it before") {
    Place place;
    Untar untar(place.descriptor.get(), Place::as_it_is, [](const UnpackedFile&) { return Result<>{}; });
    const std::string tar = tar_file("a", "first") + tar_file("b", std::string(2000, 'b')) + tar_end();

    REQUIRE(untar.feed(bytes(tar).first(1500)));
    untar.restart();
    REQUIRE(untar.feed(bytes(tar)));
    REQUIRE(untar.finish());

    CHECK(place.content("a") == "first");
    CHECK(place.content("b") == std::string(2000, 'b'));
    CHECK(untar.bytes() == 2005);
}
