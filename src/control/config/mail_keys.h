// The keys of `mail`, each declared once (config_key.h), as keys.h has those of other sections.
#pragma once

#include <string>
#include <string_view>

#include "control/config/config_key.h"
#include "control/config/mail_config.h"
#include "control/config/section_readers.h"

namespace fairlead::control {

using MailKey = ConfigKey<MailConfig>;

// read_mail.cc
void ReadMailServer(MapReader& reader, const MailKey& key, MailConfig& to);
void ReadMailFrom(MapReader& reader, const MailKey& key, MailConfig& to);
void ReadMailTo(MapReader& reader, const MailKey& key, MailConfig& to);
void ReadMailWord(MapReader& reader, std::string_view key, std::string* to);
void ReadMailName(MapReader& reader, std::string_view key, std::string* to);
std::string MailServerText(const MailConfig& mail);
std::string MailFromText(const MailConfig& mail);
std::string MailToText(const MailConfig& mail);

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
    TextKey<&MailConfig::helo, ReadMailWord>("helo", "text, up to 255 bytes", "the name in EHLO"),
    WordKey<&MailConfig::tls>("tls",
                              "`starttls`: asked for after EHLO, and without it nothing is sent; "
                              "`implicit`: from the first byte on"),
    TextKey<&MailConfig::sni, ReadMailName>("sni", "host name",
                                            "TLS: the name that must be in the certificate")
        .Default("the address"),
    BoolKey<&MailConfig::verify>("verify", "TLS: false: any certificate will do"),
    TextKey<&MailConfig::ca, ReadFilePath>("ca", "absolute path",
                                           "TLS: PEM file of those who may have signed")
        .Default("those of the system"),
    TextKey<&MailConfig::user, ReadMailWord>("user", "text, up to 255 bytes",
                                             "who logs in (AUTH PLAIN); needs TLS"),
    TextKey<&MailConfig::password_file, ReadFilePath>(
        "password_file", "absolute path", "the password is its first line, read for each message")};

}  // namespace fairlead::control
