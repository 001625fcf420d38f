// `pgbosun-archiver backup`: one base backup.

#include "app/archiver_program.hpp"

namespace pgbosun::app {

ExitCode backup_command(Arguments) { return ExitCode::refused; }

}  // namespace pgbosun::app
