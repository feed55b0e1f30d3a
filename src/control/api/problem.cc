#include "control/api/problem.h"

#include <boost/json/serialize.hpp>

#include "base/utf8.h"

namespace fairlead::api {

namespace json = boost::json;

namespace {

// JSON is UTF-8 (RFC 8259 section 8.1), and what is shown may hold what somebody sent: a name in a
// path can be any bytes.
std::string Serialize(const json::value& value) { return ToUtf8(json::serialize(value)) + "\n"; }

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

HttpResponse Problem(int status, std::string_view type, std::string_view detail,
                     json::object more) {
  json::object document;
  document["type"] = "urn:fairlead:problem:" + std::string(type);
  document["title"] = ReasonPhrase(status);
  document["status"] = status;
  document["detail"] = detail;
  for (auto& member : more) document[member.key()] = std::move(member.value());
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.problem = type;
  response.body = Serialize(document);
  return response;
}

HttpResponse Problem(const Error& error) {
  json::object more;
  if (!error.place.empty()) more["place"] = error.place;
  switch (error.code) {
    case ErrorCode::kInvalid:
      return Problem(422, "invalid", error.message, std::move(more));
    case ErrorCode::kNotFound:
      return Problem(404, "not-found", error.message, std::move(more));
    case ErrorCode::kExists:
      return Problem(409, "exists", error.message, std::move(more));
    case ErrorCode::kUnavailable:
      return Problem(503, "unavailable", error.message, std::move(more));
    case ErrorCode::kSystem:
      return Problem(500, "system", error.message, std::move(more));
  }
  return Problem(500, "system", error.message, std::move(more));
}

HttpResponse JsonResponse(int status, const json::value& body) {
  HttpResponse response;
  response.status = status;
  response.body = Serialize(body);
  return response;
}

HttpResponse WithGeneration(HttpResponse response, uint64_t generation) {
  response.headers.emplace_back("ETag", "\"" + std::to_string(generation) + "\"");
  return response;
}

}  // namespace fairlead::api
