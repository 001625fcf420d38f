#include "postgres/server_facts.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace pgbosun::postgres {
namespace {

constexpr std::size_t most_standbys = 1000;

// The row by column name; remembers the first column that could not be read.
class Row {
public:
    Row(const std::vector<std::string>& columns, const std::vector<Field>& fields)
        : columns_(columns), fields_(fields) {}

    const Field& field(std::string_view name) {
        static const Field null;
        for (std::size_t i = 0; i < columns_.size() && i < fields_.size(); ++i)
            if (columns_[i] == name) return fields_[i];
        fault(name);
        return null;
    }

    std::string text(std::string_view name) {
        const Field& value = field(name);
        if (!value) fault(name);
        return value.value_or("");
    }

    bool truth(std::string_view name) { return text(name) == "t"; }

    template <class Number>
    Number number(std::string_view name) {
        const std::string value = text(name);
        Number result{};
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
        if (error != std::errc{} || end != value.data() + value.size()) fault(name);
        return result;
    }

    std::optional<Lsn> lsn(std::string_view name) {
        const Field& value = field(name);
        if (!value) return std::nullopt;
        const auto parsed = parse_lsn(*value);
        if (!parsed) fault(name);
        return parsed;
    }

    [[nodiscard]] const std::string& faulty() const { return faulty_; }
    void fault(std::string_view name) {
        if (faulty_.empty()) faulty_ = name;
    }

private:
    const std::vector<std::string>& columns_;
    const std::vector<Field>& fields_;
    std::string faulty_;
};

std::string text_of(const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<StandbyStatus> standbys_of(Row& row) {
    const auto list = nlohmann::json::parse(row.text("standbys"), nullptr, false);
    if (!list.is_array() || list.size() > most_standbys) {
        row.fault("standbys");
        return {};
    }
    std::vector<StandbyStatus> standbys;
    for (const auto& entry : list) {
        StandbyStatus standby{.name = text_of(entry, "name"),
                              .state = text_of(entry, "state"),
                              .sync = text_of(entry, "sync"),
                              .client_address = text_of(entry, "address")};
        const auto lag = entry.find("lag");
        standby.flushed = parse_lsn(text_of(entry, "flushed"));
        if (lag != entry.end() && lag->is_number())
            standby.replay_lag_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, lag->get<std::int64_t>()));
        standbys.push_back(std::move(standby));
    }
    return standbys;
}

std::vector<SlotStatus> slots_of(Row& row) {
    const auto list = nlohmann::json::parse(row.text("slots"), nullptr, false);
    std::vector<SlotStatus> slots;
    if (!list.is_array()) row.fault("slots");
    for (const auto& entry : list) {
        SlotStatus slot{.name = text_of(entry, "name"), .type = text_of(entry, "type")};
        slot.wal_status = text_of(entry, "wal_status");
        const auto active = entry.find("active"), kept = entry.find("kept");
        slot.active = active != entry.end() && active->is_boolean() && active->get<bool>();
        if (kept != entry.end() && kept->is_number())
            slot.kept_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, kept->get<std::int64_t>()));
        slots.push_back(std::move(slot));
    }
    return slots;
}

std::vector<std::string> names_of(Row& row) {
    const auto list = nlohmann::json::parse(row.text("pending_restart"), nullptr, false);
    std::vector<std::string> names;
    if (!list.is_array()) row.fault("pending_restart");
    for (const auto& name : list)
        if (name.is_string()) names.push_back(name.get<std::string>());
    return names;
}

LsnStatus lsn_of(Row& row, Recovery recovery) {
    LsnStatus status;
    status.current = row.lsn("current_lsn");
    status.flushed = row.lsn("flushed_lsn");
    status.received = row.lsn("received_lsn");
    status.replayed = row.lsn("replayed_lsn");
    status.streaming = row.truth("streaming");
    status.sender = row.field("sender");
    status.replay_paused = row.truth("replay_paused");
    // Cut off from whom it follows it has replayed all that it received, which tells nothing of how far that one is.
    if (recovery == Recovery::none || !status.streaming) return status;
    const auto newest = std::max(status.received.value_or(Lsn{}), row.lsn("upstream_lsn").value_or(Lsn{}));
    if (newest != Lsn{} && status.replayed)
        status.lag_bytes = newest > *status.replayed ? newest.value - status.replayed->value : 0;
    return status;
}

}  // namespace

