"""Writes C++ that holds text files as string_views: embed_text.py OUTPUT NAME=FILE..."""
import sys

output, *pairs = sys.argv[1:]
lines = ['#include <string_view>', '', 'namespace pgbosun::postgres {']
for pair in pairs:
    name, path = pair.split('=', 1)
    data = open(path, 'rb').read()
    array = ','.join(str(byte if byte < 128 else byte - 256) for byte in data)
    lines += [f'static constexpr char {name}_bytes[] = {{{array}}};',
              f'extern const std::string_view {name};',
              f'const std::string_view {name}({name}_bytes, sizeof {name}_bytes);']
lines += ['}  // namespace pgbosun::postgres', '']
open(output, 'w').write('\n'.join(lines))
