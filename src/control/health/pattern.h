// A regular expression that is searched for in bytes as they come, in bounded time and memory.
//
//   Result<Pattern> pattern = Pattern::Compile("^220 .*ready");
//   PatternSearch search(*pattern);
//   search.Feed("220 mail is re");   // false
//   search.Feed("ady\r\n");          // true: found, whatever follows
//
// Nothing is tried twice: each byte is looked at once, against the set of places in the pattern
// that are possible there (Thompson's construction), so the time is at most kMostSteps for a byte
// and no text makes it more. Libraries that go back in the text (std::regex, Boost.Regex) have no
// such bound. What needs going back is refused: back references and looking ahead or behind.
//
// Known: literals, . [a-z] [^a-z] [[:alpha:]] \d \w \s \D \W \S \b \B \t \r \n \0 \xHH, ( ) (?: ),
// |, * + ? {n} {n,} {n,m} (also the lazy *? +? ??: whether something is found is the same), ^ and $
// at the begin and end of each line, (?i) and (?s) at the beginning. Bytes, not characters.
// Threads: a Pattern is a value that never changes, a search belongs to one thread.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::control {

class Pattern {
 public:
  static constexpr size_t kMostBytes = 1024;
  static constexpr size_t kMostSteps = 512;  // of the compiled pattern

  // The error's message goes on after "the pattern ".
  static Result<Pattern> Compile(std::string_view text);

  enum class Op : uint8_t {
    kByte,
    kSplit,
    kJump,
    kLineBegin,
    kLineEnd,
    kWordEdge,
    kNoWordEdge,
    kFound
  };
  struct Step {
    Op op = Op::kFound;
    uint16_t one = 0;  // kByte: the class; kSplit, kJump: where to go on
    uint16_t two = 0;  // kSplit
  };
  using Bytes = std::bitset<256>;
  struct Program {
    std::vector<Step> steps;
    std::vector<Bytes> classes;
  };
  [[nodiscard]] const Program& program() const { return *program_; }

 private:
  friend class PatternSearch;
  explicit Pattern(Program program)
      : program_(std::make_shared<const Program>(std::move(program))) {}

  std::shared_ptr<const Program> program_;
};

// None, or what is wrong, to be written after "the pattern ".
std::optional<std::string> FaultOfPattern(std::string_view text);

class PatternSearch {
 public:
  explicit PatternSearch(const Pattern& pattern);

  // Whether it has been found. What cannot be known before the next byte ($, \b) waits for it.
  bool Feed(std::string_view bytes);
  // Nothing follows.
  bool End();
  [[nodiscard]] bool is_found() const { return is_found_; }

 private:
  static constexpr int kUnknown = -1, kNone = -2;

  void Expand(uint16_t from, int next, std::vector<uint16_t>* into);
  [[nodiscard]] std::optional<bool> Holds(Pattern::Op op, int next) const;
  void Settle(int next);

  std::shared_ptr<const Pattern::Program> program_;
  std::vector<uint16_t> now_, settled_, stack_;
  std::vector<uint32_t> seen_in_;  // per step: the last round that came by
  uint32_t round_ = 0;
  int before_ = kNone;  // the last byte
  bool is_found_ = false;
};

}  // namespace fairlead::control
