// How a model is written as YAML: scalars, flow lists and indented lines. Used by dump*.cc only.
//
//   Writer w;
//   if (w.Open("reals", false)) { w.BeginItem(); w.Key("weight", "1"); w.EndItem(); w.Close(); }
//   w.Take();   // "reals:\n  - weight: 1\n"
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/model.h"
#include "control/config/names.h"

namespace fairlead::control {

// Plain where no YAML reader could take it for anything else, otherwise in double quotes.
// Precondition: no control characters (ReadText refuses them).
std::string Scalar(std::string_view text);

inline std::string Bool(bool value) { return value ? "true" : "false"; }

template <typename E>
std::string Word(E value) {
  return std::string(ToWord(value));
}

// "[a, b]" of what `text` makes of each item.
template <typename List, typename Text>
std::string FlowList(const List& list, Text text) {
  std::string out = "[";
  for (const auto& item : list) {
    if (out.size() > 1) out += ", ";
    out += text(item);
  }
  return out + "]";
}

template <typename Range>
std::string RangeText(const Range& r) {
  const std::string first = std::to_string(r.first);
  return r.first == r.last ? first : first + "-" + std::to_string(r.last);
}

// Writes lines of "key: value" at an indentation; an item's first line carries the dash.
class Writer {
 public:
  void Key(std::string_view key, const std::string& value) {
    out_ += Lead() + std::string(key) + ": " + value + "\n";
  }
  void Line(const std::string& text) { out_ += Lead() + text + "\n"; }
  // "key:" and deeper lines, or "key: []" when there are none to come.
  bool Open(std::string_view key, bool is_empty, const char* empty = "[]") {
    out_ += Lead() + std::string(key) + (is_empty ? std::string(": ") + empty : ":") + "\n";
    if (!is_empty) indent_ += 2;
    return !is_empty;
  }
  void Close() { indent_ -= 2; }
  void BeginItem() {
    indent_ += 2;
    has_dash_ = true;
  }
  void EndItem() { indent_ -= 2; }
  std::string Take() { return std::move(out_); }

 private:
  std::string Lead() {
    std::string lead(indent_, ' ');
    if (has_dash_) lead[indent_ - 2] = '-';
    has_dash_ = false;
    return lead;
  }

  std::string out_;
  size_t indent_ = 0;
  bool has_dash_ = false;
};

// "key:" and the items of a list of maps.
template <typename List, typename DumpItem>
void DumpList(Writer& w, std::string_view key, const List& list, DumpItem dump) {
  if (!w.Open(key, list.empty())) return;
  for (const auto& item : list) {
    w.BeginItem();
    dump(w, item);
    w.EndItem();
  }
  w.Close();
}

// The parts that stand in several places, and those of other files.
std::string TimeoutsText(const TimeoutsConfig& timeouts);
std::string ForwardText(const Forwarding& forward);  // a word, or a map in one line
std::string MatchText(const AddressMatch& match);
void DumpService(Writer& w, const ServiceConfig& service);  // dump_service.cc
void DumpReal(Writer& w, const RealConfig& real);
void DumpHealth(Writer& w, const std::vector<HealthConfig>& checks);  // dump_health.cc

}  // namespace fairlead::control
