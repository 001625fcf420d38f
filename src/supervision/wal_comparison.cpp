#include "supervision/wal_comparison.hpp"

#include <algorithm>
#include <utility>

namespace pgbosun::supervision {
namespace {

constexpr Duration query_timeout = std::chrono::seconds(3);
constexpr std::string_view piece_sql = R"sql(
select encode(bytes, 'hex')
  from unnest($1::text[]) as file(name),
       lateral pg_read_binary_file('pg_wal/' || name, $2::bigint, $3::bigint, true) as bytes
 where length(bytes) = $3::bigint)sql";

std::string hexadecimal(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text.push_back(digits[value >> 4U]);
        text.push_back(digits[value & 15U]);
    }
    return text;
}

Task<Result<std::vector<std::string>>> ask(PgSession& session, std::vector<wal::SegmentName> names,
                                           std::uint64_t offset, std::uint64_t length) {
    std::string array;
    for (const auto& name : names) array.append(array.empty() ? "{" : ",").append(to_string(name));
    array += "}";
    std::string sql(piece_sql);
    std::vector<Field> parameters{std::move(array), std::to_string(offset), std::to_string(length)};
    const auto rows = co_await session.query(std::move(sql), std::move(parameters), query_timeout);
    if (!rows) co_return std::unexpected(rows.error());
    std::vector<std::string> found;
    for (const auto& row : rows->rows) {
        if (row.size() == 1 && row[0]) found.push_back(*row[0]);
    }
    co_return found;
}

Task<Result<std::vector<std::string>>> read(FileSystem& files, std::string directory,
                                            std::vector<wal::SegmentName> names, std::uint64_t offset,
                                            std::uint64_t length) {
    std::vector<std::string> found;
    for (const auto& name : names) {
        std::string path = directory + "/" + to_string(name);
        const auto bytes = co_await files.read_part(std::move(path), offset, length);
        if (bytes && bytes->size() == length) found.push_back(hexadecimal(*bytes));
        if (!bytes && bytes.error().kind != FaultKind::not_found) co_return std::unexpected(bytes.error());
    }
    co_return found;
}

}  // namespace

ReadWal wal_of_server(PgSession& session, wal::SegmentSize size) {
    return [&session, size](std::vector<wal::SegmentName> names, Lsn begin, Lsn end) {
        return ask(session, std::move(names), begin.value % size.bytes(), end.value - begin.value);
    };
}

ReadWal wal_of_directory(FileSystem& files, std::string wal_directory, wal::SegmentSize size) {
    return [&files, wal_directory = std::move(wal_directory), size](std::vector<wal::SegmentName> names, Lsn begin,
                                                                    Lsn end) {
        return read(files, wal_directory, std::move(names), begin.value % size.bytes(), end.value - begin.value);
    };
}

Task<Result<instance::SharedWal>> compare_wal(std::vector<instance::WalPiece> pieces, ReadWal ours, ReadWal theirs) {
    bool compared = false;
    for (auto& piece : pieces) {
        const auto here = co_await ours(std::move(piece.ours), piece.begin, piece.end);
        if (!here) co_return std::unexpected(here.error());
        if (here->empty()) continue;
        const auto there = co_await theirs(std::move(piece.theirs), piece.begin, piece.end);
        if (!there) co_return std::unexpected(there.error());
        if (there->empty()) continue;
        if (std::ranges::find_first_of(*here, *there) == here->end()) co_return instance::SharedWal::differs;
        compared = true;
    }
    co_return compared ? instance::SharedWal::same : instance::SharedWal::gone;
}

}  // namespace pgbosun::supervision
