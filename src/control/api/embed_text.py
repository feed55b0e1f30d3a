"""Writes a C++ source that holds a text file: embed_text.py TEXT OUT.cc"""

import sys

with open(sys.argv[1], encoding="utf-8") as source:
    text = source.read()
assert ')text"' not in text
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write('#include "control/api/openapi.h"\n\n')
    # Longer than the 65,536 bytes that the language asks compilers for; clang minds.
    out.write('#pragma GCC diagnostic ignored "-Woverlength-strings"\n\n')
    out.write("namespace fairlead::api {\n\n")
    out.write('const std::string_view kOpenApiDocument = R"text(' + text + ')text";\n\n')
    out.write("}  // namespace fairlead::api\n")
