// openapi.json of this folder, compiled in.
#pragma once

#include <string_view>

namespace fairlead::api {

extern const std::string_view kOpenApiDocument;

}  // namespace fairlead::api
