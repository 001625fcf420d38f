#include "pgbosun/direct_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "support/catch.hpp"
#include "support/read_file.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using test::read_file;

namespace {

constexpr std::size_t mb = std::size_t{1} << 20;

std::string content_of(std::size_t size) {
    std::string content(size, '\0');
    for (std::size_t at = 0; at < size; ++at) content[at] = static_cast<char>((at * 2654435761U) >> 13);
    return content;
}

Descriptor create(const std::string& path) {
    return Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600));
}

bool write(DirectFile& file, std::string_view content, std::size_t piece) {
    for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
        if (!file.append(std::as_bytes(std::span(content.substr(0, piece))))) return false;
    }
    return file.finish();
}

}  // namespace

TEST_CASE("a file of any size in any pieces is written as it is, on a disk and in memory") {
    const test::TemporaryDirectory on_disk("/var/tmp"), in_memory("/dev/shm");
    DirectFile file;
    for (const auto* directory : {&on_disk, &in_memory}) {
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{1}, mb - 1, mb, mb + 1, 3 * mb, 3 * mb + 4096, 3 * mb + 4097}) {
            const std::string content = content_of(size);
            for (const std::size_t piece : {std::size_t{8191}, mb, 5 * mb}) {
                CAPTURE(directory->path(), size, piece);
                const std::string path = *directory / (std::to_string(size) + "-" + std::to_string(piece));
                file.begin(create(path), size);

                REQUIRE(write(file, content, piece));

                CHECK_FALSE(file.is_open());
                CHECK(read_file(path) == content);
            }
        }
    }
}

TEST_CASE("a file that gets more or less than was said is as long as what it got") {
    const test::TemporaryDirectory directory("/var/tmp");
    DirectFile file;
    for (const std::size_t size : {std::size_t{10}, mb + 10, 2 * mb + 4096}) {
        for (const std::size_t said : {std::size_t{0}, 2 * mb}) {
            CAPTURE(size, said);
            const std::string path = directory / (std::to_string(size) + "-" + std::to_string(said));
            file.begin(create(path), said);

            REQUIRE(write(file, content_of(size), 8192));

            CHECK(read_file(path) == content_of(size));
        }
    }
}

TEST_CASE("a full volume is an error with its reason, and the next file can be written") {
    const test::TemporaryDirectory directory;
    DirectFile file;
    file.begin(Descriptor(::open("/dev/full", O_WRONLY)), 2 * mb);

    CHECK_FALSE(write(file, content_of(2 * mb), mb));
    CHECK(errno == ENOSPC);

    file.give_up();
    file.begin(create(directory / "next"), mb);
    CHECK(write(file, content_of(mb), mb));
    CHECK(read_file(directory / "next") == content_of(mb));
}
