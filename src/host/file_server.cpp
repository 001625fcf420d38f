#include <algorithm>
#include <cerrno>
#include <cstring>

#include "host/file_operations.hpp"
#include "host/file_worker.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::host {
namespace {

bool read_exactly(int channel, void* to, std::size_t length) {
    auto* at = static_cast<char*>(to);
    while (length > 0) {
        const ssize_t got = ::read(channel, at, length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        length -= static_cast<std::size_t>(got);
    }
    return true;
}

bool write_exactly(int channel, const void* from, std::size_t length) {
    const auto* at = static_cast<const char*>(from);
    while (length > 0) {
        const ssize_t put = ::write(channel, at, length);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        at += put;
        length -= static_cast<std::size_t>(put);
    }
    return true;
}

Result<std::string> value(Result<> done) {
    if (!done) return std::unexpected(std::move(done.error()));
    return std::string();
}

template <class Facts>
Result<std::string> bytes(const Result<Facts>& facts) {
    if (!facts) return std::unexpected(facts.error());
    return std::string(reinterpret_cast<const char*>(&*facts), sizeof(Facts));
}

Result<std::string> joined(const Result<std::vector<std::string>>& names) {
    if (!names) return std::unexpected(names.error());
    std::string text;
    for (const auto& name : *names) text.append(name).push_back('\0');
    return text;
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < text.size(); at += parts.back().size() + 1) parts.emplace_back(text.data() + at);
    return parts;
}

Result<std::string> perform(const FileRequest& request) {
    namespace files = file_operations;
    switch (request.verb) {
        case FileVerb::read: return files::read(request.path, request.number);
        case FileVerb::write_durably: return value(files::write_durably(request.path, request.second));
        case FileVerb::append_durably: return value(files::append_durably(request.path, request.second));
        case FileVerb::remove_durably: return value(files::remove_durably(request.path));
        case FileVerb::rename_durably: return value(files::rename_durably(request.path, request.second));
        case FileVerb::make_directory: return value(files::make_directory(request.path));
        case FileVerb::remove_tree: return value(files::remove_tree(request.path));
        case FileVerb::change_mode:
            return value(files::change_mode(request.path, static_cast<std::uint32_t>(request.number)));
        case FileVerb::make_fifo: return value(files::make_fifo(request.path));
        case FileVerb::list: return joined(files::list(request.path, request.number));
        case FileVerb::inspect: return bytes(files::inspect(request.path));
        case FileVerb::volume: return bytes(files::volume(request.path));
        case FileVerb::rename_each_durably:
            return bytes(files::rename_each_durably(request.path, split(request.second)));
        case FileVerb::read_part:
            return files::read_part(request.path, request.offset, std::min(request.number, largest_content));
    }
    std::unreachable();
}

}  // namespace

int serve_files(int channel) {
    std::uint64_t length = 0;
    while (read_exactly(channel, &length, sizeof length) && length <= largest_message) {
        std::string message(length, '\0');
        if (!read_exactly(channel, message.data(), length)) return 1;
        const auto request = decode_request(message);
        if (!request) return 1;
        const std::string answer = encode(perform(*request));
        const std::uint64_t size = answer.size();
        if (!write_exactly(channel, &size, sizeof size) || !write_exactly(channel, answer.data(), size)) return 1;
    }
    return 0;
}

}  // namespace pgbosun::host
