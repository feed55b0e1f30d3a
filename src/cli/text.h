// JSON values as text for people and as indented JSON for scripts.
//
//   Text(object, "scheduler")       // "wlc"; null and missing: "-"
//   Bytes(1536)                     // "1.5 KiB"
//   Span(90'500)                    // "1m30s"
//   Indented(value)                 // two blanks a level, numbers without exponents, valid UTF-8
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::cli {

// A string, number or boolean member; "-" when it is null or missing.
std::string Text(const boost::json::object& object, std::string_view member);
// A number member; 0 when it is none.
uint64_t Number(const boost::json::object& object, std::string_view member);
bool Flag(const boost::json::object& object, std::string_view member);
// The member that is an object or array; an empty one when it is none.
const boost::json::object& Object(const boost::json::object& object, std::string_view member);
const boost::json::array& Array(const boost::json::object& object, std::string_view member);

// The sentences of the warnings that an answer to a change carries.
std::vector<std::string> WarningsIn(const boost::json::object& answer);

std::string Bytes(uint64_t bytes);
std::string Span(uint64_t milliseconds);
std::string Plural(uint64_t n, const std::string& one, const std::string& many = "");

std::string Indented(const boost::json::value& value);

}  // namespace fairlead::cli
