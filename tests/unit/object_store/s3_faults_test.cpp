// The S3 store against a store and a network that misbehave.
#include <thread>

#include "object_store/encrypted_store.hpp"
#include "support/catch.hpp"
#include "support/s3_options.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;
using object_store::S3ObjectStore;
using Trouble = ScriptedS3::Fault;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

struct Download {
    std::string text;
    int starts = 0;

    Result<ObjectFacts> from(ObjectStore& store, const std::string& key) {
        return store.get(
            key,
            [this](std::span<const std::byte> part) -> Result<> {
                text.append(reinterpret_cast<const char*>(part.data()), part.size());
                return {};
            },
            [this] {
                text.clear();
                ++starts;
            });
    }
};

}  // namespace

TEST_CASE("an upload gets through what passes") {
    const auto fault = GENERATE(Trouble::busy, Trouble::throttled, Trouble::proxy_error, Trouble::reset,
                                Trouble::expired_token, Trouble::clock_skew, Trouble::foreign_404);
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server));
    REQUIRE(store.put("warm", bytes("x"), {}));

    server.play(fault);
    server.play(fault == Trouble::clock_skew || fault == Trouble::expired_token ? Trouble::busy : fault);
    const auto put = store.put("a", bytes("body"), {{"name", "value"}});

    REQUIRE(put);
    CHECK(server.objects().at("bucket/path/a").body == "body");
    CHECK(server.objects().at("bucket/path/a").metadata.at("x-amz-meta-name") == "value");
}

TEST_CASE("a lost answer to a conditional upload reads as a conflict with our own bytes") {
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server));
    REQUIRE(store.put_if_absent("warm", bytes("x"), {}));

    server.play(Trouble::lost_answer, "PUT");
    const auto put = store.put_if_absent("a", bytes("body"), {});

    REQUIRE_FALSE(put);
    CHECK(put.error().kind == FaultKind::conflict);
    CHECK(server.objects().at("bucket/path/a").body == "body");
}

TEST_CASE("a store that stays away is unavailable after the policy's attempts") {
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server));

    for (int n = 0; n < 4; ++n) server.play(Trouble::busy);
    const auto put = store.put("a", bytes("body"), {});

    REQUIRE_FALSE(put);
    CHECK(put.error().kind == FaultKind::unavailable);
    CHECK(put.error().what.find("SlowDown") != std::string::npos);
    CHECK(server.requests().size() == 4);
    CHECK(server.objects().empty());
}

TEST_CASE("nobody listening is unavailable, with a hint") {
    auto options = [] {
        const ScriptedS3 gone;
        return s3_options(gone);
    }();
    S3ObjectStore store(std::move(options));

    const auto head = store.head("a");

    REQUIRE_FALSE(head);
    CHECK(head.error().kind == FaultKind::unavailable);
    CHECK_FALSE(head.error().hint.empty());
}

