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
    {"global_defs", "\"director\"; of its mail \"mail\" of the file"},
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
    {"vrrp_instance", "a job for keepalived itself, beside the director (docs/keepalived.md)"},
    {"vrrp_script", "a job for keepalived itself, beside the director (docs/keepalived.md)"},
    {"vrrp_sync_group", "a job for keepalived itself, beside the director (docs/keepalived.md)"},
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

constexpr ForeignWord kOfHaproxy[] = {
    {"backend", "one of \"services\"; its servers are \"reals\" of the service"},
    {"balance", "\"scheduler\" of the service"},
    {"bind", "\"address\" and \"port\" of the service"},
    {"default_backend", "\"reals\" of the service"},
    {"frontend", "one of \"services\""},
    {"httpchk", "\"health: { type: http, path: … }\""},
    {"inter", "\"interval\" of health"},
    {"maxconn", "\"upper_threshold\" of the real"},
    {"mode", "\"protocol\" of the service"},
    {"server", "one of \"reals\" of the service"}};

// A value that a key of ours has another word for; where `here` is empty, it has none, and where
// `whose` is, it is everybody's.
struct ForeignValue {
  std::string_view value;
  std::string_view whose;
  std::string_view here;
  std::string_view among;  // one of the words that the key takes
};

constexpr std::string_view kGueForward = "{ method: tun, type: gue, port: 6080 }";
constexpr std::string_view kGreForward = "{ method: tun, type: gre }";

constexpr ForeignValue kValues[] = {{"masq", "ipvsadm", "nat", "nat"},
                                    {"masquerading", "ipvsadm", "nat", "nat"},
                                    {"gate", "ipvsadm", "dr", "dr"},
                                    {"gatewaying", "ipvsadm", "dr", "dr"},
                                    {"route", "ipvsadm", "dr", "dr"},
                                    {"ipip", "ipvsadm", "tun", "tun"},
                                    {"tunneling", "ipvsadm", "tun", "tun"},
                                    {"gue", "ipvsadm", kGueForward, "tun"},
                                    {"gre", "ipvsadm", kGreForward, "tun"},
                                    {"leastconn", "HAProxy", "wlc", "wlc"},
                                    {"least_conn", "nginx", "wlc", "wlc"},
                                    {"roundrobin", "HAProxy", "wrr", "wlc"},
                                    {"static-rr", "HAProxy", "wrr", "wlc"},
                                    {"source", "HAProxy", "sh", "wlc"},
                                    {"ip_hash", "nginx", "sh", "wlc"},
                                    {"send-proxy", "HAProxy", "proxy-v1", "proxy-v2"},
                                    {"send-proxy-v2", "HAProxy", "proxy-v2", "proxy-v2"},
                                    {"proxy_protocol", "nginx", "proxy-v1", "proxy-v2"},
                                    {"proxy", "", "proxy-v1\" or \"proxy-v2", "proxy-v2"},
                                    {"0", "Linux", "", "802.3ad"},
                                    {"1", "Linux", "active-backup", "802.3ad"},
                                    {"2", "Linux", "balance-xor", "802.3ad"},
                                    {"3", "Linux", "", "802.3ad"},
                                    {"4", "Linux", "802.3ad", "802.3ad"},
                                    {"5", "Linux", "", "802.3ad"},
                                    {"6", "Linux", "", "802.3ad"},
                                    {"balance-rr", "Linux", "", "802.3ad"},
                                    {"balance-tlb", "Linux", "", "802.3ad"},
                                    {"balance-alb", "Linux", "", "802.3ad"},
                                    {"broadcast", "Linux", "", "802.3ad"},
                                    {"lacp", "IEEE", "802.3ad", "802.3ad"},
                                    {"warn", "syslog", "warning", "warning"},
                                    {"err", "syslog", "error", "error"}};

std::string SmallOf(std::string_view word) {
  std::string small(word);
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small;
}

std::string Find(std::string_view whose, const auto& words, std::string_view word) {
  const auto found = std::ranges::find(words, word, &ForeignWord::word);
  if (found == std::end(words)) return "";
  return std::string(whose) + "'s " + std::string(word) + " is here " + std::string(found->here);
}

}  // namespace

std::string ForeignWordHint(std::string_view word) {
  constexpr size_t kMostBytes = 64;  // no known word is longer
  if (word.size() > kMostBytes) return "";
  const std::string small = SmallOf(word);
  std::string hint = Find("keepalived", kOfKeepalived, small);
  if (hint.empty()) hint = Find("ldirectord", kOfLdirectord, small);
  return hint.empty() ? Find("HAProxy", kOfHaproxy, small) : hint;
}

std::string ForeignValueHint(std::string_view value, std::span<const std::string_view> words) {
  constexpr size_t kMostBytes = 16;  // no known value is longer
  if (value.size() > kMostBytes) return "";
  const std::string small = SmallOf(value);
  for (const ForeignValue& known : kValues) {
    if (known.value != small || !std::ranges::count(words, known.among)) continue;
    const std::string named =
        (known.whose.empty() ? "it" : std::string(known.whose) + "'s " + small) + " is ";
    return named + (known.here.empty() ? "not here" : "here \"" + std::string(known.here) + "\"");
  }
  return "";
}

}  // namespace fairlead::control
