#pragma once
// A refusal before it is put into the words of RFC 9457.

#include <string>

namespace pgbosun::http {

struct Problem {
    int status = 500;
    std::string detail;  // this occurrence, for a person
    std::string hint;    // what to change; may be empty
    std::string fields;  // further header lines that the status asks for: "Allow: POST\r\n"
};

}  // namespace pgbosun::http
