#include <algorithm>
#include <charconv>
#include <limits>

#include "postgres/metric_queries.hpp"

namespace pgbosun::postgres {
namespace {

constexpr std::size_t most_buckets = 1000;

struct Unreadable {
    std::string what;
};

// PostgreSQL's text of numbers and booleans.
std::optional<double> number_of(std::string_view text) {
    if (text == "t" || text == "true") return 1;
    if (text == "f" || text == "false") return 0;
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "1h2m3.5s", "15.1 ms": milliseconds. A bare number is milliseconds already.
std::optional<double> milliseconds_of(std::string_view text) {
    if (const auto plain = number_of(text)) return plain;
    double total = 0;
    const double sign = text.starts_with('-') ? -1 : 1;
    if (sign < 0) text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        double value = 0;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
        if (error != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        while (text.starts_with(' ')) text.remove_prefix(1);
        const auto length = std::min(text.find_first_of("0123456789. "), text.size());
        const std::string_view unit = text.substr(0, length);
        if (unit == "h")
            total += value * 3'600'000;
        else if (unit == "m")
            total += value * 60'000;
        else if (unit == "s")
            total += value * 1000;
        else if (unit == "ms")
            total += value;
        else if (unit == "us" || unit == "\u00b5s")
            total += value / 1000;
        else if (unit == "ns")
            total += value / 1'000'000;
        else
            return std::nullopt;
        text.remove_prefix(length);
        while (text.starts_with(' ')) text.remove_prefix(1);
    }
    return sign * total;
}

std::vector<double> array_of(std::string_view text) {
    if (!text.starts_with('{') || !text.ends_with('}') || text.size() < 2) throw Unreadable{"is not an array"};
    text = text.substr(1, text.size() - 2);
    std::vector<double> values;
    while (!text.empty()) {
        const auto end = std::min(text.find(','), text.size());
        const auto value = number_of(text.substr(0, end));
        if (!value || values.size() == most_buckets) throw Unreadable{"is not an array of numbers"};
        values.push_back(*value);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return values;
}

class Answer {
public:
    explicit Answer(const Rows& rows) : rows_(rows) {}

    [[nodiscard]] std::size_t index(std::string_view column) const {
        for (std::size_t i = 0; i < rows_.columns.size(); ++i)
            if (rows_.columns[i] == column) return i;
        throw Unreadable{"column " + std::string(column) + " is not in the answer"};
    }
    [[nodiscard]] const Field& field(const std::vector<Field>& row, std::string_view column) const {
        return row.at(index(column));
    }
    [[nodiscard]] double number(const std::vector<Field>& row, const std::string& column) const {
        const Field& value = field(row, column);
        const auto result = value ? number_of(*value) : std::nullopt;
        if (!result) throw Unreadable{"column " + column + " does not hold a number"};
        return *result;
    }

private:
    const Rows& rows_;
};

bool put_histogram(const Answer& answer, const std::vector<Field>& row, const std::string& column,
                   MetricSample& sample) {
    const Field& bounds_text = answer.field(row, column);
    const Field& counts_text = answer.field(row, column + "_bucket");
    if (!bounds_text || !counts_text) return false;
    const auto bounds = array_of(*bounds_text);
    const auto counts = array_of(*counts_text);
    if (bounds.size() != counts.size()) throw Unreadable{"column " + column + " and its _bucket differ in length"};
    for (std::size_t i = 0; i < bounds.size(); ++i) sample.buckets.emplace_back(bounds[i], counts[i]);
    sample.sum = answer.number(row, column + "_sum");
    sample.count = answer.number(row, column + "_count");
    return true;
}

// False: there is no sample.
bool put_value(const Answer& answer, const std::vector<Field>& row, const MetricColumn& column, MetricSample& sample) {
    if (column.usage == ColumnUsage::histogram) return put_histogram(answer, row, column.column, sample);
    const Field& text = answer.field(row, column.column);
    if (!text) return false;
    if (column.usage == ColumnUsage::mapped) {
        const auto found = column.mapping.find(*text);
        if (found != column.mapping.end()) sample.value = found->second;
        return found != column.mapping.end();
    }
    const auto value = column.usage == ColumnUsage::duration ? milliseconds_of(*text) : number_of(*text);
    if (!value) throw Unreadable{"column " + column.column + " does not hold a number"};
    sample.value = *value;
    return true;
}

MetricFamily family_of(const MetricQuery& query, const MetricColumn& column) {
    MetricFamily family{.name = "cnpg_" + query.name + "_" + column.name, .help = column.help};
    if (column.usage == ColumnUsage::counter) family.kind = MetricKind::counter;
    if (column.usage == ColumnUsage::histogram) family.kind = MetricKind::histogram;
    if (column.usage == ColumnUsage::duration) family.name += "_milliseconds";
    return family;
}

}  // namespace

Result<std::vector<MetricFamily>> to_families(const MetricQuery& query, const Rows& rows, int server_version_num) {
    const Answer answer(rows);
    std::vector<MetricFamily> families;
    try {
        std::vector<const MetricColumn*> labels;
        for (const MetricColumn& column : query.columns)
            if (column.usage == ColumnUsage::label && column.versions.contains(server_version_num))
                labels.push_back(&column);
        for (const MetricColumn& column : query.columns) {
            if (column.usage == ColumnUsage::label || column.usage == ColumnUsage::discard) continue;
            if (!column.versions.contains(server_version_num)) continue;
            MetricFamily& family = families.emplace_back(family_of(query, column));
            static_cast<void>(answer.index(column.column));
            for (const auto& row : rows.rows) {
                MetricSample sample;
                for (const MetricColumn* label : labels)
                    sample.labels.emplace_back(label->name, answer.field(row, label->column).value_or(""));
                if (put_value(answer, row, column, sample)) family.samples.push_back(std::move(sample));
            }
        }
    } catch (const Unreadable& unreadable) {
        return fail(FaultKind::refused, "metrics of " + query.key + ": " + unreadable.what,
                    "make the query's columns and its list of metrics agree");
    }
    return families;
}

}  // namespace pgbosun::postgres
