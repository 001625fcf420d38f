#include "postgres/control_data.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <type_traits>

namespace pgbosun::postgres {
namespace {

static_assert(std::endian::native == std::endian::little, "pg_control is read in the byte order of the machine");

constexpr std::size_t crc_offset_1300 = 288;
constexpr std::size_t crc_offset_1800 = 292;
constexpr std::size_t shortest = crc_offset_1800 + 4;
// What PostgreSQL numbers its control files by: 8.0 had 74, from 8.3 on it is the version with a digit more.
constexpr std::uint32_t oldest_number = 72, newest_number = 9999;
constexpr double float_format = 1234567.0;
constexpr std::string_view restore_hint =
    "the data directory is damaged: restore it from a backup or clone it again from the primary; do not use "
    "pg_resetwal on data that you want to keep";

constexpr std::array<std::uint32_t, 256> crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
        table.at(i) = value;
    }
    return table;
}();

std::uint32_t crc32c(std::string_view bytes) {
    std::uint32_t crc = 0xFFFFFFFFU;
    for (const char byte : bytes) crc = crc_table[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8);
    return ~crc;
}

template <class Value>
Value at(std::string_view bytes, std::size_t offset) {
    static_assert(std::is_trivially_copyable_v<Value>);
    Value value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::optional<std::size_t> crc_offset(std::uint32_t version) {
    if (version == 1300 || version == 1700) return crc_offset_1300;
    if (version == 1800) return crc_offset_1800;
    return std::nullopt;
}

ControlData read_fields(std::string_view bytes) {
    ControlData data;
    data.system_id = SystemId{at<std::uint64_t>(bytes, 0)};
    data.control_version = at<std::uint32_t>(bytes, 8);
    data.catalog_version = at<std::uint32_t>(bytes, 12);
    data.state = ClusterState{at<std::uint32_t>(bytes, 16)};
    data.checkpoint = Lsn{at<std::uint64_t>(bytes, 32)};
    data.redo = Lsn{at<std::uint64_t>(bytes, 40)};
    data.timeline = Timeline{at<std::uint32_t>(bytes, 48)};
    data.previous_timeline = Timeline{at<std::uint32_t>(bytes, 52)};
    data.checkpoint_time = at<std::int64_t>(bytes, 104);
    data.min_recovery_point = Lsn{at<std::uint64_t>(bytes, 136)};
    data.min_recovery_timeline = Timeline{at<std::uint32_t>(bytes, 144)};
    data.backup_start = Lsn{at<std::uint64_t>(bytes, 152)};
    data.backup_end = Lsn{at<std::uint64_t>(bytes, 160)};
    data.wal_log_hints = at<std::uint8_t>(bytes, 176) != 0;
    data.limits = {.max_connections = at<std::int32_t>(bytes, 180),
                   .max_worker_processes = at<std::int32_t>(bytes, 184),
                   .max_wal_senders = at<std::int32_t>(bytes, 188),
                   .max_prepared_transactions = at<std::int32_t>(bytes, 192),
                   .max_locks_per_transaction = at<std::int32_t>(bytes, 196)};
    data.block_size = at<std::uint32_t>(bytes, 216);
    data.wal_block_size = at<std::uint32_t>(bytes, 224);
    data.wal_segment_size = at<std::uint32_t>(bytes, 228);
    data.data_checksum_version = at<std::uint32_t>(bytes, 252);
    return data;
}

bool plausible(const ControlData& data) {
    return data.state <= ClusterState::in_production && number(data.system_id) != 0 &&
           std::has_single_bit(data.wal_segment_size) && data.wal_segment_size >= (1U << 20) &&
           data.wal_segment_size <= (1U << 30) && std::has_single_bit(data.block_size) && number(data.timeline) != 0;
}

bool is_whole(std::string_view bytes, std::size_t end) {
    return crc32c(bytes.substr(0, end)) == at<std::uint32_t>(bytes, end);
}

// Nothing of a file that is damaged tells its version. One of a version that is not known has its checksum where nobody here
// knows, so its number is believed when it is one that PostgreSQL has, or will have.
bool is_damaged(std::string_view bytes, std::uint32_t version) {
    if (is_whole(bytes, crc_offset_1300) || is_whole(bytes, crc_offset_1800)) return false;
    for (const std::uint32_t known : {1300U, 1700U, 1800U}) {
        std::string mended(bytes.substr(0, shortest));
        std::memcpy(mended.data() + 8, &known, sizeof known);
        if (is_whole(mended, *crc_offset(known))) return true;
    }
    const auto is_number = [](std::uint32_t it) { return it >= oldest_number && it <= newest_number; };
    return !is_number(version) && !is_number(__builtin_bswap32(version));
}

Fault unknown_version(std::uint32_t version) {
    const std::uint32_t swapped = __builtin_bswap32(version);
    if (swapped >= 1300 && swapped <= 3000)
        return {FaultKind::refused, "pg_control has the byte order of another machine",
                "move the data with pg_dump, or run it on the architecture it was made on"};
    return {FaultKind::refused, "pg_control has version " + std::to_string(version) + ", known are 1300, 1700 and 1800",
            version > 1800 && version < 10000
                ? "the data directory is of a newer PostgreSQL: use a pgbosun that knows it"
                : "PostgreSQL 15 to 18 are supported; use pg_upgrade for an older data directory"};
}

}  // namespace

std::string_view to_string(ClusterState state) {
    switch (state) {
        case ClusterState::starting_up: return "starting up";
        case ClusterState::shut_down: return "shut down";
        case ClusterState::shut_down_in_recovery: return "shut down in recovery";
        case ClusterState::shutting_down: return "shutting down";
        case ClusterState::in_crash_recovery: return "in crash recovery";
        case ClusterState::in_archive_recovery: return "in archive recovery";
        case ClusterState::in_production: return "in production";
    }
    return "unrecognized status code";
}

std::uint32_t control_version_of(int server_major) {
    if (server_major >= 18) return 1800;
    return server_major == 17 ? 1700 : 1300;
}

Result<ControlData> parse_control_data(std::string_view bytes) {
    if (bytes.size() < shortest)
        return fail(FaultKind::corrupt, "pg_control has only " + std::to_string(bytes.size()) + " bytes",
                    std::string(restore_hint));
    if (bytes.substr(0, shortest).find_first_not_of('\0') == std::string_view::npos)
        return fail(FaultKind::corrupt, "pg_control holds only zeros", std::string(restore_hint));

    const auto version = at<std::uint32_t>(bytes, 8);
    const auto end = crc_offset(version);
    if (!end && !is_damaged(bytes, version)) return std::unexpected(unknown_version(version));
    if (!end || !is_whole(bytes, *end))
        return fail(FaultKind::corrupt, "the checksum of pg_control is wrong", std::string(restore_hint));
    if (at<std::uint32_t>(bytes, 204) != 8 || at<double>(bytes, 208) != float_format)
        return fail(FaultKind::refused, "pg_control was written with another alignment or floating point format",
                    "run the data directory on the architecture it was made on");

    ControlData data = read_fields(bytes);
    if (!plausible(data))
        return fail(FaultKind::corrupt, "pg_control holds values that cannot be", std::string(restore_hint));
    return data;
}

}  // namespace pgbosun::postgres