// pg_is_in_recovery() only ever goes from true to false, so the ELSE branches are safe within the one statement.
// A standby turns to a WAL receiver, or waits before it looks for WAL again, when it has none left of its own. On a
// primary the timeline is taken from the WAL file's name: pg_control still has the old one until the first checkpoint
// after a promotion.
const std::string_view server_facts_sql = R"sql(
select pg_is_in_recovery() as in_recovery,
       current_setting('server_version_num') as version,
       s.system_identifier::text as system_id,
       case when pg_is_in_recovery()
            then greatest(w.received_tli, c.timeline_id, r.min_recovery_end_timeline)::bigint
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end as timeline,
       g.wal_segment_size,
       current_setting('data_checksums') = 'on' as checksums,
       current_setting('synchronous_standby_names') as synchronous_names,
       greatest(0, (extract(epoch from clock_timestamp() - pg_postmaster_start_time()) * 1000)::bigint) as up_ms,
       coalesce((select (extract(epoch from min(backend_start)) * 1000000)::bigint from pg_stat_activity
                  where backend_type = 'checkpointer'), 0) as run,
       case when pg_is_in_recovery() then null else pg_current_wal_lsn() end as current_lsn,
       case when pg_is_in_recovery() then null else pg_current_wal_flush_lsn() end as flushed_lsn,
       case when pg_is_in_recovery() then pg_last_wal_receive_lsn() end as received_lsn,
       case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end as replayed_lsn,
       w.latest_end_lsn as upstream_lsn,
       not pg_is_in_recovery() or pg_last_wal_receive_lsn() is not null or
       exists (select from pg_stat_activity where backend_type = 'startup'
                  and wait_event in ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')) as wal_read,
       case when w.status = 'streaming' then w.sender_host || ':' || w.sender_port end as sender,
       coalesce(w.status = 'streaming', false) as streaming,
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as replay_paused,
       g.query_patience_ms,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int -
       coalesce(current_setting('reserved_connections', true), '0')::int -
       (select count(*) from pg_stat_activity where backend_type = 'client backend')::int as free_connections,
       g.pending_restart,
       (select coalesce(json_agg(json_build_object('name', application_name, 'state', state, 'sync', sync_state,
                   'address', host(client_addr), 'flushed', flush_lsn::text, 'lag', pg_wal_lsn_diff(
                       case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end,
                       replay_lsn)::bigint) order by application_name, pid), '[]')
          from pg_stat_replication where state <> 'startup') as standbys,
       (select coalesce(json_agg(slot), '[]') from (
           select json_build_object('name', slot_name, 'type', slot_type, 'active', active, 'wal_status', wal_status,
                      'kept', pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                                                   else pg_current_wal_lsn() end, restart_lsn)::bigint) as slot
             from pg_replication_slots where not temporary order by restart_lsn nulls last limit 100) most) as slots
  from pg_control_system() s cross join pg_control_checkpoint() c cross join pg_control_recovery() r
 cross join (select max(setting) filter (where name = 'wal_segment_size') as wal_segment_size,
                    max(setting) filter (where name = 'max_standby_streaming_delay') as query_patience_ms,
                    coalesce(json_agg(name order by name) filter (where pending_restart), '[]') as pending_restart
               from pg_settings) g
  left join pg_stat_wal_receiver w on true)sql";

Result<ServerFacts> parse_server_facts(const Rows& rows) {
    if (rows.rows.size() != 1) return fail(FaultKind::corrupt, "the server did not answer with one row of facts");
    Row row(rows.columns, rows.rows.front());
    ServerFacts facts;
    facts.recovery = row.truth("in_recovery") ? Recovery::standby : Recovery::none;
    facts.version = row.number<int>("version");
    // pg_control_system() shows the unsigned number as a signed one.
    facts.system_id = SystemId{static_cast<std::uint64_t>(row.number<std::int64_t>("system_id"))};
    facts.timeline = Timeline{row.number<std::uint32_t>("timeline")};
    facts.wal_segment_size = row.number<std::uint32_t>("wal_segment_size");
    facts.checksums = row.truth("checksums");
    facts.up = std::chrono::milliseconds(row.number<std::int64_t>("up_ms"));
    facts.run = row.number<std::uint64_t>("run");
    facts.free_connections = row.number<int>("free_connections");
    facts.lsn = lsn_of(row, facts.recovery);
    if (const auto wait = row.number<std::int64_t>("query_patience_ms"); wait >= 0) {
        facts.query_patience = std::chrono::milliseconds(wait);
    }
    facts.wal_read = row.truth("wal_read");
    facts.pending_restart = names_of(row);
    facts.standbys = standbys_of(row);
    facts.slots = slots_of(row);
    facts.synchronous_standby_names = row.text("synchronous_names");
    if (!row.faulty().empty())
        return fail(FaultKind::corrupt, "the server's facts have no usable column " + row.faulty());
    return facts;
}

}  // namespace pgbosun::postgres
