#include "backup/backup_sql.hpp"

#include <charconv>
#include <optional>

namespace pgbosun::backup {

const std::string_view server_sql = R"(
SELECT current_setting('server_version_num'), s.system_identifier, pg_is_in_recovery(),
       current_setting('archive_mode') <> 'off', current_setting('data_checksums') = 'on',
       coalesce(current_setting('summarize_wal', true), 'off') = 'on',
       (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size'),
       current_setting('block_size'),
       (SELECT setting FROM pg_settings WHERE name = 'segment_size'),
       current_setting('data_directory'), current_setting('config_file'), current_setting('hba_file'),
       current_setting('ident_file'),
       'PG_' || current_setting('server_version_num')::int / 10000 || '_' || s.catalog_version_no,
       CASE WHEN pg_is_in_recovery() THEN current_setting('primary_conninfo') END,
       pg_backend_pid(), (SELECT timeline_id FROM pg_control_checkpoint())
FROM pg_control_system() s)";

const std::string_view tablespaces_sql = R"(
SELECT spcname, oid, pg_tablespace_location(oid) FROM pg_tablespace
WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY oid)";

const std::string_view start_sql = R"(
SELECT lsn, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM pg_backup_start($1, $2::boolean) AS lsn)";

const std::string_view time_sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

const std::string_view stop_sql = R"(
SELECT lsn, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, labelfile,
       CASE WHEN pg_is_in_recovery() THEN (SELECT min_recovery_end_timeline FROM pg_control_recovery())
            ELSE (SELECT timeline_id FROM pg_control_checkpoint()) END
FROM pg_backup_stop(wait_for_archive => false))";

namespace {

// Takes the fields of one row in their order; the first that is not what it should be is kept.
class Row {
public:
    Row(const std::vector<Field>& fields, const char* what) : fields_(fields), what_(what) {}

    std::string text() {
        auto field = optional_text();
        return field ? *std::move(field) : wrong();
    }
    std::optional<std::string> optional_text() {
        if (at_ >= fields_.size()) return std::nullopt;
        return fields_[at_++];
    }
    bool truth() {
        const auto field = optional_text();
        if (field != "t" && field != "f") wrong();
        return field == "t";
    }
    template <class Number>
    Number number() {
        const auto field = optional_text().value_or("");
        Number value{};
        const char* const last = field.data() + field.size();
        const auto [end, error] = std::from_chars(field.data(), last, value);
        if (error != std::errc{} || end != last) wrong();
        return value;
    }
    Lsn lsn() {
        const auto value = parse_lsn(optional_text().value_or(""));
        if (!value) wrong();
        return value.value_or(Lsn{});
    }
    WallTime time() { return WallTime(std::chrono::microseconds(number<std::int64_t>())); }
    std::string wrong() {
        if (wrong_ == none) wrong_ = at_;
        return {};
    }

    template <class Value>
    Result<Value> finish(Value value) const {
        if (wrong_ == none && at_ == fields_.size()) return value;
        return fail(FaultKind::corrupt, std::string("the server's answer about ") + what_ +
                                            " was not understood (column " +
                                            std::to_string(wrong_ == none ? at_ + 1 : wrong_) + ")");
    }

private:
    static constexpr std::size_t none = ~std::size_t{0};
    const std::vector<Field>& fields_;
    const char* what_;
    std::size_t at_ = 0, wrong_ = none;
};

Result<> expect_one_row(const Rows& rows, const char* what) {
    if (rows.rows.size() == 1) return {};
    return fail(FaultKind::corrupt, std::string("the server's answer about ") + what + " has not one row");
}

}  // namespace

Result<BackupServer> parse_server(const Rows& rows) {
    if (auto one = expect_one_row(rows, "itself"); !one) return std::unexpected(std::move(one.error()));
    Row row(rows.rows[0], "itself");
    const int version = row.number<int>();
    const SystemId system_id{row.number<std::uint64_t>()};
    const bool standby = row.truth(), archiving = row.truth(), checksums = row.truth(), summarizing = row.truth();
    const auto segment_size = wal::SegmentSize::from_bytes(row.number<std::uint64_t>());
    if (!segment_size) {
        return fail(FaultKind::corrupt, "the server's WAL segments have a size that cannot be");
    }
    BackupServer server{.version = version,
                        .system_id = system_id,
                        .standby = standby,
                        .archiving = archiving,
                        .checksums = checksums,
                        .summarizing = summarizing,
                        .segment_size = *segment_size};
    server.block_size = row.number<std::uint32_t>();
    server.pages_per_segment = row.number<std::uint32_t>();
    server.data_directory = row.text();
    server.config_file = row.text();
    server.hba_file = row.text();
    server.ident_file = row.text();
    server.version_directory = row.text();
    server.primary = row.optional_text().value_or("");
    server.backend = row.text();
    server.timeline = Timeline{row.number<std::uint32_t>()};
    return row.finish(std::move(server));
}

Result<std::vector<Tablespace>> parse_tablespaces(const Rows& rows) {
    std::vector<Tablespace> tablespaces;
    for (const auto& fields : rows.rows) {
        Row row(fields, "tablespaces");
        Tablespace tablespace;
        tablespace.name = row.text();
        tablespace.oid = row.number<std::uint32_t>();
        tablespace.location = row.text();
        auto whole = row.finish(std::move(tablespace));
        if (!whole) return std::unexpected(std::move(whole.error()));
        if (whole->location.starts_with('/')) tablespaces.push_back(*std::move(whole));
    }
    return tablespaces;
}

Result<BackupStart> parse_start(const Rows& rows) {
    if (auto one = expect_one_row(rows, "pg_backup_start"); !one) return std::unexpected(std::move(one.error()));
    Row row(rows.rows[0], "pg_backup_start");
    BackupStart start;
    start.lsn = row.lsn();
    start.time = row.time();
    return row.finish(start);
}

Result<WallTime> parse_time(const Rows& rows) {
    if (auto one = expect_one_row(rows, "the time"); !one) return std::unexpected(std::move(one.error()));
    Row row(rows.rows[0], "the time");
    const auto time = row.time();
    return row.finish(time);
}

Result<BackupStop> parse_stop(const Rows& rows) {
    if (auto one = expect_one_row(rows, "pg_backup_stop"); !one) return std::unexpected(std::move(one.error()));
    Row row(rows.rows[0], "pg_backup_stop");
    BackupStop stop;
    stop.lsn = row.lsn();
    stop.time = row.time();
    stop.label = row.text();
    stop.timeline = Timeline{row.number<std::uint32_t>()};
    return row.finish(std::move(stop));
}

}  // namespace pgbosun::backup