TEST_CASE("a short body or one of unknown length is fetched again from the start") {
    const auto fault = GENERATE(Trouble::short_body, Trouble::no_length, Trouble::reset);
    ScriptedS3 server;
    server.plant("bucket/path/a", {std::string(500'000, 'a') + "end", {}});
    S3ObjectStore store(s3_options(server));

    server.play(fault, "GET");
    Download download;
    const auto got = download.from(store, "a");

    REQUIRE(got);
    CHECK(got->size == 500'003);
    CHECK(download.text == std::string(500'000, 'a') + "end");
    CHECK(download.starts == 2);
}

TEST_CASE("a download may take longer than any other request, as long as it gets on") {
    ScriptedS3 server;
    server.plant("bucket/path/a", {std::string(8'000'000, 'a'), {}});
    auto options = s3_options(server);
    options.limits.request = 50ms;
    S3ObjectStore store(options);
    const auto begin = std::chrono::steady_clock::now();
    std::size_t received = 0;

    const auto got = store.get(
        "a",
        [&](std::span<const std::byte> part) -> Result<> {
            while (std::chrono::steady_clock::now() - begin < 100ms) std::this_thread::yield();
            received += part.size();
            return {};
        },
        [&] { received = 0; });

    REQUIRE(got);
    CHECK(received == 8'000'000);
    CHECK(server.requests().size() == 1);
}

TEST_CASE("a body that stays short is never success") {
    ScriptedS3 server;
    server.plant("bucket/path/a", {"body", {}});
    S3ObjectStore store(s3_options(server));

    for (int n = 0; n < 4; ++n) server.play(Trouble::short_body, "GET");
    Download download;
    const auto got = download.from(store, "a");

    REQUIRE_FALSE(got);
    CHECK(got.error().kind == FaultKind::unavailable);
}

TEST_CASE("a 404 that is not the store's own, or of the bucket, is never `not found`") {
    ScriptedS3 server;
    auto options = s3_options(server);

    SECTION("a proxy's") {
        S3ObjectStore store(options);
        for (int n = 0; n < 4; ++n) server.play(Trouble::foreign_404, "GET");
        Download download;
        const auto got = download.from(store, "a");
        REQUIRE_FALSE(got);
        CHECK(got.error().kind == FaultKind::unavailable);
        for (int n = 0; n < 4; ++n) server.play(Trouble::foreign_404, "GET");
        const auto head = store.head("a");
        REQUIRE_FALSE(head);
        CHECK(head.error().kind == FaultKind::unavailable);
    }
    SECTION("no such bucket") {
        options.address.bucket = "elsewhere";
        S3ObjectStore store(options);
        const auto head = store.head("a");
        REQUIRE_FALSE(head);
        CHECK(head.error().kind == FaultKind::refused);
        CHECK(head.error().hint.find("create the bucket") != std::string::npos);
    }
}

TEST_CASE("HEAD, which brings no document, still gets over an expired token") {
    ScriptedS3 server;
    server.plant("bucket/path/a", {"body", {}});
    S3ObjectStore store(s3_options(server));

    server.play(Trouble::expired_token, "HEAD");
    const auto head = store.head("a");

    REQUIRE(head);
    CHECK(head->size == 4);
}

TEST_CASE("a stall ends as a timeout, and the call goes on") {
    ScriptedS3 server;
    auto options = s3_options(server);
    options.limits.stall = 50ms;
    S3ObjectStore store(options);

    server.play(Trouble::stall);

    CHECK(store.put("a", bytes("body"), {}));
    CHECK(server.requests().size() == 2);
}

TEST_CASE("cancelling ends a call that hangs, and one that pauses") {
    ScriptedS3 server;
    auto options = s3_options(server);

    SECTION("in an exchange") { server.play(Trouble::stall); }
    SECTION("in a pause") {
        options.retry.first_pause = options.retry.longest_pause = 100h;
        options.retry.total = 1000h;
        server.play(Trouble::busy);
    }
    S3ObjectStore store(options);
    Result<> put;
    std::thread writer([&] { put = store.put("a", bytes("body"), {}); });
    while (server.requests().empty()) std::this_thread::yield();
    store.cancel();
    writer.join();

    REQUIRE_FALSE(put);
    CHECK(put.error().kind == FaultKind::cancelled);
}

TEST_CASE("wrong credentials are refused after they were read once more, and never shown") {
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server.url(), ScriptedS3::access_key_id, "another-secret"));

    const auto put = store.put("a", bytes("body"), {});

    REQUIRE_FALSE(put);
    CHECK(put.error().kind == FaultKind::refused);
    CHECK(put.error().text().find("another-secret") == std::string::npos);
    CHECK_FALSE(put.error().hint.empty());
    CHECK(server.requests().size() == 2);
}

TEST_CASE("one probe finds out for all uploads whether the store honours If-None-Match") {
    ScriptedS3 server;
    const auto conditional = GENERATE(ScriptedS3::Conditional::honoured, ScriptedS3::Conditional::ignored,
                                      ScriptedS3::Conditional::not_implemented);
    server.set_conditional(conditional);
    S3ObjectStore store(s3_options(server));

    for (const char* key : {"a", "b", "c"}) REQUIRE(store.put_if_absent(key, bytes("body"), {}));

    int probes = 0;
    int conditional_uploads = 0;
    for (const auto& request : server.requests()) {
        const bool probe = request.path == "/bucket/path/server/.pgbosun-probe";
        probes += probe ? 1 : 0;
        conditional_uploads += !probe && request.headers.contains("if-none-match") ? 1 : 0;
    }
    CHECK(probes == (conditional == ScriptedS3::Conditional::not_implemented ? 1 : 2));
    CHECK(conditional_uploads == (conditional == ScriptedS3::Conditional::honoured ? 3 : 0));
}

TEST_CASE("connections are kept, and no more than allowed are open at once") {
    ScriptedS3 server;
    auto options = s3_options(server);
    options.limits.connections = 2;
    S3ObjectStore store(options);

    std::vector<std::thread> writers;
    for (int writer = 0; writer < 6; ++writer) {
        writers.emplace_back([&, writer] {
            for (int n = 0; n < 5; ++n) {
                if (!store.put("k" + std::to_string(writer * 10 + n), bytes("body"), {})) std::abort();
            }
        });
    }
    for (auto& writer : writers) writer.join();

    CHECK(server.objects().size() == 30);
    CHECK(server.connections() <= 2);
}

TEST_CASE("a listing that does not get on is corrupt, not endless") {
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server));

    server.play(Trouble::endless_listing);
    const auto page = store.list("", "", std::nullopt);

    REQUIRE_FALSE(page);
    CHECK(page.error().kind == FaultKind::corrupt);
}

TEST_CASE("a parted upload gets through what passes") {
    const auto fault =
        GENERATE(Trouble::busy, Trouble::proxy_error, Trouble::reset, Trouble::expired_token, Trouble::clock_skew);
    const std::string method = GENERATE("POST", "PUT");
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server));
    const auto upload = store.begin_parted("a", smallest_part, {{"name", "value"}});
    REQUIRE(upload);

    server.play(fault, method);
    REQUIRE((*upload)->put_part(1, bytes("body")));
    REQUIRE((*upload)->complete(1));

    CHECK(server.objects().at("bucket/path/a").body == "body");
    CHECK(server.objects().at("bucket/path/a").metadata.at("x-amz-meta-name") == "value");
    CHECK(server.unfinished().empty());
}

