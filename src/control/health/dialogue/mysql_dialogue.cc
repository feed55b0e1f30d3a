// mysql: the greeting (protocol 10), a login, and a quit. Without a user the login is an anonymous
// one, and a refusal of it is an answer too: a client that leaves after the greeting counts against
// max_connect_errors, which in the end locks its host out. Packets of kMostPacket bytes,
// kMostPackets.
#include <algorithm>

#include "control/health/dialogue/make_dialogue.h"
#include "control/health/dialogue/mysql_auth.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostPacket = 16384;
constexpr int kMostPackets = 16;
constexpr size_t kScramble = 20;

// LONG_PASSWORD, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION; and PLUGIN_AUTH where it is offered.
constexpr uint32_t kAbilities = 0x1 | 0x200 | 0x2000 | 0x8000;
constexpr uint32_t kPluginAuth = 0x80000;
constexpr unsigned char kOk = 0x00, kMoreData = 0x01, kSwitch = 0xfe, kError = 0xff;
constexpr unsigned kAccessDenied = 1045, kAccessDeniedNoPassword = 1698;

unsigned Byte(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }

std::string Little(uint32_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(number >> 8 * i & 255));
  return text;
}

class MysqlDialogue : public Dialogue {
 public:
  explicit MysqlDialogue(MysqlProbe mysql) : mysql_(std::move(mysql)) {}

 protected:
  void OnBytes(std::string_view bytes) override {
    stream_.append(bytes);
    while (!is_over() && stream_.size() >= 4) {
      const size_t length = Byte(stream_, 0) | Byte(stream_, 1) << 8 | Byte(stream_, 2) << 16;
      if (length > kMostPacket || length == 0) return Reject("not a MySQL packet");
      if (stream_.size() - 4 < length) return;
      next_number_ = static_cast<uint8_t>(Byte(stream_, 3) + 1);
      if (++packets_ > kMostPackets) return Reject("MySQL packets without an end");
      const std::string packet = stream_.substr(4, length);
      stream_.erase(0, 4 + length);
      is_greeted_ ? OnLoginAnswer(packet) : OnGreeting(packet);
    }
  }

 private:
  void OnGreeting(std::string_view packet) {
    if (Byte(packet, 0) == kError) return OnError(packet);
    if (Byte(packet, 0) != 10) return Reject("not a greeting of MySQL's protocol 10");
    const size_t version_end = packet.find('\0', 1);
    // Behind the version: thread 4, scramble 8, 0, abilities 2, character set 1, status 2,
    // abilities 2, length of the scramble 1, reserved 10.
    constexpr size_t kFixed = 31;
    if (version_end == packet.npos || packet.size() - version_end - 1 < kFixed) {
      return Reject("a cut greeting of MySQL");
    }
    // MariaDB puts this before its own, for old replicas.
    constexpr std::string_view kOldReplicas = "5.5.5-";
    const bool is_mariadb = packet.substr(1).starts_with(kOldReplicas);
    const size_t version_at = is_mariadb ? 1 + kOldReplicas.size() : 1;
    version_ = Quoted(packet.substr(version_at, std::min<size_t>(version_end - version_at, 40)));
    const std::string_view fixed = packet.substr(version_end + 1);
    std::string scramble(fixed.substr(4, 8));
    const uint32_t abilities =
        Byte(fixed, 13) | Byte(fixed, 14) << 8 | Byte(fixed, 18) << 16 | Byte(fixed, 19) << 24;
    const size_t rest = kScramble - 8;
    if (fixed.size() < kFixed + rest) return Reject("a greeting of MySQL without a scramble");
    scramble.append(fixed.substr(kFixed, rest));
    has_plugins_ = (abilities & kPluginAuth) != 0;
    std::string_view plugin = "mysql_native_password";
    const size_t plugin_at = kFixed + rest + 1;  // a zero ends the scramble
    if (has_plugins_ && fixed.size() > plugin_at) {
      const std::string_view named = fixed.substr(plugin_at);
      plugin = named.substr(0, named.find('\0'));
    }
    is_greeted_ = true;
    LogIn(plugin, scramble);
  }

  void LogIn(std::string_view plugin, std::string_view scramble) {
    auto answer = MysqlAnswer(plugin, mysql_.password, scramble);
    if (!answer) {  // the server then says which it wants of this user
      plugin = "mysql_native_password";
      answer = MysqlAnswer(plugin, mysql_.password, scramble);
    }
    std::string login = Little(kAbilities | (has_plugins_ ? kPluginAuth : 0), 4);
    login += Little(kMostPacket, 4) + Little(33, 1) + std::string(23, '\0');  // 33: utf8
    login.append(mysql_.user).push_back('\0');
    login += Little(static_cast<uint32_t>(answer->size()), 1) + *answer;
    if (has_plugins_) login.append(plugin).push_back('\0');
    SendPacket(login);
  }

  void OnLoginAnswer(std::string_view packet) {
    switch (Byte(packet, 0)) {
      case kOk:
        return Welcome();
      case kError:
        return OnError(packet);
      case kSwitch:
        return OnSwitch(packet);
      case kMoreData:
        // Of caching_sha2_password: 3, the password was in the cache; 4, it was not.
        if (packet.size() > 1 && packet[1] == 3) return;
        return Reject("MySQL " + version_ +
                      " does not have this user's password in its cache and wants it whole: log in "
                      "once over TLS, or give the user mysql_native_password");
      default:
        return Reject("not an answer of MySQL to a login");
    }
  }

  void OnSwitch(std::string_view packet) {
    const size_t end = packet.find('\0', 1);
    if (end == packet.npos) return Reject("MySQL asks for the login of versions before 4.1");
    const std::string plugin(packet.substr(1, end - 1));
    const auto answer = MysqlAnswer(plugin, mysql_.password, packet.substr(end + 1).substr(0, 20));
    if (!answer) return Reject("MySQL wants a login by " + Quoted(plugin) + ", not known here");
    SendPacket(*answer);
  }

  // The code, "#" and five letters of state, the text, which cannot repeat the password: the server
  // has got a hash of it alone.
  void OnError(std::string_view packet) {
    if (packet.size() < 3) return Reject("a cut error of MySQL");
    const unsigned code = Byte(packet, 1) | Byte(packet, 2) << 8;
    const bool is_refusal = code == kAccessDenied || code == kAccessDeniedNoPassword;
    if (mysql_.user.empty() && is_greeted_ && is_refusal) return Accept("MySQL " + version_);
    std::string_view text = packet.substr(3);
    if (text.starts_with('#')) text.remove_prefix(std::min<size_t>(6, text.size()));
    Reject("MySQL error " + std::to_string(code) + ": " + Quoted(text));
  }

  void Welcome() {
    next_number_ = 0;
    SendPacket("\x01");  // COM_QUIT
    Accept("MySQL " + version_);
  }

  void SendPacket(std::string_view packet) {
    Send(Little(static_cast<uint32_t>(packet.size()), 3) + static_cast<char>(next_number_));
    Send(packet);
  }

  const MysqlProbe mysql_;
  std::string stream_;
  std::string version_;
  uint8_t next_number_ = 0;
  int packets_ = 0;
  bool is_greeted_ = false;
  bool has_plugins_ = false;
};

}  // namespace

std::unique_ptr<Dialogue> MakeMysqlDialogue(const MysqlProbe& mysql) {
  return std::make_unique<MysqlDialogue>(mysql);
}

}  // namespace fairlead::control
