#include "wire_case.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace fairlead::golden::wire {
namespace {

namespace json = boost::json;

constexpr const char* kUsage = "the sentence of a refusal is our own; its exit code is equal";
constexpr const char* kCounts = "counts show at once; the recorded kernel's were not gathered yet";
constexpr const char* kTimes = "the seconds of a timer";
constexpr const char* kOrder = "connections are listed in the order of our tables";

// What a listing says, in whatever order.
std::vector<std::string> SortedLines(const std::string& text) {
  std::vector<std::string> lines = LinesOf(text);
  std::ranges::sort(lines);
  return lines;
}

// Digits of "14:59" are left out.
std::string WithoutTimes(std::string text) {
  for (size_t i = 2; i + 2 < text.size(); ++i) {
    if (text[i] != ':' || !isdigit(text[i - 1]) || !isdigit(text[i + 1])) continue;
    if (text.substr(i + 1, 3).find(' ') != 2) continue;
    text[i - 1] = text[i + 1] = text[i + 2] = '0';
    if (isdigit(text[i - 2])) text[i - 2] = '0';
  }
  return text;
}

}  // namespace

std::string TextOf(const json::object& keys, const char* key) {
  const json::value* value = keys.if_contains(key);
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->as_string());
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

WireCase::WireCase(const json::object& recorded, const GoldenSpec& spec, std::string place,
                   WireReport* report)
    : case_(recorded), place_(std::move(place)), report_(*report), lab_(spec) {}

void WireCase::Play() {
  ++report_.cases;
  for (const json::value& item : case_.at("steps").as_array()) {
    const json::object& step = item.as_object();
    ++number_;
    ++report_.steps;
    op_ = TextOf(step, "op");
    try {
      lab_.director().AdvanceTo(step.at("t").to_number<double>(), [](double) {});
      Do(step);
    } catch (const std::exception& e) {
      Expect(false, e.what());
    }
  }
  note_ = "the whole case";
  Conclude();
  const std::string lost = lab_.director().CheckConservation();
  Expect(lost.empty(), lost);
}

void WireCase::Do(const json::object& step) {
  if (op_ == "ipvsadm") return DoIpvsadm(step);
  Expect(op_ == "note" || op_ == "sleep", "the replay has no such op");
}

void WireCase::Conclude() {}

void WireCase::Expect(bool is_equal, const std::string& sentence) {
  ++report_.observations;
  if (is_equal) return;
  report_.failures.push_back(place_ + ": step " + std::to_string(number_) + " (" + op_ +
                             (note_.empty() ? "" : ", " + note_) + "): " + sentence);
}

std::vector<uint8_t> WireCase::PutIn(const json::object& step) {
  lab_.Take();
  std::vector<uint8_t> last;
  for (const json::value& item : step.at("in").as_array()) {
    const json::object& keys = item.as_object();
    last = FromHex(TextOf(keys, "hex"));
    lab_.Receive(TextOf(keys, "port"), last);
  }
  return last;
}

std::vector<WirePacket> WireCase::ExpectedIn(const json::object& step) {
  std::vector<WirePacket> expected;
  for (const json::value& item : step.at("out").as_array()) {
    const json::object& keys = item.as_object();
    expected.push_back({TextOf(keys, "port"), TextOf(keys, "to"), FromHex(TextOf(keys, "hex"))});
  }
  return expected;
}

void WireCase::DoIpvsadm(const json::object& step) {
  const std::string arguments = TextOf(step, "args");
  const std::string expected = TextOf(step, "output");
  const CommandResult result = lab_.director().Ipvsadm(arguments);
  const auto code = step.at("rc").to_number<int>();
  Expect(result.exit_code == code, arguments + ": exit code " + std::to_string(result.exit_code) +
                                       ", not " + std::to_string(code) + ": " + result.err);
  if (code != 0) return Use(kUsage);
  if (result.out == expected) return Expect(true, "");
  if (arguments.find("--stats") != std::string::npos) return Use(kCounts);
  const std::string ours = WithoutTimes(result.out), theirs = WithoutTimes(expected);
  const bool is_list = arguments == "-Lcn";
  const bool is_same = is_list ? SortedLines(ours) == SortedLines(theirs) : ours == theirs;
  if (is_same) Use(ours == theirs ? kTimes : kOrder);
  Expect(is_same, arguments + ":\n" + result.out + "instead of\n" + expected);
}

WireCase::Row WireCase::FindRow(std::vector<TableRow>* rows, const json::object& entry,
                                bool is_any_real) {
  const auto found = std::ranges::find_if(*rows, [&](const TableRow& row) {
    return row.protocol == TextOf(entry, "proto") && row.source == TextOf(entry, "src") &&
           row.virtual_endpoint == TextOf(entry, "vip") &&
           (is_any_real || row.destination == TextOf(entry, "dst")) &&
           row.state == TextOf(entry, "state");
  });
  return {rows, found};
}

void WireCase::ExpectRow(const Row& row, const json::object& entry) {
  Expect(row.is_found(), "has no row " + TextOf(entry, "src") + " " + TextOf(entry, "dst"));
  if (!row.is_found()) return;
  const auto expires = entry.at("exp").to_number<int64_t>();
  Expect(std::abs(row.at->expires - expires) <= 1, "expires: " + row.at->ToString());
  row.rows->erase(row.at);
}

void WireCase::CompareTable(const json::object& step) {
  std::vector<TableRow> rows = lab_.director().Table();
  for (const json::value& item : step.at("entries").as_array()) {
    ExpectRow(FindRow(&rows, item.as_object(), false), item.as_object());
  }
  for (const TableRow& row : rows) Expect(false, "has " + row.ToString() + " too");
}

void PlayCases(const json::object& document, const std::string& path,
               const WireReplayOptions& options,
               const std::function<void(const json::object&, std::string)>& play) {
  size_t number = 0;
  for (const json::value& item : document.at("cases").as_array()) {
    ++number;
    const json::object& recorded = item.as_object();
    const std::string title = TextOf(recorded, "title");
    if (title.find(options.only) == std::string::npos) continue;
    play(recorded, path + ": case " + std::to_string(number) + " \"" + title + "\"");
  }
}

}  // namespace fairlead::golden::wire
