#include "cli/text.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/serialize.hpp>

#include "base/utf8.h"

namespace fairlead::cli {

namespace json = boost::json;

std::string Text(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(member);
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return value->as_string().empty() ? "-" : std::string(value->as_string());
  return Indented(*value);
}

uint64_t Number(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(member);
  if (value == nullptr) return 0;
  json::error_code ec;
  const uint64_t number = value->is_number() ? value->to_number<uint64_t>(ec) : 0;
  return ec ? 0 : number;
}

bool Flag(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(member);
  return value != nullptr && value->is_bool() && value->as_bool();
}

const json::object& Object(const json::object& object, std::string_view member) {
  static const json::object kEmpty;
  const json::value* value = object.if_contains(member);
  return value != nullptr && value->is_object() ? value->as_object() : kEmpty;
}

const json::array& Array(const json::object& object, std::string_view member) {
  static const json::array kEmpty;
  const json::value* value = object.if_contains(member);
  return value != nullptr && value->is_array() ? value->as_array() : kEmpty;
}

std::vector<std::string> WarningsIn(const json::object& answer) {
  std::vector<std::string> sentences;
  for (const json::value& item : Array(answer, "warnings")) {
    if (item.is_object()) sentences.push_back(Text(item.as_object(), "detail"));
  }
  return sentences;
}

std::string Bytes(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

std::string Span(uint64_t milliseconds) {
  const uint64_t s = milliseconds / 1000;
  if (s == 0) return fmt::format("0.{}s", milliseconds / 100);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

std::string Plural(uint64_t n, const std::string& one, const std::string& many) {
  return fmt::format("{} {}", n, n == 1 ? one : many.empty() ? one + "s" : many);
}

namespace {

// JSON is UTF-8 (RFC 8259), whatever a file is called.
std::string Quoted(std::string_view text) {
  return json::serialize(json::string(ToUtf8(std::string(text))));
}

void Append(std::string* out, const json::value& value, const std::string& indent) {
  const std::string deeper = indent + "  ";
  bool is_first = true;
  const auto separate = [&] {
    *out += is_first ? "\n" + deeper : ",\n" + deeper;
    is_first = false;
  };
  if (value.is_object() && !value.as_object().empty()) {
    *out += "{";
    for (const auto& member : value.as_object()) {
      separate();
      *out += Quoted(member.key()) + ": ";
      Append(out, member.value(), deeper);
    }
    *out += "\n" + indent + "}";
  } else if (value.is_array() && !value.as_array().empty()) {
    *out += "[";
    for (const json::value& item : value.as_array()) {
      separate();
      Append(out, item, deeper);
    }
    *out += "\n" + indent + "]";
  } else if (value.is_string()) {
    *out += Quoted(value.as_string());
  } else if (value.is_double()) {
    *out += fmt::format("{}", value.as_double());
  } else {
    *out += json::serialize(value);
  }
}

}  // namespace

std::string Indented(const json::value& value) {
  std::string out;
  Append(&out, value, "");
  return out;
}

}  // namespace fairlead::cli
