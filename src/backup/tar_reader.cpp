#include "backup/tar_reader.hpp"

#include <algorithm>
#include <charconv>

namespace pgbosun::backup {
namespace {

constexpr std::size_t name_at = 0, name_bytes = 100;
constexpr std::size_t size_at = 124, size_bytes = 12;
constexpr std::size_t checksum_at = 148, checksum_bytes = 8;
constexpr std::size_t type_at = 156;
constexpr std::size_t target_at = 157, target_bytes = 100;
constexpr std::size_t magic_at = 257;
constexpr std::size_t prefix_at = 345, prefix_bytes = 155;

// Nothing PostgreSQL writes is larger than 1 GiB, but a relation segment may be configured so.
constexpr std::uint64_t largest_file = std::uint64_t{1} << 46;

std::unexpected<Fault> damaged(std::string why) { return fail(FaultKind::corrupt, "not a tar: " + std::move(why)); }

std::string_view field(std::string_view header, std::size_t at, std::size_t length) {
    const auto whole = header.substr(at, length);
    return whole.substr(0, whole.find('\0'));
}

// Octal digits between blanks, or (GNU) big endian binary behind a byte 0x80.
std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t value = 0;
    if (!text.empty() && text.front() == '\x80') {
        for (const char c : text.substr(1)) {
            if (value >> 56 != 0) return std::nullopt;
            value = (value << 8) | static_cast<unsigned char>(c);
        }
        return value;
    }
    text = text.substr(0, text.find('\0'));
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool checksum_fits(std::string_view header) {
    const auto said = number_in(header.substr(checksum_at, checksum_bytes));
    std::uint64_t as_unsigned = 0;
    std::int64_t as_signed = 0;  // some old writers
    for (std::size_t at = 0; at < header.size(); ++at) {
        const bool blank = at >= checksum_at && at < checksum_at + checksum_bytes;
        const char c = blank ? ' ' : header[at];
        as_unsigned += static_cast<unsigned char>(c);
        as_signed += static_cast<signed char>(c);
    }
    return said && (*said == as_unsigned || static_cast<std::int64_t>(*said) == as_signed);
}

// Without "./" and a '/' at the end.
Result<std::string> plain_path(std::string_view path) {
    if (path.size() > longest_tar_path) return damaged("a path is too long");
    if (path.find('\0') != std::string_view::npos) return damaged("a path holds a NUL");
    if (path.starts_with('/')) return damaged("the path " + std::string(path) + " is absolute");
    std::string plain;
    while (!path.empty()) {
        const auto cut = std::min(path.find('/'), path.size());
        const auto part = path.substr(0, cut);
        path.remove_prefix(std::min(cut + 1, path.size()));
        if (part == "..") return damaged("the path " + plain + "/.. leads upwards");
        if (part.empty() || part == ".") continue;
        if (!plain.empty()) plain += '/';
        plain += part;
    }
    return plain;
}

std::string path_in(std::string_view header) {
    std::string name(field(header, name_at, name_bytes));
    if (!header.substr(magic_at).starts_with(std::string_view("ustar\0", 6))) return name;  // GNU and old: no prefix
    const auto prefix = field(header, prefix_at, prefix_bytes);
    return prefix.empty() ? name : std::string(prefix) + "/" + name;
}

struct PaxRecord {
    std::string_view key, value;
};

// "<length> <key>=<value>\n", and the length counts itself.
Result<PaxRecord> next_record(std::string_view& text) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || length <= digits + 1 || length > text.size() || *end != ' ') {
        return damaged("a PAX record has no length");
    }
    auto record = text.substr(digits + 1, length - digits - 1);
    text.remove_prefix(length);
    const auto equals = record.find('=');
    if (!record.ends_with('\n') || equals == std::string_view::npos) return damaged("a PAX record does not end");
    record.remove_suffix(1);
    return PaxRecord{record.substr(0, equals), record.substr(equals + 1)};
}

}  // namespace

void TarReader::restart() {
    stage_ = Stage::header;
    collected_.clear();
    left_ = 0;
    padding_ = 0;
    next_path_.reset();
    next_target_.reset();
    next_size_.reset();
}

void TarReader::collect(std::span<const std::byte>& bytes, std::size_t until) {
    const auto count = std::min(until - collected_.size(), bytes.size());
    collected_.append(reinterpret_cast<const char*>(bytes.data()), count);
    bytes = bytes.subspan(count);
}

