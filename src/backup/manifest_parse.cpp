#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "backup/manifest.hpp"
#include "backup/timestamp.hpp"

namespace pgbosun::backup {
namespace {

std::unexpected<Fault> malformed(const std::string& what) {
    return fail(FaultKind::corrupt, "backup_manifest: " + what, "the manifest is damaged; choose another backup");
}

std::optional<unsigned> digit_of(char letter) {
    if (letter >= '0' && letter <= '9') return static_cast<unsigned>(letter - '0');
    if (letter >= 'a' && letter <= 'f') return static_cast<unsigned>(letter - 'a' + 10);
    if (letter >= 'A' && letter <= 'F') return static_cast<unsigned>(letter - 'A' + 10);
    return std::nullopt;
}

std::optional<std::string> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); at += 2) {
        const auto high = digit_of(text[at]), low = digit_of(text[at + 1]);
        if (!high || !low) return std::nullopt;
        bytes += static_cast<char>(*high << 4 | *low);
    }
    return bytes;
}

std::optional<std::uint32_t> crc_of(std::string_view text) {
    const auto bytes = from_hex(text);
    if (!bytes || bytes->size() != 4) return std::nullopt;
    std::uint32_t value = 0;
    for (int byte = 3; byte >= 0; --byte) value = value << 8 | static_cast<unsigned char>((*bytes)[byte]);
    return value;
}

bool lies_inside(std::string_view path) {
    if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) return false;
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        if (path.substr(0, end) == "..") return false;
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return true;
}

// Follows nlohmann's events: one object of objects, so there are three places to be in.
class Events : public nlohmann::json_sax<nlohmann::json> {
public:
    Manifest manifest;
    std::string checksum;
    std::string complaint;

    bool start_object(std::size_t /*elements*/) override {
        if (place_ == Place::outside && !begun_) {
            begun_ = true;
            place_ = Place::top;
            return true;
        }
        if (place_ == Place::files) {
            place_ = Place::file;
            file_ = {};
            algorithm_.clear();
            file_checksum_.clear();
        } else if (place_ == Place::ranges) {
            place_ = Place::range;
            range_ = {};
        } else {
            return complain("an object where none belongs");
        }
        seen_.clear();
        return true;
    }

    bool end_object() override {
        if (place_ == Place::file) {
            place_ = Place::files;
            return end_file();
        }
        if (place_ == Place::range) {
            place_ = Place::ranges;
            if (seen_.size() != 3) return complain("a WAL range without timeline, start or end");
            manifest.wal_ranges.push_back(range_);
            return true;
        }
        place_ = Place::outside;
        return true;
    }

    bool start_array(std::size_t /*elements*/) override {
        if (place_ != Place::top) return complain("a list where none belongs");
        if (key_ == "Files") {
            place_ = Place::files;
        } else if (key_ == "WAL-Ranges") {
            place_ = Place::ranges;
        } else {
            return complain(key_ + " is a list");
        }
        return true;
    }

    bool end_array() override {
        place_ = Place::top;
        return true;
    }

    bool key(std::string& name) override {
        auto& seen = place_ == Place::top ? seen_at_top_ : seen_;
        if (std::ranges::find(seen, name) != seen.end()) return complain(name + " is there twice");
        seen.push_back(name);
        key_ = std::move(name);
        return true;
    }

    bool number_unsigned(std::uint64_t value) override {
        if (place_ == Place::top && key_ == "PostgreSQL-Backup-Manifest-Version" && (value == 1 || value == 2)) {
            manifest.version = static_cast<int>(value);
        } else if (place_ == Place::top && key_ == "System-Identifier") {
            manifest.system_id = SystemId{value};
        } else if (place_ == Place::file && key_ == "Size") {
            file_.size = value;
        } else if (place_ == Place::range && key_ == "Timeline" && value > 0 && value <= UINT32_MAX) {
            range_.timeline = Timeline{static_cast<std::uint32_t>(value)};
        } else {
            return complain(key_ + " is not known, or has not this value");
        }
        return true;
    }

    bool string(std::string& value) override {
        if (place_ == Place::file) return file_text(value);
        if (place_ == Place::range && key_ == "Start-LSN") return lsn(value, range_.start);
        if (place_ == Place::range && key_ == "End-LSN") return lsn(value, range_.end);
        if (place_ != Place::top || key_ != "Manifest-Checksum") return complain(key_ + " is not known, or no text");
        checksum = std::move(value);
        return true;
    }