TEST_CASE("each new object tells the store how to encrypt it, whole or in parts") {
    struct Told {
        ServerSideEncryption encryption;
        std::string key, algorithm;
    };
    const auto told =
        GENERATE(Told{ServerSideEncryption::none, "", ""}, Told{ServerSideEncryption::aes256, "", "AES256"},
                 Told{ServerSideEncryption::kms, "", "aws:kms"}, Told{ServerSideEncryption::kms, "orders", "aws:kms"});
    ScriptedS3 server;
    auto options = s3_options(server);
    options.encryption = told.encryption;
    options.kms_key_id = told.key;
    S3ObjectStore store(std::move(options));
    REQUIRE(store.put("whole", bytes("x"), {}));
    REQUIRE(store.put_if_absent("once", bytes("x"), {}));
    const auto upload = store.begin_parted("parts", smallest_part, {});
    REQUIRE(upload);
    REQUIRE((*upload)->put_part(1, bytes("x")));
    REQUIRE((*upload)->complete(1));

    for (const char* name : {"whole", "once", "parts"}) {
        INFO(name);
        const auto kept = server.objects().at(std::string("bucket/path/") + name).metadata;
        const auto said = [&](const std::string& header) { return kept.contains(header) ? kept.at(header) : ""; };
        CHECK(said("x-amz-server-side-encryption") == told.algorithm);
        CHECK(said("x-amz-server-side-encryption-aws-kms-key-id") == told.key);
    }
}

TEST_CASE("a completion whose answer is lost is known by the object that it made") {
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server));
    const auto upload = store.begin_parted("a", smallest_part, {});
    REQUIRE(upload);
    REQUIRE((*upload)->put_part(1, bytes("body")));

    server.play(Trouble::lost_answer, "POST");

    CHECK((*upload)->complete(1));
    CHECK(server.objects().at("bucket/path/a").body == "body");
}

