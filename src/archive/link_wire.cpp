#include "archive/link_wire.hpp"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

namespace pgbosun::archive {
namespace {

using nlohmann::json;

constexpr std::size_t longest_text = 2 * 1024;  // of one value: five of them escaped fit into a line

std::unexpected<Fault> refuse(const std::string& why) {
    return fail(FaultKind::refused, "line between pgbosun and its archiver: " + why);
}

// Reads keys one by one; the first fault is kept, and keys that nobody asked for are one.
class Reader {
public:
    explicit Reader(std::string_view line) {
        if (line.size() > longest_line) {
            report("too long");
            return;
        }
        object_ = json::parse(line, nullptr, false);
        if (!object_.is_object()) report("no JSON object");
    }

    void text(const char* key, std::string& value) {
        if (const json* found = need(key, &json::is_string)) value = found->get<std::string>();
    }
    void text(const char* key, std::optional<std::string>& value) {
        if (const json* found = need(key, &json::is_string, Null::allowed)) value = found->get<std::string>();
    }
    void truth(const char* key, bool& value) {
        if (const json* found = need(key, &json::is_boolean)) value = found->get<bool>();
    }
    void seconds(const char* key, double& value) {
        if (const json* found = need(key, &json::is_number)) value = found->get<double>();
        if (value < 0) report(std::string(key) + " is negative");
    }
    // Which of a line's forms it is.
    [[nodiscard]] bool has(const char* key) const { return object_.is_object() && object_.contains(key); }
    template <class Number>
    void number(const char* key, Number& value) {
        const json* found = need(key, &json::is_number_unsigned);
        if (found == nullptr) return;
        const auto whole = found->get<std::uint64_t>();
        if (whole > std::numeric_limits<Number>::max()) return report(std::string(key) + " is too large");
        value = static_cast<Number>(whole);
    }
    // Beyond 2^53 a JSON number is not safe everywhere: decimal digits in a string.
    void system_id(const char* key, std::optional<SystemId>& value) {
        std::optional<std::string> digits;
        text(key, digits);
        if (!digits) return;
        std::uint64_t id = 0;
        const char* const last = digits->data() + digits->size();
        const auto [end, error] = std::from_chars(digits->data(), last, id);
        if (error != std::errc{} || end != last) return report(std::string(key) + " is no number");
        value = SystemId{id};
    }

    void lsn(const char* key, std::optional<Lsn>& value) {
        std::optional<std::string> written;
        text(key, written);
        if (!written) return;
        value = parse_lsn(*written);
        if (!value) report(std::string(key) + " is no WAL position");
    }
    void wal(const char* key, std::optional<FlushedWal>& value) {
        const json* found = need(key, &json::is_object, Null::allowed);
        if (found == nullptr) return;
        Reader inner(*found);
        std::optional<Lsn> position;
        std::uint32_t timeline = 0;
        FlushedWal read;
        inner.lsn("position", position);
        inner.number("timeline", timeline);
        inner.number("server_run", read.server_run);
        if (!position) inner.report("position is missing");
        read.position = position.value_or(Lsn{});
        read.timeline = Timeline{timeline};
        const auto whole = inner.finish(read);
        if (whole) {
            value = *whole;
        } else {
            report(std::string(key) + " is not what it should be");
        }
    }

    template <class Value>
    Result<Value> finish(Value value) {
        if (fault_.empty() && object_.size() != asked_) report("it has keys that are not known");
        if (!fault_.empty()) return refuse(fault_);
        return value;
    }

private:
    explicit Reader(json object) : object_(std::move(object)) {}

    enum class Null { refused, allowed };

    const json* need(const char* key, bool (json::*is_type)() const noexcept, Null null = Null::refused) {
        if (!fault_.empty()) return nullptr;
        ++asked_;
        const auto found = object_.find(key);
        if (found == object_.end()) return missing(key, " is missing");
        if (null == Null::allowed && found->is_null()) return nullptr;
        if (!((*found).*is_type)()) return missing(key, " has another type");
        return &*found;
    }

    const json* missing(const char* key, const char* why) {
        report(std::string(key) + why);
        return nullptr;
    }

    void report(std::string why) {
        if (fault_.empty()) fault_ = std::move(why);
    }

