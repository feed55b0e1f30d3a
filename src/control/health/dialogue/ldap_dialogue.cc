// ldap (RFC 4511): a simple bind, an anonymous one without a name, and an unbind. Of the answer's
// BER one message of kMostLdapMessage bytes is read.
#include <optional>

#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostLdapMessage = 16384;
constexpr unsigned char kSequence = 0x30, kInteger = 0x02, kOctets = 0x04, kEnumerated = 0x0a,
                        kBindRequest = 0x60, kBindResponse = 0x61, kExtendedResponse = 0x78,
                        kSimple = 0x80;

std::string Element(unsigned char tag, std::string_view content) {
  std::string element(1, static_cast<char>(tag));
  const size_t length = content.size();
  if (length < 128) {
    element.push_back(static_cast<char>(length));
  } else {
    element.append(
        {static_cast<char>(0x82), static_cast<char>(length >> 8), static_cast<char>(length & 255)});
  }
  return element.append(content);
}

struct Ber {
  unsigned char tag = 0;
  std::string_view content{};
};

// What the first bytes are: an element, the begin of one, or nothing that ends within the bound.
enum class Found : uint8_t { kWhole, kBegin, kBad };

Found Take(std::string_view* bytes, Ber* element) {
  if (bytes->size() < 2) return Found::kBegin;
  const auto at = [&](size_t i) { return static_cast<unsigned char>((*bytes)[i]); };
  size_t header = 2, length = at(1);
  if (length >= 128) {
    const size_t more = length & 127;
    if (more == 0 || more > 4) return Found::kBad;
    if (bytes->size() < 2 + more) return Found::kBegin;
    length = 0;
    for (size_t i = 0; i < more; ++i) length = length << 8 | at(2 + i);
    header += more;
  }
  if (length > kMostLdapMessage) return Found::kBad;
  if (bytes->size() - header < length) return Found::kBegin;
  *element = {at(0), bytes->substr(header, length)};
  bytes->remove_prefix(header + length);
  return Found::kWhole;
}

// An element of that tag that is whole, or none.
std::optional<std::string_view> TakeWhole(std::string_view* bytes, unsigned char tag) {
  Ber element;
  if (Take(bytes, &element) != Found::kWhole || element.tag != tag) return std::nullopt;
  return element.content;
}

std::string ResultText(unsigned code) {
  switch (code) {
    case 8:
      return " (stronger authentication required)";
    case 48:
      return " (inappropriate authentication)";
    case 49:
      return " (invalid credentials)";
    case 51:
      return " (busy)";
    case 52:
      return " (unavailable)";
    case 53:
      return " (unwilling to perform)";
    default:
      return "";
  }
}

class LdapDialogue : public Dialogue {
 public:
  explicit LdapDialogue(LdapProbe ldap) : ldap_(std::move(ldap)) {}

 protected:
  void OnBegin() override {
    const std::string bind = Element(kInteger, "\x03") + Element(kOctets, ldap_.bind_dn) +
                             Element(kSimple, ldap_.password);
    Send(Element(kSequence, Element(kInteger, "\x01") + Element(kBindRequest, bind)));
  }

  void OnBytes(std::string_view bytes) override {
    answer_.append(bytes);
    if (answer_.empty()) return;
    std::string_view rest = answer_;
    Ber message;
    const auto first = static_cast<unsigned char>(rest.front());
    const Found found = first == kSequence ? Take(&rest, &message) : Found::kBad;
    if (found == Found::kBad) return Reject("not an LDAP answer" + Said(answer_));
    if (found == Found::kWhole) OnMessage(message.content);
  }

 private:
  void OnMessage(std::string_view message) {
    const auto id = TakeWhole(&message, kInteger);
    Ber operation;
    if (!id || Take(&message, &operation) != Found::kWhole) return Malformed();
    const bool is_notice = operation.tag == kExtendedResponse && *id == std::string_view("\0", 1);
    if (!is_notice && (operation.tag != kBindResponse || *id != "\x01")) return Malformed();
    std::string_view result = operation.content;
    const auto code = TakeWhole(&result, kEnumerated);
    const auto matched = TakeWhole(&result, kOctets);
    const auto text = TakeWhole(&result, kOctets);
    if (!code || code->size() != 1 || !matched || !text) return Malformed();
    const unsigned number = static_cast<unsigned char>(code->front());
    if (number == 0 && !is_notice) {
      Send(Element(kSequence, Element(kInteger, "\x02") + std::string("\x42\0", 2)));
      return Accept(ldap_.bind_dn.empty() ? "LDAP anonymous bind" : "LDAP bind");
    }
    std::string fault = is_notice ? "LDAP notice of disconnection, result " : "LDAP result ";
    fault += std::to_string(number) + ResultText(number);
    Reject(fault + Said(*text));
  }

  // A server may repeat the bind, and the password with it: then the result says enough.
  [[nodiscard]] std::string Said(std::string_view text) const {
    return text.empty() || !ldap_.password.empty() ? "" : ": " + Quoted(text);
  }

  void Malformed() { Reject("a malformed LDAP answer"); }

  const LdapProbe ldap_;
  std::string answer_;
};

}  // namespace

std::unique_ptr<Dialogue> MakeLdapDialogue(const LdapProbe& ldap) {
  return std::make_unique<LdapDialogue>(ldap);
}

}  // namespace fairlead::control
