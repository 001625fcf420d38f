#include "postgres/initdb_options.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "postgres/parameters.hpp"

namespace pgbosun::postgres {
namespace {

enum class Takes { nothing, value };

struct Option {
    char letter;  // 0: none
    std::string_view name;
    Takes takes;
    std::string_view hint;  // owned: what to use instead; empty: free
};

constexpr std::string_view leave_out = "leave it out: pgbosun runs initdb to make a new data directory";
constexpr std::string_view access_hint = "use postgresql.pg_hba";
constexpr std::string_view password_hint = "use bootstrap.initdb.superuser_password_file";
constexpr std::string_view checksums_hint = "use bootstrap.initdb.data_checksums";
constexpr std::string_view locale_hint = "use bootstrap.initdb.locale";

constexpr std::array known{
    Option{'A', "auth", Takes::value, access_hint},
    Option{0, "auth-host", Takes::value, access_hint},
    Option{0, "auth-local", Takes::value, access_hint},
    Option{'D', "pgdata", Takes::value, "use volume"},
    Option{'X', "waldir", Takes::value, "use postgresql.wal_dir"},
    Option{'U', "username", Takes::value, "leave it out: the superuser is postgres"},
    Option{'W', "pwprompt", Takes::nothing, password_hint},
    Option{0, "pwfile", Takes::value, password_hint},
    Option{'E', "encoding", Takes::value, "use bootstrap.initdb.encoding"},
    Option{0, "locale", Takes::value, locale_hint},
    Option{0, "no-locale", Takes::nothing, locale_hint},
    Option{0, "lc-collate", Takes::value, "use bootstrap.initdb.locale_collate"},
    Option{0, "lc-ctype", Takes::value, "use bootstrap.initdb.locale_ctype"},
    Option{0, "locale-provider", Takes::value, "use bootstrap.initdb.locale_provider"},
    Option{0, "icu-locale", Takes::value, "use bootstrap.initdb.icu_locale"},
    Option{0, "icu-rules", Takes::value, "use bootstrap.initdb.icu_rules"},
    Option{0, "builtin-locale", Takes::value, "use bootstrap.initdb.builtin_locale"},
    Option{'k', "data-checksums", Takes::nothing, checksums_hint},
    Option{0, "no-data-checksums", Takes::nothing, checksums_hint},
    Option{0, "wal-segsize", Takes::value, "use bootstrap.initdb.wal_segment_size"},
    Option{'S', "sync-only", Takes::nothing, leave_out},
    Option{'s', "show", Takes::nothing, leave_out},
    Option{'V', "version", Takes::nothing, leave_out},
    Option{'?', "help", Takes::nothing, leave_out},
    Option{'c', "set", Takes::value, ""},
    Option{'T', "text-search-config", Takes::value, ""},
    Option{'L', "", Takes::value, ""},
    Option{'d', "debug", Takes::nothing, ""},
    Option{'g', "allow-group-access", Takes::nothing, ""},
    Option{'n', "no-clean", Takes::nothing, ""},
    Option{'N', "no-sync", Takes::nothing, ""},
    Option{0, "lc-messages", Takes::value, ""},
    Option{0, "lc-monetary", Takes::value, ""},
    Option{0, "lc-numeric", Takes::value, ""},
    Option{0, "lc-time", Takes::value, ""},
    Option{0, "no-instructions", Takes::nothing, ""},
    Option{0, "discard-caches", Takes::nothing, ""},
    Option{0, "sync-method", Takes::value, ""},
    Option{0, "no-sync-data-files", Takes::nothing, ""},
};

// As getopt_long: whole, or a beginning; of a beginning that several have, one that is owned counts.
const Option* find_long(std::string_view name) {
    const Option* found = nullptr;
    for (const Option& option : known) {
        if (option.name.empty()) continue;
        if (option.name == name) return &option;
        if (option.name.starts_with(name) && (found == nullptr || found->hint.empty())) found = &option;
    }
    return found;
}

const Option* find_short(char letter) {
    const auto* const found = std::ranges::find(known, letter, &Option::letter);
    return found == known.end() ? nullptr : found;
}

class Reader {
public:
    explicit Reader(const std::vector<std::string>& options) : options_(options) {}

