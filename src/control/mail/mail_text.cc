#include "control/mail/mail_text.h"

#include <ctime>
#include <string_view>

namespace fairlead::control {
namespace {

constexpr size_t kMostLine = 900;

// What a server has said may hold anything.
std::string Plain(std::string_view text) {
  std::string plain;
  for (const char c : text.substr(0, kMostLine)) plain += c >= ' ' && c < '\x7f' ? c : '?';
  return plain;
}

// RFC 5322: "Sun, 29 Nov 2026 18:43:25 +0000". By hand: strftime has the names of a locale.
std::string DateOf(std::chrono::system_clock::time_point at) {
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char clock[32];
  std::strftime(clock, sizeof clock, "%Y %H:%M:%S +0000", &utc);
  return std::string(kDays[utc.tm_wday]) + ", " + std::to_string(utc.tm_mday) + " " +
         std::string(kMonths[utc.tm_mon]) + " " + clock;
}

std::string TimeOf(std::chrono::system_clock::time_point at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

void AddLine(std::string_view line, std::string* message) {
  if (line.starts_with('.')) message->push_back('.');
  message->append(line).append("\r\n");
}

}  // namespace

std::string MailText(const MailConfig& mail, const std::string& director,
                     std::span<const MailedChange> changes, uint64_t unnamed,
                     std::chrono::system_clock::time_point now, const std::string& id) {
  const uint64_t count = changes.size() + unnamed;
  std::string to;
  std::string message;
  AddLine("Date: " + DateOf(now), &message);
  AddLine("From: " + mail.from, &message);
  for (size_t i = 0; i < mail.to.size(); ++i) {
    // An address a line: 16 of them are longer than a line may be.
    const bool is_last = i + 1 == mail.to.size();
    AddLine((i == 0 ? "To: " : " ") + mail.to[i] + (is_last ? "" : ","), &message);
  }
  AddLine("Subject: [" + Plain(director) + "] " +
              (count == 1 ? Plain(changes[0].title)
                          : std::to_string(count) + " changes of real servers and services"),
          &message);
  AddLine("Message-ID: <" + id + "@" + mail.from.substr(mail.from.find('@') + 1) + ">", &message);
  AddLine("Auto-Submitted: auto-generated", &message);
  AddLine("MIME-Version: 1.0", &message);
  AddLine("Content-Type: text/plain; charset=us-ascii", &message);
  AddLine("", &message);
  for (const MailedChange& change : changes) {
    AddLine(TimeOf(change.at) + " " + Plain(change.title), &message);
    if (!change.detail.empty()) AddLine("    " + Plain(change.detail), &message);
  }
  if (unnamed > 0) {
    AddLine("and " + std::to_string(unnamed) + " more, which the log of the director has",
            &message);
  }
  return message;
}

}  // namespace fairlead::control
