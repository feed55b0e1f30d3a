#include "recording.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace fairlead::golden {
namespace {

namespace json = boost::json;

enum class Kind : uint8_t {
  kText,
  kTextOrNull,
  kInteger,
  kNumber,
  kBool,
  kEndpoint,
  kList,
  kObject,
  kObjectOrNull,
  kScalar
};

struct Key {
  const char* name;
  Kind kind;
  bool is_required = true;
};

// The ops of the format and their keys.
const std::map<std::string, std::vector<Key>, std::less<>>& Ops() {
  const Key src{"src", Kind::kEndpoint}, dst{"dst", Kind::kEndpoint};
  const Key which{"dst", Kind::kEndpoint, false}, rs{"rs", Kind::kText, false};
  const Key result{"result", Kind::kText}, perhaps{"result", Kind::kText, false};
  static const std::map<std::string, std::vector<Key>, std::less<>> kOps{
      {"ipvsadm", {{"args", Kind::kText}, {"output", Kind::kText}, {"rc", Kind::kInteger}}},
      {"sysctl", {{"key", Kind::kText}, {"value", Kind::kScalar}}},
      {"mark-rule",
       {{"protocol", Kind::kText},
        {"destination", Kind::kText},
        {"destination_ports", Kind::kList},
        {"mark", Kind::kInteger}}},
      {"sleep", {{"seconds", Kind::kNumber}}},
      {"connect", {src, dst, result}},
      {"connect-hold", {src, dst, result}},
      {"client-data", {src, which, rs, perhaps}},
      {"client-FIN", {src, which, rs}},
      {"server-FIN", {src, which, rs}},
      {"server-RST", {src, which, rs}},
      {"close", {src, which, rs}},
      {"close-rst", {src, which, rs}},
      {"close-all", {{"rs", Kind::kText}}},
      {"probe", {src, which, rs, result}},
      {"raw-tcp", {src, dst, {"flags", Kind::kText}}},
      {"udp", {src, dst, result}},
      {"seq", {{"hold", Kind::kBool}, {"conns", Kind::kList}, {"counts", Kind::kObject}}},
      {"conns", {{"label", Kind::kTextOrNull}, {"entries", Kind::kList}}},
      {"counts", {{"reals", Kind::kObject}}},
      {"watch",
       {{"event", Kind::kText}, {"entry", Kind::kObject}, {"old", Kind::kObjectOrNull, false}}},
      {"state-table",
       {{"forward", Kind::kText},
        {"secure_tcp", Kind::kInteger},
        {"paths", Kind::kObject},
        {"table", Kind::kObject},
        {"timeouts", Kind::kObject}}},
      {"note", {{"text", Kind::kText}}},
  };
  return kOps;
}

bool Is(const json::value& v, Kind kind) {
  const bool is_integer = v.is_int64() || v.is_uint64();
  switch (kind) {
    case Kind::kText:
      return v.is_string();
    case Kind::kTextOrNull:
      return v.is_string() || v.is_null();
    case Kind::kInteger:
      return is_integer;
    case Kind::kNumber:
      return v.is_number();
    case Kind::kBool:
      return v.is_bool();
    case Kind::kEndpoint:
      return v.is_array() && v.as_array().size() == 2 && v.as_array()[0].is_string() &&
             v.as_array()[1].is_number();
    case Kind::kList:
      return v.is_array();
    case Kind::kObject:
      return v.is_object();
    case Kind::kObjectOrNull:
      return v.is_object() || v.is_null();
    case Kind::kScalar:
      return is_integer || v.is_string();
  }
  return false;
}

std::string Quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

// Exactly these keys, or a sentence.
std::string CheckKeys(const json::object& object, const std::vector<Key>& keys) {
  for (const auto& item : object) {
    const bool is_known =
        std::ranges::any_of(keys, [&](const Key& key) { return item.key() == key.name; });
    if (!is_known) return "does not know the key " + Quote(item.key());
  }
  for (const Key& key : keys) {
    const json::value* value = object.if_contains(key.name);
    if (value == nullptr) {
      if (key.is_required) return "lacks the key " + Quote(key.name);
    } else if (!Is(*value, key.kind)) {
      return "the key " + Quote(key.name) +
             " has a value of a wrong type: " + json::serialize(*value);
    }
  }
  return {};
}

std::vector<Key> EntryKeys() {
  return {{"proto", Kind::kText}, {"src", Kind::kText},   {"vip", Kind::kText},
          {"dst", Kind::kText},   {"state", Kind::kText}, {"exp", Kind::kNumber}};
}

// What a step has inside its lists and objects.
std::string CheckInside(const std::string& op, const json::object& keys) {
  const auto each = [](const json::value& list, const auto& check) {
    for (const json::value& item : list.as_array()) {
      if (std::string wrong = check(item); !wrong.empty()) return wrong;
    }
    return std::string{};
  };
  const auto entry = [](const json::value& item) {
    return item.is_object() ? CheckKeys(item.as_object(), EntryKeys())
                            : std::string("an entry is not an object");
  };
  if (op == "conns") return each(keys.at("entries"), entry);
  if (op == "watch") {
    for (const char* which : {"entry", "old"}) {
      const json::value* row = keys.if_contains(which);
      if (row == nullptr || row->is_null()) continue;
      if (std::string wrong = entry(*row); !wrong.empty()) return wrong;
    }
    static const std::set<std::string> kEvents{"present", "new", "state", "timer", "gone"};
    const std::string event = TextOf(keys, "event");
    return kEvents.contains(event) ? std::string{} : "does not know the event " + Quote(event);
  }
  if (op == "seq") {
    return each(keys.at("conns"), [](const json::value& item) {
      const bool is_right = item.is_array() && item.as_array().size() == 5;
      return is_right ? std::string{}
                      : std::string("a connection is not [src, sport, dst, dport, result]");
    });
  }
  if (op == "counts") {
    for (const auto& real : keys.at("reals").as_object()) {
      if (!real.value().is_object())
        return "the counts of " + std::string(real.key()) + " are none";
      if (std::string wrong = CheckKeys(real.value().as_object(),
                                        {{"active", Kind::kInteger}, {"inactive", Kind::kInteger}});
          !wrong.empty()) {
        return wrong;
      }
    }
  }
  return {};
}

Step ReadStep(const json::value& value, const std::string& place) {
  if (!value.is_object()) throw BadRecording(place + ": a step is not an object");
  Step step;
  step.keys = value.as_object();
  const json::value* op = step.keys.if_contains("op");
  const json::value* at = step.keys.if_contains("t");
  if (op == nullptr || !op->is_string()) throw BadRecording(place + ": the step has no op");
  step.op = op->as_string();
  if (at == nullptr || !at->is_number()) throw BadRecording(place + ": the step has no time t");
  step.at = NumberOf(*at);
  step.keys.erase("op");
  step.keys.erase("t");
  const auto known = Ops().find(step.op);
  if (known == Ops().end()) throw BadRecording(place + ": does not know the op " + Quote(step.op));
  std::string wrong = CheckKeys(step.keys, known->second);
  if (wrong.empty()) wrong = CheckInside(step.op, step.keys);
  if (!wrong.empty()) throw BadRecording(place + " (" + step.op + "): " + wrong);
  return step;
}

std::string CasePlace(const std::string& file, size_t index, const std::string& title) {
  return file + ": case " + std::to_string(index + 1) + " " + Quote(title);
}

Case ReadCase(const json::value& value, const std::string& file, size_t index) {
  const std::string unnamed = CasePlace(file, index, "");
  if (!value.is_object()) throw BadRecording(unnamed + ": is not an object");
  const json::object& object = value.as_object();
  if (std::string wrong = CheckKeys(object, {{"title", Kind::kText}, {"steps", Kind::kList}});
      !wrong.empty()) {
    throw BadRecording(unnamed + ": " + wrong);
  }
  Case c{TextOf(object, "title"), {}};
  for (const json::value& item : object.at("steps").as_array()) {
    const std::string place =
        CasePlace(file, index, c.title) + ": step " + std::to_string(c.steps.size() + 1);
    c.steps.push_back(ReadStep(item, place));
    if (c.steps.size() > 1 && c.steps.back().at < c.steps[c.steps.size() - 2].at) {
      throw BadRecording(place + ": its time is before that of the step before");
    }
  }
  return c;
}

std::vector<IpAddress> VirtualAddressesOf(const std::string& text) {
  static const std::regex kVip(R"(10\.100\.0\.\d{1,3}|fd64::[0-9a-f]{1,4})");
  std::set<IpAddress> found;
  for (std::sregex_iterator it(text.begin(), text.end(), kVip), end; it != end; ++it) {
    if (const auto address = IpAddress::Parse(it->str())) found.insert(*address);
  }
  return {found.begin(), found.end()};
}

}  // namespace

