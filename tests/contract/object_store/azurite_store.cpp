// The Azure store against azurite, Microsoft's emulator. PGBOSUN_AZURITE is the path of its program azurite-blob.
#include <ctime>

#include "contract/object_store/emulator.hpp"
#include "contract/object_store/stores.hpp"
#include "object_store/azure_store.hpp"
#include "support/catch.hpp"

namespace pgbosun::test {
namespace {

constexpr const char* account = "devstoreaccount1";
// The emulator's key, which everybody knows.
constexpr const char* account_key =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

object_store::AzureOptions options_for(const std::string& url) {
    object_store::AzureOptions options;
    options.address = {
        .endpoint = *object_store::parse_endpoint(url + '/' + account), .account = account, .container = "container"};
    options.prefix = "path/";
    options.credentials.account_key.environment = "KEY";
    options.environment = [](const std::string& name) -> std::optional<std::string> {
        return name == "KEY" ? std::optional<std::string>(account_key) : std::nullopt;
    };
    options.retry.first_pause = std::chrono::milliseconds(1);
    options.retry.attempts = 4;
    return options;
}

void make_container(const object_store::AzureOptions& options) {
    object_store::AzureSession session(options);
    const auto made =
        session.ask({.method = "PUT", .blob = {}, .query = {{"restype", "container"}}, .headers = {}, .body = {}});
    INFO((made ? "" : made.error().text()));
    REQUIRE(made);
}

Subject azurite(const std::string& program) {
    const std::vector<std::string> arguments{"--location",        "<place>", "--blobHost", "127.0.0.1",
                                             "--blobPort",        "0",       "--silent",   "--skipApiVersionCheck",
                                             "--disableTelemetry"};
    auto server = std::make_shared<Emulator>(program, arguments);
    auto options = options_for(server->url());
    make_container(options);
    return {server, std::make_unique<object_store::AzureStore>(std::move(options))};
}

}  // namespace

std::vector<StoreKind> store_kinds() {
    const std::string program = emulator_of("PGBOSUN_AZURITE", "azurite");
    return {{"Azure, azurite", [program] { return azurite(program); }, Uploads::dropped_in_time}};
}

}  // namespace pgbosun::test