Result<> TarReader::feed(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        Result<> done;
        switch (stage_) {
            case Stage::header:
                collect(bytes, block);
                if (collected_.size() == block) done = take_header();
                break;
            case Stage::extended:
                collect(bytes, static_cast<std::size_t>(left_));
                if (collected_.size() == left_) done = take_extended();
                break;
            case Stage::content: {
                const auto piece = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
                bytes = bytes.subspan(piece.size());
                left_ -= piece.size();
                done = visitor_.content(piece);
                if (done && left_ == 0) done = end_of_content();
                break;
            }
            case Stage::padding: {
                const auto count = std::min(padding_, bytes.size());
                bytes = bytes.subspan(count);
                padding_ -= count;
                if (padding_ == 0) stage_ = Stage::header;
                break;
            }
            case Stage::after_end:
                if (std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{0}; })) {
                    return damaged("something follows its end");
                }
                return {};
        }
        if (!done) return done;
    }
    return {};
}

Result<> TarReader::finish() {
    if (stage_ == Stage::after_end) return {};
    return fail(FaultKind::corrupt, "the tar ends before its end mark");
}

Result<> TarReader::take_header() {
    const std::string header = std::exchange(collected_, {});
    if (header.find_first_not_of('\0') == std::string::npos) {
        if (next_path_ || next_target_ || next_size_) return damaged("a record without its entry");
        stage_ = Stage::after_end;
        return {};
    }
    if (!checksum_fits(header)) return damaged("the checksum of a header is wrong");
    const auto size = number_in(std::string_view(header).substr(size_at, size_bytes));
    if (!size || *size > largest_file) return damaged("a size is malformed");
    const char type = header[type_at];
    if (type == 'x' || type == 'g' || type == 'L' || type == 'K') {
        if (*size == 0 || *size > longest_tar_header) return damaged("a record is empty or too long");
        extended_type_ = type;
        left_ = *size;
        stage_ = Stage::extended;
        return {};
    }
    std::string path = next_path_ ? *std::exchange(next_path_, {}) : path_in(header);
    std::string target =
        next_target_ ? *std::exchange(next_target_, {}) : std::string(field(header, target_at, target_bytes));
    const std::uint64_t length = next_size_ ? *std::exchange(next_size_, {}) : *size;
    return begin_entry(type, std::move(path), length, std::move(target));
}

Result<> TarReader::take_extended() {
    const std::string text = std::exchange(collected_, {});
    padding_ = (block - text.size() % block) % block;
    stage_ = padding_ == 0 ? Stage::header : Stage::padding;
    if (extended_type_ == 'L' || extended_type_ == 'K') {
        (extended_type_ == 'L' ? next_path_ : next_target_) = text.substr(0, text.find('\0'));
        return {};
    }
    for (std::string_view rest = text; !rest.empty();) {
        const auto record = next_record(rest);
        if (!record) return std::unexpected(record.error());
        const auto& [key, value] = *record;
        if (key.starts_with("GNU.sparse")) return damaged("a sparse file");
        if (extended_type_ == 'g') continue;  // of all entries that follow: a comment, at most
        if (key == "path") next_path_ = std::string(value);
        if (key == "linkpath") next_target_ = std::string(value);
        if (key != "size") continue;
        std::uint64_t size = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
        if (error != std::errc{} || end != value.data() + value.size() || size > largest_file) {
            return damaged("a size is malformed");
        }
        next_size_ = size;
    }
    return {};
}

Result<> TarReader::begin_entry(char type, std::string path, std::uint64_t size, std::string target) {
    auto plain = plain_path(path);
    if (!plain) return std::unexpected(plain.error());
    const bool file = type == '0' || type == '\0' || type == '7';
    TarMember entry{TarMember::Type::file, std::move(*plain), 0, {}};
    if (type == '5' || (file && path.ends_with('/'))) {
        entry.type = TarMember::Type::directory;
    } else if (type == '2') {
        entry.type = TarMember::Type::symbolic_link;
        entry.target = std::move(target);
    } else if (file) {
        if (entry.path.empty()) return damaged("a file has no name");
        entry.size = size;
    } else {
        return damaged(path + " is neither a file nor a directory");
    }
    if (auto begun = visitor_.begin(entry); !begun) return begun;
    left_ = file ? size : 0;
    padding_ = (block - left_ % block) % block;
    stage_ = Stage::content;
    if (left_ > 0 && entry.type != TarMember::Type::file) return damaged("a directory has content");
    return left_ == 0 ? end_of_content() : Result<>{};
}

Result<> TarReader::end_of_content() {
    stage_ = padding_ == 0 ? Stage::header : Stage::padding;
    return visitor_.end();
}

}  // namespace pgbosun::backup
