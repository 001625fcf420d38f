#pragma once
// A data directory with WAL in it, small enough for tests: segments of 1 MB, each page with a true header.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "pgbosun/archive_link.hpp"
#include "support/read_file.hpp"
#include "support/temporary_directory.hpp"
#include "wal/archive_name.hpp"
#include "wal/page_header.hpp"

namespace pgbosun::test {

inline constexpr SystemId our_system{7710436416726794584ULL};
inline constexpr std::uint32_t small_segment = 1 << 20;

inline wal::SegmentSize small_size() { return *wal::SegmentSize::from_bytes(small_segment); }

inline std::string segment_name(std::uint64_t number, std::uint32_t timeline = 1) {
    return to_string(wal::name_of({Timeline{timeline}, number}, small_size()));
}

// The same content for the same name and salt.
inline std::string segment_content(const std::string& name, std::uint32_t salt = 0, SystemId system = our_system) {
    const auto segment = *wal::segment_of(*wal::parse_segment_name(name.substr(0, 24)), small_size());
    std::string content(small_segment, '\0');
    const std::uint16_t magic = 0xD110, info = 6;
    const auto timeline = number(segment.timeline);
    const auto address = wal::start_of(segment, small_size()).value;
    const auto id = number(system);
    const std::uint32_t block = 8192;
    std::memcpy(&content[0], &magic, 2);
    std::memcpy(&content[2], &info, 2);
    std::memcpy(&content[4], &timeline, 4);
    std::memcpy(&content[8], &address, 8);
    std::memcpy(&content[24], &id, 8);
    std::memcpy(&content[32], &small_segment, 4);
    std::memcpy(&content[36], &block, 4);
    std::minstd_rand random(static_cast<std::uint32_t>(segment.number) * 31 + salt + 1);
    for (std::size_t i = 40; i < content.size(); i += 97) content[i] = static_cast<char>(random() & 0xFF);
    const std::uint16_t later = 0;
    const std::uint32_t continued = 0;
    for (std::size_t page = block; page < content.size(); page += block) {
        const auto here = address + page;
        std::memcpy(&content[page], &magic, 2);
        std::memcpy(&content[page + 2], &later, 2);
        std::memcpy(&content[page + 4], &timeline, 4);
        std::memcpy(&content[page + 8], &here, 8);
        std::memcpy(&content[page + 16], &continued, 4);
    }
    return content;
}

inline void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

class DataDirectory {
public:
    DataDirectory() { std::filesystem::create_directories(path() + "/pg_wal/archive_status"); }
    [[nodiscard]] const std::string& path() const { return directory_.path(); }
    [[nodiscard]] std::string wal_path(const std::string& name) const { return path() + "/pg_wal/" + name; }

    // As PostgreSQL does when a file is complete.
    void make_ready(const std::string& name, const std::string& content) const {
        write_file(wal_path(name), content);
        write_file(mark(name, ".ready"), "");
    }
    void make_ready(const std::string& segment) const { make_ready(segment, segment_content(segment)); }
    // As PostgreSQL does when archive_command has answered 0.
    void make_done(const std::string& name) const {
        std::filesystem::rename(mark(name, ".ready"), mark(name, ".done"));
    }

    [[nodiscard]] ArchiveOrder order() const {
        return {
            .may_archive = true, .data_directory = path(), .system_id = our_system, .wal_segment_size = small_segment};
    }

private:
    [[nodiscard]] std::string mark(const std::string& name, const char* kind) const {
        return path() + "/pg_wal/archive_status/" + name + kind;
    }
    TemporaryDirectory directory_;
};

}  // namespace pgbosun::test
