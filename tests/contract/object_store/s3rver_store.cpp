// The S3 store against s3rver, an emulator from npm that checks signatures. PGBOSUN_S3RVER is the path of its program.
#include "contract/object_store/emulator.hpp"
#include "contract/object_store/stores.hpp"
#include "object_store/s3_store.hpp"
#include "support/s3_options.hpp"

namespace pgbosun::test {

std::vector<StoreKind> store_kinds() {
    const std::string program = emulator_of("PGBOSUN_S3RVER", "s3rver");
    return {{"S3, s3rver, HEAD first",
             [program] {
                 const std::vector<std::string> arguments{"--directory", "<place>", "--address", "127.0.0.1",
                                                          "--port",      "0",       "--silent",  "--configure-bucket",
                                                          "bucket"};
                 auto server = std::make_shared<Emulator>(program, arguments);
                 auto options = s3_options(server->url(), "S3RVER", "S3RVER");
                 return Subject{server, std::make_unique<object_store::S3ObjectStore>(std::move(options))};
             },
             Uploads::not_listed}};
}

}  // namespace pgbosun::test
