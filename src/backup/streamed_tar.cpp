#include "backup/streamed_tar.hpp"

#include "archive/layout.hpp"
#include "backup/backup_label.hpp"
#include "backup/layout.hpp"
#include "backup/restore_target.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::string_view label_file = "backup_label";

// What is in it is made anew by every server: pg_wal's directories by the first start, links by the restore.
bool is_left_out(const TarMember& entry) {
    return entry.type == TarMember::Type::symbolic_link || entry.path.starts_with("pg_wal/");
}

}  // namespace

struct StreamedTar::Part {
    Part(UploadPool& pool, ObjectStore& store, std::string key, codec::Compressor& compressor)
        : writer(pool, store, std::move(key), streamed_part), stream(compressor, writer) {}
    PartWriter writer;
    TarStream stream;
};

StreamedTar::StreamedTar(const StreamedTarOrders& orders, std::optional<std::uint32_t> tablespace,
                         codec::Compressor& compressor, UploadPool& pool, ObjectStore& store)
    : orders_(orders), tablespace_(tablespace), compressor_(compressor), pool_(pool), store_(store), reader_(*this) {}

StreamedTar::~StreamedTar() = default;

Result<> StreamedTar::open_part() {
    if (part_) return {};
    const TarName name{tablespace_, next_part_++, archive::encoding_of(orders_.compression)};
    part_ = std::make_unique<Part>(pool_, store_, orders_.prefix + to_string(name), compressor_);
    in_part_ = 0;
    return part_->stream.begin();
}

Result<> StreamedTar::close_part() {
    auto finished = part_->stream.finish();
    part_.reset();
    return finished;
}

Result<> StreamedTar::begin(const TarMember& entry) {
    in_file_ = false;
    if (is_left_out(entry)) return {};
    if (auto opened = open_part(); !opened) return opened;
    if (entry.type == TarMember::Type::directory) {
        return part_->stream.entry({.path = entry.path.empty() ? "./" : entry.path + "/",
                                    .type = TarType::directory,
                                    .mode = 0700,
                                    .modified = orders_.modified});
    }
    in_file_ = true;
    in_label_ = !tablespace_ && entry.path == label_file;
    if (in_label_ && entry.size > longest_label) return fail(FaultKind::corrupt, "backup_label is too long");
    has_control_file_ = has_control_file_ || (!tablespace_ && entry.path == control_file);
    return part_->stream.entry({.path = entry.path, .size = entry.size, .modified = orders_.modified});
}

Result<> StreamedTar::content(std::span<const std::byte> piece) {
    if (!in_file_) return {};
    bytes_ += piece.size();
    in_part_ += piece.size();
    if (in_label_) label_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return part_->stream.append(piece);
}

Result<> StreamedTar::end() {
    if (!in_file_) return {};
    if (auto ended = part_->stream.end_file(); !ended) return ended;
    return in_part_ >= largest_streamed_tar ? close_part() : Result<>();
}

Result<> StreamedTar::finish() {
    if (auto whole = reader_.finish(); !whole) return whole;
    // An empty tablespace has a tar too.
    if (next_part_ == 0) {
        if (auto opened = open_part(); !opened) return opened;
    }
    return part_ ? close_part() : Result<>();
}

}  // namespace pgbosun::backup