TEST_CASE("an upload that somebody else aborted is refused, though an older object is there") {
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server));
    REQUIRE(store.put("a", bytes("older"), {}));
    const auto upload = store.begin_parted("a", smallest_part, {});
    REQUIRE(upload);
    REQUIRE((*upload)->put_part(1, bytes("body")));
    REQUIRE(store.abort_unfinished("") == std::uint64_t{1});

    const auto completed = (*upload)->complete(1);
    const auto put = (*upload)->put_part(2, bytes("x"));

    REQUIRE_FALSE(completed);
    CHECK(completed.error().kind == FaultKind::refused);
    REQUIRE_FALSE(put);
    CHECK(put.error().kind == FaultKind::refused);
    CHECK((*upload)->abort());
    CHECK(server.objects().at("bucket/path/a").body == "older");
}

TEST_CASE("an error that comes after a 200 is no success, and is tried again") {
    const int times = GENERATE(1, 4);
    ScriptedS3 server;
    S3ObjectStore store(s3_options(server));
    const auto upload = store.begin_parted("a", smallest_part, {});
    REQUIRE(upload);
    REQUIRE((*upload)->put_part(1, bytes("body")));

    for (int n = 0; n < times; ++n) server.play(Trouble::late_error, "POST");
    const auto completed = (*upload)->complete(1);

    CHECK(completed.has_value() == (times == 1));
    if (!completed) CHECK(completed.error().kind == FaultKind::unavailable);
    CHECK(server.objects().size() == (times == 1 ? 1 : 0));
}

TEST_CASE("many uploads to a store without conditional writes cost one request each, and overwrite nothing") {
    ScriptedS3 server;
    server.set_conditional(ScriptedS3::Conditional::ignored);
    server.plant("bucket/path/w/1/k15", {"theirs", {}});
    S3ObjectStore store(s3_options(server));
    REQUIRE(store.put_if_absent("w/1/k00", bytes("body"), {}));
    const auto before = server.requests().size();

    int conflicts = 0;
    for (int n = 10; n < 30; ++n) {
        const auto put = store.put_if_absent("w/1/k" + std::to_string(n), bytes("body"), {});
        if (!put) CHECK(put.error().kind == FaultKind::conflict);
        conflicts += put ? 0 : 1;
    }

    CHECK(conflicts == 1);
    CHECK(server.objects().at("bucket/path/w/1/k15").body == "theirs");
    // A slow machine asks for a listing more.
    CHECK(server.requests().size() - before < 30);
    CHECK_FALSE(store.put_if_absent("w/1/k20", bytes("other"), {}));
    CHECK(server.objects().at("bucket/path/w/1/k20").body == "body");
}

TEST_CASE("Google's store: an upload gets through what passes, under the condition that Google knows") {
    const auto fault =
        GENERATE(Trouble::busy, Trouble::throttled, Trouble::reset, Trouble::expired_token, Trouble::clock_skew);
    ScriptedS3 server(ScriptedS3::Speaks::google_with_keys);
    S3ObjectStore store(google_options(server));
    REQUIRE(store.put_if_absent("warm", bytes("x"), {}));

    server.play(fault);
    const auto put = store.put_if_absent("a", bytes("body"), {{"name", "value"}});

    REQUIRE(put);
    CHECK(server.objects().at("bucket/path/a").metadata.at("x-goog-meta-name") == "value");
    CHECK(server.requests().back().headers.at("x-goog-if-generation-match") == "0");
}

TEST_CASE("other bytes of the right length are what an encrypted store notices") {
    ScriptedS3 server;
    EncryptionSettings settings;
    settings.key.environment = "KEY";
    object_store::EncryptionKeys keys(
        settings, [](const std::string&) -> std::optional<std::string> { return std::string(64, 'a'); });
    object_store::EncryptedStore store(std::make_unique<S3ObjectStore>(s3_options(server)), std::move(keys));
    REQUIRE(store.put("a", bytes("body"), {}));

    server.play(Trouble::wrong_bytes, "GET");
    Download download;
    const auto got = download.from(store, "a");

    REQUIRE_FALSE(got);
    CHECK(got.error().kind == FaultKind::corrupt);
    CHECK(download.text.empty());
}
