#include "app/own_restore_command.hpp"
#include "app/settings_reader.hpp"
#include "app/settings_text.hpp"
#include "backup/recovery_settings.hpp"
#include "containing.hpp"
#include "environment.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using pgbosun::app::test::containing;
using pgbosun::app::test::environment;

TEST_CASE("what a restore_command is told does not change with the configuration's file, and has no secret in it") {
    const auto read = read_settings(
        "cluster: orders\nvolume: /data\narchive: {destination: s3://b/p, server_name: orders-1, credentials: "
        "{access_key_id_file: /etc/id, secret_access_key_file: /etc/key}}\nbootstrap: {join: {primary_conninfo: "
        "\"host=a password=hush\"}}\n",
        "pg.yaml", environment());
    auto settings = read.settings;
    settings.config_file = "/etc/pgbosun.yaml";

    const auto told = settings_for_restore_command(settings);
    const auto command = own_restore_command(settings, RestoreFrom::own_archive);
    const auto again = read_settings(told, "again", environment());

    CHECK(again.usable());
    CHECK(again.settings.archive->destination == "s3://b/p");
    CHECK(again.settings.archive->server_name == "orders-1");
    CHECK(again.settings.archive->credentials.secret_access_key.file == "/etc/key");
    CHECK(told.find("hush") == std::string::npos);
    CHECK(told.find("join") == std::string::npos);
    CHECK_THAT(command, containing("'wal-restore' '--config' '" + std::string(backup::restored_settings_file) + "'"));
    CHECK(command.find("/etc/pgbosun.yaml") == std::string::npos);
    // Before the instance is there its file says which archive it is made from.
    CHECK_THAT(own_restore_command(settings, RestoreFrom::bootstrap_source),
               containing("'--config' '/etc/pgbosun.yaml' '--bootstrap'"));
}