double NumberOf(const json::value& value) {
  if (value.is_double()) return value.as_double();
  return static_cast<double>(value.to_number<int64_t>());
}

std::string TextOf(const json::object& keys, const char* key) {
  return std::string(keys.at(key).as_string());
}

Endpoint EndpointOf(const json::value& value) {
  const json::array& pair = value.as_array();
  const std::string text(pair.at(0).as_string());
  const auto address = IpAddress::Parse(text);
  if (!address) throw std::invalid_argument(Quote(text) + " is not an address");
  return {*address, Be16::FromHost(pair.at(1).to_number<uint16_t>())};
}

Recording ParseRecording(const std::string& text, const std::string& file) {
  boost::system::error_code error;
  const json::value root = json::parse(text, error);
  if (error) throw BadRecording(file + ": is not JSON: " + error.message());
  if (!root.is_object()) throw BadRecording(file + ": is not an object");
  const json::object& object = root.as_object();
  if (const json::value* format = object.if_contains("format");
      format == nullptr || !format->is_int64() || format->as_int64() != 2) {
    throw BadRecording(file + ": is not of format 2");
  }
  if (std::string wrong = CheckKeys(object, {{"format", Kind::kInteger},
                                             {"name", Kind::kText},
                                             {"kernel", Kind::kText},
                                             {"cases", Kind::kList}});
      !wrong.empty()) {
    throw BadRecording(file + ": " + wrong);
  }
  Recording recording{
      file, TextOf(object, "name"), TextOf(object, "kernel"), {}, VirtualAddressesOf(text)};
  for (const json::value& item : object.at("cases").as_array()) {
    recording.cases.push_back(ReadCase(item, file, recording.cases.size()));
  }
  return recording;
}

Recording ReadRecording(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw BadRecording(path + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return ParseRecording(text.str(), path);
}

std::string PlaceOf(const Recording& recording, size_t case_index, size_t step_index) {
  const Case& c = recording.cases[case_index];
  return CasePlace(recording.file, case_index, c.title) + ": step " +
         std::to_string(step_index + 1) + " (" + c.steps[step_index].op + ")";
}

}  // namespace fairlead::golden
