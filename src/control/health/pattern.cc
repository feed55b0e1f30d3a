#include "control/health/pattern.h"

#include <utility>

#include "control/health/pattern_parser.h"

namespace fairlead::control {
namespace {

using Op = Pattern::Op;
using Kind = PatternNode::Kind;

// Writes the steps of a tree, each node's after those that come before it.
class Emitter {
 public:
  // False: more steps than there may be.
  bool Emit(const PatternNode& node) {
    switch (node.kind) {
      case Kind::kEmpty:
        return true;
      case Kind::kBytes:
        program_.classes.push_back(node.bytes);
        return Add({Op::kByte, static_cast<uint16_t>(program_.classes.size() - 1), 0});
      case Kind::kAssertion:
        return Add({node.assertion, 0, 0});
      case Kind::kSequence:
        for (const PatternNode& part : node.parts) {
          if (!Emit(part)) return false;
        }
        return true;
      case Kind::kChoice:
        return EmitChoice(node);
      case Kind::kRepeat:
        return EmitRepeat(node);
    }
    return false;
  }
  bool Add(Pattern::Step step) {
    if (program_.steps.size() == Pattern::kMostSteps) return false;
    program_.steps.push_back(step);
    return true;
  }
  Pattern::Program Take() { return std::move(program_); }

 private:
  [[nodiscard]] uint16_t Here() const { return static_cast<uint16_t>(program_.steps.size()); }

  bool EmitChoice(const PatternNode& node) {
    std::vector<size_t> ends;
    for (size_t i = 0; i < node.parts.size(); ++i) {
      const size_t split = Here();
      const bool is_last = i + 1 == node.parts.size();
      if (!is_last && !Add({Op::kSplit, static_cast<uint16_t>(split + 1), 0})) return false;
      if (!Emit(node.parts[i])) return false;
      if (is_last) break;
      ends.push_back(Here());
      if (!Add({Op::kJump, 0, 0})) return false;
      program_.steps[split].two = Here();
    }
    for (const size_t end : ends) program_.steps[end].one = Here();
    return true;
  }

  bool EmitRepeat(const PatternNode& node) {
    const PatternNode& part = node.parts.front();
    for (uint32_t i = 0; i < node.least; ++i) {
      const size_t before = Here();
      if (!Emit(part)) return false;
      if (Here() == before) break;  // nothing, however often
    }
    if (node.most == PatternNode::kEndless) {
      const size_t split = Here();
      if (!Add({Op::kSplit, static_cast<uint16_t>(split + 1), 0}) || !Emit(part)) return false;
      if (!Add({Op::kJump, static_cast<uint16_t>(split), 0})) return false;
      program_.steps[split].two = Here();
      return true;
    }
    std::vector<size_t> splits;
    for (uint32_t i = node.least; i < node.most; ++i) {
      splits.push_back(Here());
      if (!Add({Op::kSplit, static_cast<uint16_t>(Here() + 1), 0}) || !Emit(part)) return false;
    }
    for (const size_t split : splits) program_.steps[split].two = Here();
    return true;
  }

  Pattern::Program program_;
};

Error TooBig(std::string message) { return {ErrorCode::kInvalid, std::move(message), {}}; }

bool IsWord(int byte) {
  return byte >= 0 && ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                       (byte >= 'A' && byte <= 'Z') || byte == '_');
}

}  // namespace

Result<Pattern> Pattern::Compile(std::string_view text) {
  if (text.size() > kMostBytes) return TooBig("is longer than 1024 bytes");
  Result<PatternNode> tree = ParsePattern(text);
  if (!tree) return tree.error();
  Emitter emitter;
  if (!emitter.Emit(*tree) || !emitter.Add({Op::kFound, 0, 0})) {
    return TooBig(
        "is too big: repetitions like {100} count as often as they say, and there may be 512 "
        "steps");
  }
  return Pattern(emitter.Take());
}

std::optional<std::string> FaultOfPattern(std::string_view text) {
  const Result<Pattern> pattern = Pattern::Compile(text);
  if (pattern) return std::nullopt;
  return pattern.error().message;
}

PatternSearch::PatternSearch(const Pattern& pattern)
    : program_(pattern.program_), seen_in_(program_->steps.size(), 0) {
  ++round_;
  Expand(0, kUnknown, &now_);
}

// Of an assertion between the last byte and `next`; none: not before the next byte is known.
std::optional<bool> PatternSearch::Holds(Op op, int next) const {
  if (op == Op::kLineBegin) return before_ == kNone || before_ == '\n';
  if (next == kUnknown) return std::nullopt;
  if (op == Op::kLineEnd) return next == kNone || next == '\n' || next == '\r';
  return (IsWord(before_) != IsWord(next)) == (op == Op::kWordEdge);
}

// Adds the steps that wait for a byte, or for an assertion's next byte.
void PatternSearch::Expand(uint16_t from, int next, std::vector<uint16_t>* into) {
  stack_.push_back(from);
  while (!stack_.empty()) {
    const uint16_t at = stack_.back();
    stack_.pop_back();
    if (std::exchange(seen_in_[at], round_) == round_) continue;
    const Pattern::Step& step = program_->steps[at];
    switch (step.op) {
      case Op::kFound:
        is_found_ = true;
        break;
      case Op::kByte:
        into->push_back(at);
        break;
      case Op::kSplit:
        stack_.push_back(step.two);
        [[fallthrough]];
      case Op::kJump:
        stack_.push_back(step.one);
        break;
      default:
        if (const std::optional<bool> holds = Holds(step.op, next); !holds) {
          into->push_back(at);
        } else if (*holds) {
          stack_.push_back(static_cast<uint16_t>(at + 1));
        }
    }
  }
}

// The next byte is known: what waited for it goes on, or not.
void PatternSearch::Settle(int next) {
  ++round_;
  settled_.clear();
  for (const uint16_t at : now_) Expand(at, next, &settled_);
}

bool PatternSearch::Feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (is_found_) return true;
    const auto byte = static_cast<unsigned char>(c);
    Settle(byte);
    if (is_found_) return true;
    before_ = byte;
    ++round_;
    now_.clear();
    for (const uint16_t at : settled_) {
      const Pattern::Step& step = program_->steps[at];
      if (!program_->classes[step.one][byte]) continue;
      Expand(static_cast<uint16_t>(at + 1), kUnknown, &now_);
    }
    Expand(0, kUnknown, &now_);  // it may begin anywhere
  }
  return is_found_;
}

bool PatternSearch::End() {
  if (!is_found_) Settle(kNone);
  return is_found_;
}

}  // namespace fairlead::control