    json object_;
    std::size_t asked_ = 0;
    std::string fault_;
};

std::string cut(const std::string& text) { return text.substr(0, longest_text); }

json optional_text(const std::optional<std::string>& text) { return text ? json(cut(*text)) : json(nullptr); }

std::string line_of(const json& object) { return object.dump(-1, ' ', true, json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string render(const ArchiveOrder& order) {
    json object{{"may_archive", order.may_archive},
                {"reason", cut(order.reason)},
                {"promoting", order.promoting},
                {"stopping", order.stopping},
                {"data_directory", cut(order.data_directory)},
                {"system_id", nullptr},
                {"wal_segment_size", order.wal_segment_size},
                {"wal", nullptr}};
    if (order.wal) {
        object["wal"] = {{"position", to_string(order.wal->position)},
                         {"timeline", number(order.wal->timeline)},
                         {"server_run", order.wal->server_run}};
    }
    if (order.system_id) object["system_id"] = std::to_string(number(*order.system_id));
    return line_of(object);
}

std::string render(const ArchiveReport& report) {
    return line_of({{"target", cut(report.target)},
                    {"last_wal", optional_text(report.last_wal)},
                    {"last_at", optional_text(report.last_at)},
                    {"backlog", report.backlog},
                    {"failing_since", optional_text(report.failing_since)},
                    {"last_error", optional_text(report.last_error)},
                    {"archived", report.archived},
                    {"archived_bytes", report.archived_bytes},
                    {"stored_bytes", report.stored_bytes},
                    {"failures", report.failures},
                    {"restored", report.restored},
                    {"awaited", optional_text(report.awaited)},
                    {"restore_failing_since", optional_text(report.restore_failing_since)},
                    {"restore_error", optional_text(report.restore_error)},
                    {"streamed", report.stream.position ? json(to_string(*report.stream.position)) : json(nullptr)},
                    {"streamed_at", optional_text(report.stream.at)},
                    {"stream_failing_since", optional_text(report.stream.failing_since)},
                    {"stream_error", optional_text(report.stream.last_error)}});
}

std::string render(const JobLine& line) {
    if (const auto* progress = std::get_if<JobProgress>(&line)) {
        return line_of({{"id", cut(progress->id)},
                        {"step", cut(progress->step)},
                        {"bytes_done", progress->bytes_done},
                        {"bytes_total", progress->bytes_total}});
    }
    const auto& result = std::get<JobResult>(line);
    json object{{"done", result.done},          {"id", cut(result.id)},
                {"detail", cut(result.detail)}, {"hint", cut(result.hint)},
                {"bytes", result.bytes},        {"stored", result.stored},
                {"seconds", result.seconds},    {"recovery_seconds", result.recovery_seconds}};
    if (result.refused) object["refused"] = true;
    return line_of(object);
}

Result<ArchiveOrder> parse_order(std::string_view line) {
    Reader reader(line);
    ArchiveOrder order;
    reader.truth("may_archive", order.may_archive);
    reader.text("reason", order.reason);
    reader.truth("promoting", order.promoting);
    reader.truth("stopping", order.stopping);
    reader.text("data_directory", order.data_directory);
    reader.system_id("system_id", order.system_id);
    reader.number("wal_segment_size", order.wal_segment_size);
    reader.wal("wal", order.wal);
    return reader.finish(std::move(order));
}

Result<ArchiveReport> parse_report(std::string_view line) {
    Reader reader(line);
    ArchiveReport report;
    reader.text("target", report.target);
    reader.text("last_wal", report.last_wal);
    reader.text("last_at", report.last_at);
    reader.number("backlog", report.backlog);
    reader.text("failing_since", report.failing_since);
    reader.text("last_error", report.last_error);
    reader.number("archived", report.archived);
    reader.number("archived_bytes", report.archived_bytes);
    reader.number("stored_bytes", report.stored_bytes);
    reader.number("failures", report.failures);
    reader.number("restored", report.restored);
    reader.text("awaited", report.awaited);
    reader.text("restore_failing_since", report.restore_failing_since);
    reader.text("restore_error", report.restore_error);
    reader.lsn("streamed", report.stream.position);
    reader.text("streamed_at", report.stream.at);
    reader.text("stream_failing_since", report.stream.failing_since);
    reader.text("stream_error", report.stream.last_error);
    return reader.finish(std::move(report));
}

Result<JobLine> parse_job_line(std::string_view line) {
    Reader reader(line);
    if (reader.has("step")) {
        JobProgress progress;
        reader.text("id", progress.id);
        reader.text("step", progress.step);
        reader.number("bytes_done", progress.bytes_done);
        reader.number("bytes_total", progress.bytes_total);
        return reader.finish(JobLine(std::move(progress)));
    }
    JobResult result;
    reader.truth("done", result.done);
    reader.text("id", result.id);
    reader.text("detail", result.detail);
    reader.text("hint", result.hint);
    reader.number("bytes", result.bytes);
    reader.number("stored", result.stored);
    reader.seconds("seconds", result.seconds);
    reader.seconds("recovery_seconds", result.recovery_seconds);
    if (reader.has("refused")) reader.truth("refused", result.refused);
    return reader.finish(JobLine(std::move(result)));
}

}  // namespace pgbosun::archive
