// mail
#include <algorithm>

#include "control/config/mail_keys.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostRecipients = 16;
constexpr size_t kMostMailWord = 255;

// It stands in a command and in a header: nothing that could end either.
Result<std::string> ReadMailAddress(const YamlNode& node) {
  constexpr std::string_view kWanted = "a mail address such as ops@example.com";
  auto text = ReadText(node);
  if (!text) return text;
  const size_t at = text->find('@');
  const bool is_plain = std::ranges::all_of(*text, [](char c) {
    return c > ' ' && c < '\x7f' && std::string_view("<>()[],;:\\\"").find(c) == std::string::npos;
  });
  if (!is_plain || text->size() > 254 || at == 0 || at == std::string::npos ||
      at + 1 == text->size() || text->find('@', at + 1) != std::string::npos) {
    return WrongValue(node, kWanted);
  }
  return text;
}

}  // namespace

void ReadMailServer(MapReader& reader, const MailKey& key, MailConfig& to) {
  reader.Read(key.name, &to.server, [](const YamlNode& node) -> Result<Endpoint> {
    const auto endpoint = node.is_scalar() ? Endpoint::Parse(node.text) : std::nullopt;
    if (endpoint && !endpoint->port.is_zero()) return *endpoint;
    return WrongValue(node,
                      "an address and a port such as 10.0.0.25:25, since the director asks no DNS");
  });
}

void ReadMailFrom(MapReader& reader, const MailKey& key, MailConfig& to) {
  reader.Read(key.name, &to.from, ReadMailAddress);
}

void ReadMailTo(MapReader& reader, const MailKey& key, MailConfig& to) {
  const YamlNode* const node = reader.Find(key.name);
  if (node != nullptr && node->is_list() && node->items.size() > kMostRecipients) {
    reader.problems().Add(reader.PathOf(key.name), node->mark,
                          "has more than " + std::to_string(kMostRecipients) +
                              " addresses; let the mail server send to a list");
    return;
  }
  reader.ReadOneOrMany(key.name, &to.to, ReadMailAddress);
}

void ReadMailWord(MapReader& reader, std::string_view key, std::string* to) {
  reader.Read(key, to, [](const YamlNode& node) -> Result<std::string> {
    auto text = ReadText(node);
    if (text && (text->size() > kMostMailWord || text->find(' ') != std::string::npos)) {
      return WrongValue(node, "a word of up to " + std::to_string(kMostMailWord) + " bytes");
    }
    return text;
  });
}

void ReadMailName(MapReader& reader, std::string_view key, std::string* to) {
  reader.Read(key, to, ReadServerName);
}

std::string MailServerText(const MailConfig& mail) { return Scalar(mail.server.ToString()); }
std::string MailFromText(const MailConfig& mail) { return Scalar(mail.from); }
std::string MailToText(const MailConfig& mail) { return FlowList(mail.to, Scalar); }

void ReadMail(MapReader reader, std::optional<MailConfig>& mail) {
  mail.emplace();
  for (const char* key : {"server", "from", "to"}) reader.Require(key);
  ReadKeys(reader, kMailKeys, &*mail);
  const auto refuse = [&](std::string_view key, std::string sentence) {
    if (reader.Has(key)) reader.problems().Add(reader.PathOf(key), std::move(sentence));
  };
  if (mail->tls == MailTls::kNone && !reader.problems().IsBroken(reader.PathOf("tls"))) {
    for (const char* key : {"sni", "verify", "ca"})
      refuse(key, "needs \"tls: starttls\" or implicit");
    refuse("user",
           "needs \"tls: starttls\" or implicit, or the password would travel in the clear");
  }
  if (!mail->verify) refuse("ca", "has no use with \"verify: false\"");
  if (!reader.Has("password_file")) refuse("user", "needs the key \"password_file\" beside it");
  if (!reader.Has("user")) refuse("password_file", "needs the key \"user\" beside it");
}

}  // namespace fairlead::control
