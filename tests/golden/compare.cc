#include "compare.h"

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <sstream>

namespace fairlead::golden {
namespace {

std::vector<std::string> LinesOf(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool IsCluster(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && word[1] != '-';
}

// A connection row with its time taken out: "TCP ..:..  TIME_WAIT   …" and the seconds.
bool TakeTime(std::string* line, int64_t* seconds) {
  static const std::regex kTime(R"(^(\S+ +)(\d+):(\d\d)( .*)$)");
  std::smatch match;
  if (!std::regex_match(*line, match, kTime)) return false;
  *seconds = std::atoll(match[2].str().c_str()) * 60 + std::atoll(match[3].str().c_str());
  *line = match[1].str() + std::string(match[2].length(), '.') + ":.." + match[4].str();
  return true;
}

std::string WithoutNumbers(const std::string& line) {
  static const std::regex kNumbers(R"(( +\d+[KMGT]?)+ *$)");
  return std::regex_replace(line, kNumbers, "");
}

std::string CompareLines(std::vector<std::string> expected, std::vector<std::string> ours) {
  const size_t count = std::max(expected.size(), ours.size());
  expected.resize(count, "(nothing)");
  ours.resize(count, "(nothing)");
  for (size_t i = 0; i < count; ++i) {
    if (expected[i] != ours[i]) {
      return "line " + std::to_string(i + 1) + " is \"" + ours[i] + "\", expected \"" +
             expected[i] + "\"";
    }
  }
  return {};
}

// Rows as a set, by a text without the time.
struct TimedLine {
  std::string text;
  int64_t seconds = 0;
};

std::string CompareSets(std::vector<TimedLine> expected, std::vector<TimedLine> ours) {
  const auto before = [](const TimedLine& a, const TimedLine& b) {
    return std::tie(a.text, a.seconds) < std::tie(b.text, b.seconds);
  };
  std::ranges::sort(expected, before);
  std::ranges::sort(ours, before);
  std::string wrong;
  const auto report = [&](const char* what, const TimedLine& line) {
    // Less than a second left: the other side's timer may have fired.
    if (line.seconds == 0) return;
    wrong += std::string(what) + line.text + " " + std::to_string(line.seconds) + " s; ";
  };
  size_t e = 0, o = 0;
  while (e < expected.size() || o < ours.size()) {
    if (o == ours.size() || (e < expected.size() && expected[e].text < ours[o].text)) {
      report("missing: ", expected[e++]);
    } else if (e == expected.size() || ours[o].text < expected[e].text) {
      report("too much: ", ours[o++]);
    } else {
      if (std::llabs(expected[e].seconds - ours[o].seconds) > kSecondsApart) {
        wrong += ours[o].text + " has " + std::to_string(ours[o].seconds) + " s left, expected " +
                 std::to_string(expected[e].seconds) + "; ";
      }
      ++e;
      ++o;
    }
  }
  return wrong;
}

std::string CompareConnections(const std::string& expected, const std::string& ours) {
  std::vector<std::string> heads[2];
  std::vector<TimedLine> rows[2];
  const std::string* texts[2] = {&expected, &ours};
  for (size_t side = 0; side < 2; ++side) {
    for (std::string& line : LinesOf(*texts[side])) {
      TimedLine row{std::move(line)};
      if (TakeTime(&row.text, &row.seconds)) {
        rows[side].push_back(std::move(row));
      } else {
        heads[side].push_back(std::move(row.text));
      }
    }
  }
  if (std::string wrong = CompareLines(heads[0], heads[1]); !wrong.empty()) return wrong;
  return CompareSets(std::move(rows[0]), std::move(rows[1]));
}

}  // namespace

std::vector<std::string> WordsOf(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string CompareTables(std::vector<TableRow> expected, std::vector<TableRow> ours) {
  const auto lines = [](const std::vector<TableRow>& rows) {
    std::vector<TimedLine> all;
    for (const TableRow& row : rows) all.push_back({row.Key(), row.expires});
    return all;
  };
  return CompareSets(lines(expected), lines(ours));
}

Listing KindOf(const std::string& arguments) {
  const std::vector<std::string> words = WordsOf(arguments);
  const bool is_list = words.empty() || words[0] == "--list" ||
                       (IsCluster(words[0]) && words[0].find_first_of("Ll") != std::string::npos);
  if (!is_list) return Listing::kExact;
  Listing kind = Listing::kExact;
  for (const std::string& word : words) {
    if (word == "--connection" || (IsCluster(word) && word.find('c') != std::string::npos)) {
      return Listing::kConnections;
    }
    if (word == "--stats" || word == "--rate") kind = Listing::kCounters;
  }
  return kind;
}

std::string CompareListings(Listing kind, const std::string& expected, const std::string& ours) {
  if (kind == Listing::kConnections) return CompareConnections(expected, ours);
  std::vector<std::string> a = LinesOf(expected), b = LinesOf(ours);
  if (kind == Listing::kCounters) {
    for (auto* lines : {&a, &b}) {
      for (std::string& line : *lines) line = WithoutNumbers(line);
    }
  }
  return CompareLines(std::move(a), std::move(b));
}

}  // namespace fairlead::golden
