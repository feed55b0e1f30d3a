#include "control/health/dialogue/text_matcher.h"

#include <openssl/evp.h>

#include <array>
#include <cctype>
#include <new>
#include <utility>

#include "control/health/dialogue/dialogue.h"

namespace fairlead::control {

using Kind = TextCondition::Kind;

TextMatcher::TextMatcher(TextCondition condition)
    : condition_(std::move(condition)), hash_(nullptr, EVP_MD_CTX_free) {
  switch (condition_.kind) {
    case Kind::kContains:
      is_met_ = condition_.text.empty();
      break;
    case Kind::kMatches:
      // The loader refuses patterns that have a fault; such a one is never met.
      if (const auto pattern = Pattern::Compile(condition_.text)) {
        search_.emplace(*pattern);
        is_met_ = search_->is_found();
      }
      break;
    case Kind::kSha256:
      hash_.reset(EVP_MD_CTX_new());
      if (hash_ == nullptr || EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr) != 1) {
        throw std::bad_alloc();
      }
  }
}

TextMatcher::~TextMatcher() = default;

void TextMatcher::Feed(std::string_view text) {
  if (is_met_) return;
  if (search_) {
    is_met_ = search_->Feed(text);
  } else if (hash_ != nullptr) {
    EVP_DigestUpdate(hash_.get(), text.data(), text.size());
  } else if (condition_.kind == Kind::kContains) {
    const std::string& wanted = condition_.text;
    tail_.append(text);
    is_met_ = tail_.find(wanted) != tail_.npos;
    if (tail_.size() >= wanted.size()) tail_.erase(0, tail_.size() - wanted.size() + 1);
  }
}

void TextMatcher::End() {
  if (is_met_) return;
  if (search_) is_met_ = search_->End();
  if (hash_ == nullptr) return;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  EVP_DigestFinal_ex(hash_.get(), digest.data(), &length);
  hash_.reset();
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex.append({kHex[digest[i] >> 4], kHex[digest[i] & 15]});
  std::string wanted = condition_.text;
  for (char& c : wanted) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  is_met_ = hex == wanted;
}

std::string TextMatcher::Fault() const {
  switch (condition_.kind) {
    case Kind::kContains:
      return "does not contain " + Quoted(condition_.text);
    case Kind::kMatches:
      return "does not match " + Quoted(condition_.text);
    case Kind::kSha256:
      return "has another SHA-256 than " + condition_.text;
  }
  return "";
}

}  // namespace fairlead::control
