#include "http/prometheus.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <sstream>

namespace pgbosun::http {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_label_name(std::string_view name) {
    return !name.empty() && is_letter(name.front()) && !name.starts_with("__") &&
           std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_metric_name(std::string_view name) {
    return !name.empty() && !is_digit(name.front()) &&
           std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == ':'; });
}

// The length of the UTF-8 sequence at the front; 0: there is none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                               : lead >= 0xE0 && lead <= 0xEF ? 3
                               : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                              : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return 0;
    }
    const unsigned second = byte(1);
    if (lead == 0xE0 && second < 0xA0) return 0;
    if (lead == 0xED && second > 0x9F) return 0;
    if (lead == 0xF0 && second < 0x90) return 0;
    if (lead == 0xF4 && second > 0x8F) return 0;
    return length;
}

std::string valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const auto length = sequence_length(text);
        length == 0 ? valid.push_back('?') : void(valid.append(text.substr(0, length)));
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return valid;
}

// A help text is one line; the serializer escapes label values only.
std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : valid_utf8(text)) {
        if (c == '\n') {
            line.append("\\n");
        } else if (c == '\\') {
            line.append("\\\\");
        } else {
            line.push_back(c);
        }
    }
    return line;
}

prometheus::MetricType type_of(MetricKind kind) {
    switch (kind) {
        case MetricKind::gauge: return prometheus::MetricType::Gauge;
        case MetricKind::counter: return prometheus::MetricType::Counter;
        case MetricKind::histogram: return prometheus::MetricType::Histogram;
    }
    std::unreachable();
}

// A negative or not finite count would be undefined as an integer.
std::uint64_t count_of(double count) {
    static constexpr double most = 9.0e18;
    return count > 0 && count < most ? static_cast<std::uint64_t>(count) : 0;
}

prometheus::ClientMetric sample_of(const MetricSample& sample, MetricKind kind) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : sample.labels) metric.label.push_back({name, valid_utf8(value)});
    switch (kind) {
        case MetricKind::gauge: metric.gauge.value = sample.value; break;
        case MetricKind::counter: metric.counter.value = sample.value; break;
        case MetricKind::histogram:
            metric.histogram.sample_count = count_of(sample.count);
            metric.histogram.sample_sum = sample.sum;
            for (const auto& [bound, count] : sample.buckets)
                metric.histogram.bucket.push_back({count_of(count), bound});
            break;
    }
    return metric;
}

prometheus::MetricFamily family_of(const MetricFamily& family) {
    prometheus::MetricFamily converted{family.name, one_line(family.help), type_of(family.kind), {}};
    for (const auto& sample : family.samples) {
        if (!std::ranges::all_of(sample.labels, [](const auto& label) { return is_label_name(label.first); })) continue;
        converted.metric.push_back(sample_of(sample, family.kind));
    }
    return converted;
}

}  // namespace

std::string render_metrics(const std::vector<MetricFamily>& families) {
    std::vector<prometheus::MetricFamily> converted;
    std::set<std::string_view> names;
    for (const auto& family : families) {
        if (!is_metric_name(family.name) || !names.insert(family.name).second) continue;
        converted.push_back(family_of(family));
    }
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, converted);
    return std::move(text).str();
}

}  // namespace pgbosun::http
