#include <algorithm>

#include "postgres/metric_queries.hpp"
#include "postgres/metric_values.hpp"

namespace pgbosun::postgres {
namespace {

constexpr std::size_t most_told = 5;  // columns that a text names

std::unexpected<Fault> unreadable(std::string what, std::string hint) {
    return fail(FaultKind::refused, std::move(what), std::move(hint));
}

class Answer {
public:
    explicit Answer(const Rows& rows) : rows_(rows) {}

    [[nodiscard]] Result<std::size_t> index(std::string_view column) const {
        const auto found = std::ranges::find(rows_.columns, column);
        if (found != rows_.columns.end()) return static_cast<std::size_t>(found - rows_.columns.begin());
        return unreadable("column " + std::string(column) + " is not in the answer",
                          "make the query's columns and its list of metrics agree");
    }
    [[nodiscard]] TypeOid type(std::size_t column) const {
        return column < rows_.types.size() ? rows_.types[column] : 0;
    }
    // None: NULL.
    [[nodiscard]] Result<std::optional<double>> number(const std::vector<Field>& row, const std::string& column) const {
        const auto at = index(column);
        if (!at) return std::unexpected(at.error());
        const Field& text = row.at(*at);
        if (!text) return std::nullopt;
        const auto value = number_of(*text, type(*at));
        if (value) return value;
        return no_number(column, *at);
    }
    [[nodiscard]] Result<std::optional<std::vector<double>>> numbers(const std::vector<Field>& row,
                                                                     const std::string& column) const {
        const auto at = index(column);
        if (!at) return std::unexpected(at.error());
        const Field& text = row.at(*at);
        if (!text) return std::nullopt;
        auto values = numbers_of(*text);
        if (values) return values;
        return unreadable("column " + column + ": " + kind_of(type(*at)) + " is no array of numbers",
                          "a histogram needs arrays of at most 1000 bounds and counts");
    }
    [[nodiscard]] std::unexpected<Fault> no_number(const std::string& column, std::size_t at) const {
        return unreadable("column " + column + ": " + kind_of(type(at)) + " is no number", hint_for(type(at)));
    }
    [[nodiscard]] const std::vector<std::vector<Field>>& rows() const { return rows_.rows; }

private:
    const Rows& rows_;
};

// Whether there is a sample; so for those below.
Result<bool> put_histogram(const Answer& answer, const std::vector<Field>& row, const std::string& column,
                           MetricSample& sample) {
    const auto bounds = answer.numbers(row, column);
    if (!bounds) return std::unexpected(bounds.error());
    const auto counts = answer.numbers(row, column + "_bucket");
    if (!counts) return std::unexpected(counts.error());
    const auto sum = answer.number(row, column + "_sum");
    if (!sum) return std::unexpected(sum.error());
    const auto count = answer.number(row, column + "_count");
    if (!count) return std::unexpected(count.error());
    if (!*bounds || !*counts || !*sum || !*count) return false;
    if ((*bounds)->size() != (*counts)->size())
        return unreadable("column " + column + " and its _bucket differ in length", "each bound needs a count");
    for (std::size_t i = 0; i < (*bounds)->size(); ++i) sample.buckets.emplace_back((**bounds)[i], (**counts)[i]);
    sample.sum = **sum;
    sample.count = **count;
    return true;
}

Result<bool> put_value(const Answer& answer, const std::vector<Field>& row, const MetricColumn& column,
                       MetricSample& sample) {
    if (column.usage == ColumnUsage::histogram) return put_histogram(answer, row, column.column, sample);
    const auto at = answer.index(column.column);
    if (!at) return std::unexpected(at.error());
    const Field& text = row.at(*at);
    if (!text) return false;
    if (column.usage == ColumnUsage::mapped) {
        const auto found = column.mapping.find(*text);
        if (found != column.mapping.end()) sample.value = found->second;
        return found != column.mapping.end();
    }
    if (column.usage == ColumnUsage::duration && *text == "-1") return false;  // of PostgreSQL's settings: none
    const auto value =
        column.usage == ColumnUsage::duration ? milliseconds_of(*text) : number_of(*text, answer.type(*at));
    if (!value) return answer.no_number(column.column, *at);
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

// Of the columns that have something wrong, what is wrong first.
class Wrong {
public:
    void add(Fault fault) {
        ++columns_;
        if (columns_ == 1) {
            first_ = std::move(fault);
        } else if (columns_ <= most_told) {
            first_.what += "; " + fault.what;
        }
    }
    [[nodiscard]] std::optional<Fault> all() const {
        if (columns_ == 0) return std::nullopt;
        Fault fault = first_;
        if (columns_ > most_told) fault.what += "; and " + std::to_string(columns_ - most_told) + " more";
        return fault;
    }

private:
    Fault first_{FaultKind::refused, {}, {}};
    std::size_t columns_ = 0;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// Of each row.
Result<std::vector<Labels>> labels_of(const MetricQuery& query, const Answer& answer, int version) {
    std::vector<Labels> labels(answer.rows().size());
    for (const MetricColumn& column : query.columns) {
        if (column.usage != ColumnUsage::label || !column.versions.contains(version)) continue;
        const auto at = answer.index(column.column);
        if (!at) return std::unexpected(at.error());
        for (std::size_t i = 0; i < labels.size(); ++i)
            labels[i].emplace_back(column.name, answer.rows()[i].at(*at).value_or(""));
    }
    return labels;
}

Result<> add_samples(MetricFamily& family, const MetricColumn& column, const Answer& answer,
                     const std::vector<Labels>& labels) {
    if (const auto there = answer.index(column.column); !there) return std::unexpected(there.error());
    Result<> done;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        MetricSample sample{.labels = labels[i]};
        auto put = put_value(answer, answer.rows()[i], column, sample);
        if (put && *put) family.samples.push_back(std::move(sample));
        if (!put && done) done = std::unexpected(std::move(put.error()));
    }
    return done;
}

}  // namespace

MetricAnswer to_families(const MetricQuery& query, const Rows& rows, int server_version_num) {
    const Answer answer(rows);
    MetricAnswer result;
    const auto labels = labels_of(query, answer, server_version_num);
    if (!labels) return {.families = {}, .wrong = labels.error()};
    Wrong wrong;
    for (const MetricColumn& column : query.columns) {
        if (column.usage == ColumnUsage::label || column.usage == ColumnUsage::discard) continue;
        if (!column.versions.contains(server_version_num)) continue;
        MetricFamily family = family_of(query, column);
        auto added = add_samples(family, column, answer, *labels);
        result.families.push_back(std::move(family));
        if (!added) wrong.add(std::move(added.error()));
    }
    result.wrong = wrong.all();
    return result;
}

}  // namespace pgbosun::postgres
