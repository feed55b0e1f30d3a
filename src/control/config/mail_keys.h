// The keys of `mail`, each declared once (config_key.h), as keys.h has those of other sections.
#pragma once

#include <string>
#include <string_view>

#include "control/config/config_key.h"
#include "control/config/mail_config.h"

namespace fairlead::control {

using MailKey = ConfigKey<MailConfig>;

// read_mail.cc
void ReadMailServer(MapReader& reader, const MailKey& key, MailConfig& to);
void ReadMailFrom(MapReader& reader, const MailKey& key, MailConfig& to);
void ReadMailTo(MapReader& reader, const MailKey& key, MailConfig& to);
void ReadMailWord(MapReader& reader, std::string_view key, std::string* to);
void ReadMailFile(MapReader& reader, std::string_view key, std::string* to);
std::string MailServerText(const MailConfig& mail);
std::string MailFromText(const MailConfig& mail);
std::string MailToText(const MailConfig& mail);

// A word without blanks, or the path of a file; empty: there is nothing to write down.
template <std::string MailConfig::*kMember, bool kIsPath = false>
constexpr MailKey MailTextKey(std::string_view name, std::string_view range,
                              std::string_view effect) {
  MailKey key = KeyAt<kMember>(name, effect);
  key.read = [](MapReader& reader, const MailKey& own, MailConfig& config) {
    (kIsPath ? ReadMailFile : ReadMailWord)(reader, own.name, &(config.*kMember));
  };
  key.text = [](const MailConfig& config) {
    return (config.*kMember).empty() ? std::string() : Scalar(config.*kMember);
  };
  key.range_words = range;
  key.schema_words = R"({"$ref": "#/$defs/text"})";
  return key;
}

inline constexpr MailKey kMailKeys[] = {
    OwnKey<&MailConfig::server>("server", "`ADDRESS:PORT`", ReadMailServer, MailServerText,
                                "the SMTP server that takes the mail")
        .Default("required")
        .Schema(R"({"type": "string"})"),
    OwnKey<&MailConfig::from>("from", "mail address", ReadMailFrom, MailFromText, "the sender")
        .Default("required")
        .Schema(R"({"type": "string"})"),
    OwnKey<&MailConfig::to>("to", "mail address, or a list of up to 16", ReadMailTo, MailToText,
                            "who gets it")
        .Default("required")
        .Schema(
            R"({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})"),
    MailTextKey<&MailConfig::helo>("helo", "text, up to 255 bytes", "the name in EHLO"),
    WordKey<&MailConfig::tls>("tls",
                              "`starttls`: asked for after EHLO, and without it nothing is sent; "
                              "`implicit`: from the first byte on"),
    MailTextKey<&MailConfig::sni>("sni", "text, up to 255 bytes",
                                  "TLS: the name that must be in the certificate")
        .Default("the address"),
    BoolKey<&MailConfig::verify>("verify", "TLS: false: any certificate will do"),
    MailTextKey<&MailConfig::ca, true>("ca", "absolute path",
                                       "TLS: PEM file of those who may have signed")
        .Default("those of the system"),
    MailTextKey<&MailConfig::user>("user", "text, up to 255 bytes",
                                   "who logs in (AUTH PLAIN); needs TLS"),
    MailTextKey<&MailConfig::password_file, true>(
        "password_file", "absolute path", "the password is its first line, read for each message")};

}  // namespace fairlead::control
