#include "app/finding.hpp"

namespace pgbosun::app {

std::string to_text(const Finding& finding) {
    std::string text = finding.file;
    if (finding.line > 0) text += ":" + std::to_string(finding.line);
    text += finding.severity == Severity::error ? ": error: " : ": warning: ";
    if (!finding.key.empty()) text += finding.key + ": ";
    text += finding.what;
    if (!finding.hint.empty()) text += " (hint: " + finding.hint + ")";
    return text;
}

}  // namespace pgbosun::app
