#include "control/api/body_reader.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "control/api/problem.h"

namespace fairlead::api {

namespace json = boost::json;

BodyReader::BodyReader(std::string_view text, std::initializer_list<std::string_view> known) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
  json::error_code ec;
  json::value value = json::parse(text, ec);
  if (ec || !value.is_object()) {
    is_object_ = false;
    Fault("", ec ? "The body is not JSON: " + ec.message() : "The body must be a JSON object");
    return;
  }
  object_ = std::move(value.as_object());
  for (const auto& member : object_) {
    if (std::find(known.begin(), known.end(), member.key()) != known.end()) continue;
    std::string list;
    for (const auto& name : known) list += (list.empty() ? "" : ", ") + std::string(name);
    Fault(member.key(), "Unknown member; there are: " + list);
  }
}

const json::value* BodyReader::Find(std::string_view name) const {
  return object_.if_contains(name);
}

std::optional<int64_t> BodyReader::Integer(std::string_view name, int64_t low, int64_t high) {
  const json::value* value = Find(name);
  if (value == nullptr) return std::nullopt;
  json::error_code ec;
  const auto number = value->is_number() ? value->to_number<int64_t>(ec) : 0;
  if (!value->is_number() || ec || number < low || number > high) {
    Fault(name,
          "Must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> BodyReader::String(std::string_view name) {
  const json::value* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    Fault(name, "Must be a string");
    return std::nullopt;
  }
  return std::string(value->as_string());
}

void BodyReader::Fault(std::string_view name, const std::string& sentence) {
  faults_.push_back({std::string(name), sentence});
}

HttpResponse BodyReader::problem() const {
  std::string detail;
  json::array errors;
  for (const Fault_& fault : faults_) {
    detail += (detail.empty() ? "" : "; ") + (fault.place.empty() ? "" : fault.place + ": ") +
              fault.sentence;
    errors.push_back({{"place", fault.place}, {"detail", fault.sentence}});
  }
  return Problem(is_object_ ? 422 : 400, "invalid-body", detail, {{"errors", std::move(errors)}});
}

}  // namespace fairlead::api