    bool null() override { return complain(key_ + " is null"); }
    bool boolean(bool /*value*/) override { return complain(key_ + " is true or false"); }
    bool number_integer(std::int64_t /*value*/) override { return complain(key_ + " is negative"); }
    bool number_float(double /*value*/, const std::string& /*text*/) override {
        return complain(key_ + " is no whole number");
    }
    bool binary(nlohmann::json::binary_t& /*value*/) override { return complain("bytes"); }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::json::exception& /*error*/) override {
        return complain("no JSON at byte " + std::to_string(position));
    }

    // After the last event: what is missing.
    bool finish() {
        for (const auto* needed : {"PostgreSQL-Backup-Manifest-Version", "Files", "WAL-Ranges", "Manifest-Checksum"}) {
            if (std::ranges::find(seen_at_top_, needed) == seen_at_top_.end()) {
                return complain(std::string(needed) + " is missing");
            }
        }
        if (manifest.system_id.has_value() != (manifest.version == 2)) {
            return complain("System-Identifier belongs to version 2, and only there");
        }
        return true;
    }

private:
    enum class Place { outside, top, files, file, ranges, range };

    bool complain(std::string what) {
        if (complaint.empty()) complaint = std::move(what);
        return false;
    }

    bool lsn(const std::string& text, Lsn& into) {
        const auto parsed = parse_lsn(text);
        if (!parsed) return complain(key_ + " is no position");
        into = *parsed;
        return true;
    }

    bool file_text(std::string& value) {
        if (key_ == "Path" || key_ == "Encoded-Path") {
            auto path = key_ == "Path" ? std::optional(std::move(value)) : from_hex(value);
            if (!path || !lies_inside(*path) || !file_.path.empty()) return complain(key_ + " is no path below");
            file_.path = std::move(*path);
        } else if (key_ == "Last-Modified") {
            const auto time = parse_timestamp(value);
            if (!time) return complain(key_ + " is no time");
            file_.modified = std::chrono::floor<std::chrono::seconds>(*time);
        } else if (key_ == "Checksum-Algorithm") {
            algorithm_ = std::move(value);
        } else if (key_ == "Checksum") {
            file_checksum_ = std::move(value);
        } else {
            return complain(key_ + " is not known, or no text");
        }
        return true;
    }

    bool end_file() {
        const auto has = [&](std::string_view key) { return std::ranges::find(seen_, key) != seen_.end(); };
        if (file_.path.empty() || !has("Size")) return complain("a file without path or size");
        if (algorithm_.empty() != file_checksum_.empty()) return complain("a checksum without its algorithm");
        if (algorithm_ == "CRC32C") {
            file_.crc32c = crc_of(file_checksum_);
            if (!file_.crc32c) return complain("the checksum of " + file_.path + " is no CRC32C");
        }
        manifest.files.push_back(std::move(file_));
        return true;
    }

    Place place_ = Place::outside;
    bool begun_ = false;
    std::string key_;
    std::vector<std::string> seen_, seen_at_top_;
    ManifestFile file_;
    WalRange range_;
    std::string algorithm_, file_checksum_;
};

// Of all before the last line, which is the manifest's checksum itself.
Result<std::string> checksum_of(std::string_view text) {
    const auto before_last = text.size() < 2 ? std::string_view::npos : text.rfind('\n', text.size() - 2);
    if (!text.ends_with('\n') || before_last == std::string_view::npos) return malformed("its last line is not whole");
    Sha256 digest;
    digest.update(text.substr(0, before_last + 1));
    return digest.hex();
}

bool names_a_file_twice(const std::vector<ManifestFile>& files) {
    std::unordered_set<std::string_view> paths(files.size());
    return std::ranges::any_of(files, [&](const auto& file) { return !paths.insert(file.path).second; });
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
    if (text.size() > longest_manifest) return malformed("it is longer than 2 GiB");
    const auto expected = checksum_of(text);
    if (!expected) return std::unexpected(expected.error());
    Events events;
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &events) || !events.finish()) {
        return malformed(events.complaint);
    }
    if (events.checksum != *expected) return malformed("its own checksum is wrong");
    if (names_a_file_twice(events.manifest.files)) return malformed("a file is named twice");
    return std::move(events.manifest);
}

}  // namespace pgbosun::backup
