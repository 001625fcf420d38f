#pragma once
// What PID 1 and its file worker, which is a fork of it, say to each other. Each message goes behind its length
// (8 bytes, this machine's order).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/file_system.hpp"

namespace pgbosun::host {

inline constexpr std::uint64_t largest_content = 16 * 1024 * 1024;
inline constexpr std::uint64_t largest_message = largest_content + 64 * 1024;

enum class FileVerb : std::uint8_t {
    read,
    write_durably,
    append_durably,
    remove_durably,
    rename_durably,
    make_directory,
    remove_tree,
    change_mode,
    make_fifo,
    list,
    inspect,
    volume,
    rename_each_durably,
    read_part,
};

struct FileRequest {
    FileVerb verb{};
    std::string path;
    std::string second;        // content, the new name, or old and new names, each ended by a NUL
    std::uint64_t number = 0;  // limit, mode or size
    std::uint64_t offset = 0;
};

std::string encode(const FileRequest& request);
// refused: not a request.
Result<FileRequest> decode_request(std::string_view message);

// The answer's value as bytes; each verb knows what it means.
std::string encode(const Result<std::string>& answer);
Result<std::string> decode_answer(std::string_view message);

}  // namespace pgbosun::host
