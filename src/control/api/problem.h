// Error answers as problem documents (RFC 9457): what is wrong, in one sentence that names the
// remedy.
//
//   respond(Problem(404, "unknown-service", "There is no service \"shp\"; did you mean
//   \"shop\"?"));
//   {"type":"urn:fairlead:problem:unknown-service","title":"Not Found","status":404,"detail":"…"}
//
// The last word of the type is stable: scripts may test it; docs/api.md lists them.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/api/http.h"

namespace fairlead::api {

std::string_view ReasonPhrase(int status);

// `more`: further members, for instance `errors`.
HttpResponse Problem(int status, std::string_view type, std::string_view detail,
                     boost::json::object more = {});
// The problem an Error of the control core is.
HttpResponse Problem(const Error& error);

HttpResponse JsonResponse(int status, const boost::json::value& body);
// The same with the configuration's generation as its ETag; If-Match takes it.
HttpResponse WithGeneration(HttpResponse response, uint64_t generation);

}  // namespace fairlead::api
