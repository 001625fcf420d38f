#include "backup/tar_entry.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <vector>

#include "support/catch.hpp"

using namespace pgbosun::backup;

namespace {

struct ReadEntry {
    std::string path;
    bool directory = false;
    unsigned mode = 0;
    std::int64_t user = 0, group = 0, size = 0, modified = 0;
    bool operator==(const ReadEntry&) const = default;
};

// Headers only: the content is skipped by seeking, so sizes may be large.
ReadEntry read_header(std::string tar) {
    tar.append(tar_block * 4, '\0');
    const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
    archive_read_support_format_tar(reader.get());
    REQUIRE(archive_read_open_memory(reader.get(), tar.data(), tar.size()) == ARCHIVE_OK);
    archive_entry* entry = nullptr;
    REQUIRE(archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK);
    return {archive_entry_pathname(entry),
            archive_entry_filetype(entry) == AE_IFDIR,
            static_cast<unsigned>(archive_entry_perm(entry)),
            archive_entry_uid(entry),
            archive_entry_gid(entry),
            archive_entry_size(entry),
            archive_entry_mtime(entry)};
}

}  // namespace

TEST_CASE("another library reads from a header what was put into it") {
    const std::string deep = "PG_17_202406281/" + std::string(90, 'd') + "/" + std::string(90, 'f');
    const std::string long_name = "base/" + std::string(180, 'n');
    const std::string longest = std::string(200, 'd') + "/" + std::string(150, 'n') + "/more";
    const TarEntry table[] = {
        {.path = "./", .type = TarType::directory, .mode = 0700, .user = 999, .group = 998, .modified = 1'763'000'000},
        {.path = "base/5/", .type = TarType::directory, .mode = 0750},
        {.path = "base/5/16384", .mode = 0600, .user = 26, .group = 26, .size = 1 << 30, .modified = 1},
        {.path = "PG_VERSION", .mode = 0640, .size = 0},
        {.path = std::string(100, 'n'), .size = 511},
        {.path = deep, .size = 512},
        {.path = long_name, .size = 513},
        {.path = longest, .size = 1},
        {.path = "large", .size = (std::uint64_t{1} << 33) - 1},
        {.path = "larger", .size = std::uint64_t{1} << 33},
        {.path = "owned", .user = 1'000'660'000, .group = 4'000'000'000, .size = 3},
    };
    for (const auto& entry : table) {
        CAPTURE(entry.path);
        const auto header = tar_header(entry);
        CHECK(header.size() % tar_block == 0);
        CHECK(header.size() <= tar_entry_bytes(entry.path.size(), 0));
        const ReadEntry expected{entry.path,  entry.type == TarType::directory,      entry.mode,    entry.user,
                                 entry.group, static_cast<std::int64_t>(entry.size), entry.modified};
        const auto read = read_header(header);
        CHECK(read.path == expected.path);
        CHECK(read == expected);
    }
}

TEST_CASE("content is padded to whole blocks") {
    CHECK(tar_padding(0) == 0);
    CHECK(tar_padding(1) == 511);
    CHECK(tar_padding(511) == 1);
    CHECK(tar_padding(512) == 0);
    CHECK(tar_padding(513) == 511);
}