    std::optional<OptionFinding> read() {
        while (!finding_ && at_ < options_.size()) {
            const std::string_view text = options_[at_++];
            if (text == "--" || text == "-" || !text.starts_with('-')) {
                if (text == "--" && at_ == options_.size()) break;
                refuse(text == "--" ? options_[at_] : text, "use volume");
            } else if (text.starts_with("--")) {
                read_long(text.substr(2));
            } else {
                read_letters(text.substr(1));
            }
        }
        return finding_;
    }

private:
    void refuse(std::string_view option, std::string_view hint) {
        finding_ = OptionFinding{"\"" + std::string(option.substr(0, 200)) + "\": pgbosun gives this to initdb itself",
                                 std::string(hint)};
    }
    void judge(const Option& option, std::string_view written, std::optional<std::string_view> value) {
        if (!option.hint.empty()) return refuse(written, option.hint);
        if (option.takes == Takes::nothing) return;
        if (!value && at_ < options_.size()) value = options_[at_++];
        if (option.letter == 'c' && value) judge_parameter(*value);
    }
    void judge_parameter(std::string_view assignment) {
        const auto equals = assignment.find('=');
        if (equals == std::string_view::npos) return;
        std::string name(assignment.substr(0, equals));
        std::ranges::replace(name, '-', '_');
        const auto finding = check_parameter(name, assignment.substr(equals + 1));
        if (finding && finding->severity == Severity::refused)
            finding_ = OptionFinding{"\"" + name + "\": " + finding->why, finding->hint};
    }
    void read_long(std::string_view text) {
        const auto equals = text.find('=');
        const Option* const option = find_long(text.substr(0, equals));
        if (option == nullptr) return;
        std::optional<std::string_view> value;
        if (equals != std::string_view::npos) value = text.substr(equals + 1);
        judge(*option, "--" + std::string(text.substr(0, equals)), value);
    }
    void read_letters(std::string_view letters) {
        while (!finding_ && !letters.empty()) {
            const Option* const option = find_short(letters.front());
            const std::string written = std::string("-") + letters.front();
            letters.remove_prefix(1);
            if (option == nullptr) return;
            std::optional<std::string_view> value;
            if (option->takes == Takes::value && !letters.empty()) value = std::exchange(letters, {});
            judge(*option, written, value);
        }
    }

    const std::vector<std::string>& options_;
    std::size_t at_ = 0;
    std::optional<OptionFinding> finding_;
};

// Without case and what is neither letter nor digit, as PostgreSQL compares them.
constexpr std::string_view encodings[] = {
    "abc",         "alt",         "euccn",       "eucjis2004",  "eucjp",       "euckr",       "euctw",
    "iso88591",    "iso885910",   "iso885913",   "iso885914",   "iso885915",   "iso885916",   "iso88592",
    "iso88593",    "iso88594",    "iso88595",    "iso88596",    "iso88597",    "iso88598",    "iso88599",
    "koi8",        "koi8r",       "koi8u",       "latin1",      "latin10",     "latin2",      "latin3",
    "latin4",      "latin5",      "latin6",      "latin7",      "latin8",      "latin9",      "muleinternal",
    "sqlascii",    "tcvn",        "tcvn5712",    "unicode",     "utf8",        "vscii",       "win",
    "win1250",     "win1251",     "win1252",     "win1253",     "win1254",     "win1255",     "win1256",
    "win1257",     "win1258",     "win866",      "win874",      "windows1250", "windows1251", "windows1252",
    "windows1253", "windows1254", "windows1255", "windows1256", "windows1257", "windows1258", "windows866",
    "windows874",
};

}  // namespace

std::optional<OptionFinding> check_initdb_options(const std::vector<std::string>& options) {
    return Reader(options).read();
}

std::optional<OptionFinding> check_initdb_version(const InitdbSettings& initdb, int server_major) {
    const auto since = [&](const std::string& key, int major) {
        return OptionFinding{"bootstrap.initdb." + key + " needs PostgreSQL " + std::to_string(major) +
                                 ", and this is " + std::to_string(server_major),
                             "choose another, or a newer PostgreSQL (postgresql.bin_dir)"};
    };
    if (initdb.locale_provider == "builtin" && server_major < 17) return since("locale_provider: builtin", 17);
    if (initdb.builtin_locale && server_major < 17) return since("builtin_locale", 17);
    if (initdb.icu_rules && server_major < 16) return since("icu_rules", 16);
    return std::nullopt;
}

bool is_server_encoding(std::string_view name) {
    std::string cleaned;
    for (const char c : name) {
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) cleaned += c;
        if (c >= 'A' && c <= 'Z') cleaned += static_cast<char>(c - 'A' + 'a');
    }
    return std::ranges::find(encodings, cleaned) != std::end(encodings);
}

}  // namespace pgbosun::postgres
