#include "host/file_wire.hpp"

#include <cstring>
#include <optional>

namespace pgbosun::host {
namespace {

constexpr char success = 'v';
constexpr char fault = 'f';

void put_number(std::string& message, std::uint64_t number) {
    message.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string& message, std::string_view text) {
    put_number(message, text.size());
    message += text;
}

std::optional<std::uint64_t> take_number(std::string_view& message) {
    std::uint64_t number = 0;
    if (message.size() < sizeof number) return std::nullopt;
    std::memcpy(&number, message.data(), sizeof number);
    message.remove_prefix(sizeof number);
    return number;
}

std::optional<std::string> take_text(std::string_view& message) {
    const auto length = take_number(message);
    if (!length || *length > message.size()) return std::nullopt;
    std::string text(message.substr(0, *length));
    message.remove_prefix(*length);
    return text;
}

std::unexpected<Fault> malformed() { return fail(FaultKind::corrupt, "the file worker's message is malformed"); }

}  // namespace

std::string encode(const FileRequest& request) {
    std::string message;
    put_number(message, static_cast<std::uint64_t>(request.verb));
    put_text(message, request.path);
    put_text(message, request.second);
    put_number(message, request.number);
    put_number(message, request.offset);
    return message;
}

Result<FileRequest> decode_request(std::string_view message) {
    const auto verb = take_number(message);
    auto path = take_text(message);
    auto second = take_text(message);
    const auto number = take_number(message);
    const auto offset = take_number(message);
    if (!verb || !path || !second || !number || !offset || !message.empty()) return malformed();
    if (*verb > static_cast<std::uint64_t>(FileVerb::read_part)) return malformed();
    return FileRequest{static_cast<FileVerb>(*verb), std::move(*path), std::move(*second), *number, *offset};
}

std::string encode(const Result<std::string>& answer) {
    if (answer) return success + *answer;
    std::string message(1, fault);
    put_number(message, static_cast<std::uint64_t>(answer.error().kind));
    put_text(message, answer.error().what);
    put_text(message, answer.error().hint);
    return message;
}

Result<std::string> decode_answer(std::string_view message) {
    if (message.empty()) return malformed();
    const char outcome = message.front();
    message.remove_prefix(1);
    if (outcome == success) return std::string(message);
    const auto kind = take_number(message);
    auto what = take_text(message);
    auto hint = take_text(message);
    if (outcome != fault || !kind || *kind > static_cast<std::uint64_t>(FaultKind::cancelled) || !what || !hint) {
        return malformed();
    }
    return std::unexpected(Fault{static_cast<FaultKind>(*kind), std::move(*what), std::move(*hint)});
}

}  // namespace pgbosun::host
