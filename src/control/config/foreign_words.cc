#include "control/config/foreign_words.h"

#include <algorithm>
#include <cctype>

namespace fairlead::control {
namespace {

struct ForeignWord {
  std::string_view word;  // in small letters
  std::string_view here;  // behind "NAME's WORD is here"
};

constexpr ForeignWord kOfKeepalived[] = {
    {"alpha", "\"initial: down\" of health"},
    {"bindto", "\"source\" of health"},
    {"connect_ip", "\"address\" of health"},
    {"connect_port", "\"port\" of health"},
    {"connect_timeout", "\"timeout\" of health"},
    {"delay_before_retry", "\"retry_interval\" of health"},
    {"delay_loop", "\"interval\" of health"},
    {"digest", "\"expect_body: { sha256: … }\" of health, with a digest of another kind"},
    {"dns_check", "\"health: { type: dns }\""},
    {"enable_sni", "always so; the name is \"sni\" of health"},
    {"fast_recovery", "not needed"},
    {"helo_name", "\"helo\" of health"},
    {"http_get", "\"health: { type: http }\""},
    {"http_protocol", "not needed: it is HTTP/1.1 always"},
    {"inhibit_on_failure", "\"on_fail: quiesce\" of health"},
    {"lb_algo", "\"scheduler\" of the service"},
    {"lb_kind", "\"forward\" of the service"},
    {"lvs_method", "\"forward\" of the service"},
    {"lvs_sched", "\"scheduler\" of the service"},
    {"misc_check", "\"health: { type: script }\""},
    {"misc_dynamic", "\"sets_weight: true\" of health"},
    {"misc_path", "\"command: [/path, arguments…]\" of health"},
    {"misc_timeout", "\"timeout\" of health"},
    {"nb_get_retry", "\"fall\" of health, which is one more"},
    {"nb_sock_retry", "\"fall\" of health, which is one more"},
    {"notification_email", "\"mail: { to: […] }\" of the file"},
    {"notification_email_from", "\"mail: { from: … }\" of the file"},
    {"notify_down", "\"on_down\" of the real"},
    {"notify_up", "\"on_up\" of the real"},
    {"ops", "\"one_packet: true\" of the service"},
    {"payload", "\"send\" of health"},
    {"persistence_timeout", "\"persistence: { timeout: … }\" of the service"},
    {"ping_check", "\"health: { type: ping }\""},
    {"quorum_down", "\"on_down\" of the service"},
    {"quorum_up", "\"on_up\" of the service"},
    {"real_server", "one of \"reals\" of the service"},
    {"regex", "\"expect_body: { matches: … }\" of health"},
    {"require_reply", "\"needs_answer: true\" of health, or \"receive\""},
    {"retry", "\"fall\" of health, which is one more"},
    {"smtp_alert", "not needed: with a section \"mail\" all real servers are told of"},
    {"smtp_check", "\"health: { type: smtp }\""},
    {"smtp_server", "\"mail: { server: … }\" of the file"},
    {"sorry_server", "\"fallback: { address: … }\" of the service"},
    {"ssl_get", "\"health: { type: https }\""},
    {"status_code", "\"expect\" of health"},
    {"tcp_check", "\"health: { type: tcp }\""},
    {"udp_check", "\"health: { type: udp }\""},
    {"url", "a check of its own: \"health\" may be a list, each with a \"path\""},
    {"virtual_server", "one of \"services\""},
    {"warmup", "not needed: first looks are spread over a second"}};

constexpr ForeignWord kOfLdirectord[] = {
    {"checkcommand", "\"command: [/path, arguments…]\" of health with \"type: script\""},
    {"checkcount", "\"fall\" of health"},
    {"checkinterval", "\"interval\" of health"},
    {"checkport", "\"port\" of health"},
    {"checktimeout", "\"timeout\" of health"},
    {"checktype", "\"type\" of health; negotiate is the type of the protocol, connect is tcp"},
    {"connect", "\"type: tcp\" of health"},
    {"database", "not there: a script asks a database for rows"},
    {"emailalert", "\"mail: { to: […] }\" of the file"},
    {"emailalertfrom", "\"mail: { from: … }\" of the file"},
    {"external", "\"type: script\" of health"},
    {"failurecount", "\"fall\" of health"},
    {"httpmethod", "\"method\" of health"},
    {"login", "\"user\" of health, of ldap \"bind_dn\""},
    {"negotiate", "the type of the protocol: \"type: http\" of health, smtp, dns and so on"},
    {"negotiatetimeout", "\"timeout\" of health"},
    {"passwd", "\"password_file\" of health: the password stands in a file of its own"},
    {"quiescent", "\"on_fail\" of health: quiesce for yes, remove for no"},
    {"request", "\"path\" of health; of a text protocol \"send\", of dns \"name\""},
    {"secret", "\"password_file\" of health: the password stands in a file of its own"},
    {"virtual", "one of \"services\""},
    {"virtualhost", "\"host\" of health"}};

std::string Find(std::string_view whose, const auto& words, std::string_view word) {
  const auto found = std::ranges::find(words, word, &ForeignWord::word);
  if (found == std::end(words)) return "";
  return std::string(whose) + "'s " + std::string(word) + " is here " + std::string(found->here);
}

}  // namespace

std::string ForeignWordHint(std::string_view word) {
  constexpr size_t kMostBytes = 64;  // no known word is longer
  if (word.size() > kMostBytes) return "";
  std::string small(word);
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string hint = Find("keepalived", kOfKeepalived, small);
  return hint.empty() ? Find("ldirectord", kOfLdirectord, small) : hint;
}

}  // namespace fairlead::control
