// fairlead doctor: who may read, write and open what; ping; limits of the process.
#include <algorithm>
#include <sstream>

#include "cli/doctor/doctor.h"
#include "control/config/dump.h"
#include "control/config/reader_rights.h"

namespace fairlead::cli {

namespace {

constexpr const char* kUser = "fairlead";

struct Account {
  uint64_t user = 0, group = 0;
};

// NAME:x:USER:GROUP:… (passwd(5))
std::optional<Account> FindAccount(const Machine& machine) {
  for (const std::string& line : machine.Lines("/etc/passwd")) {
    if (!line.starts_with(std::string(kUser) + ":")) continue;
    std::istringstream parts(line);
    std::string name, password, user, group;
    std::getline(parts, name, ':');
    std::getline(parts, password, ':');
    std::getline(parts, user, ':');
    std::getline(parts, group, ':');
    return Account{std::strtoull(user.c_str(), nullptr, 10),
                   std::strtoull(group.c_str(), nullptr, 10)};
  }
  return std::nullopt;
}

void OfFile(const Machine& machine, const Account& account, const std::string& path,
            Findings* findings) {
  const auto rights = machine.RightsOf(path);
  if (!rights) return;  // the check of the configuration says so
  if ((rights->mode & 0022) != 0) {
    findings->push_back(
        {false, "others than its owner may change " + path, {"chmod go-w " + path}});
  }
  const bool is_owner = rights->user == account.user;
  const bool is_member = rights->group == account.group;
  const mode_t needed = is_owner ? 0400 : is_member ? 0040 : 0004;
  if ((rights->mode & needed) == 0) {
    findings->push_back({false,
                         std::string("the user ") + kUser + " may not read " + path,
                         {std::string("chgrp ") + kUser + " " + path, "chmod g+r " + path}});
  }
}

void OfArena(const Machine& machine, const Account& account, const std::string& directory,
             Findings* findings) {
  const auto rights = machine.RightsOf(directory);
  if (!rights) return;  // it is made at the start
  if (rights->user != account.user) {
    findings->push_back({false,
                         directory + " belongs to another user than " + kUser +
                             ": a director was started by hand, and the unit's cannot take over",
                         {std::string("chown -R ") + kUser + ":" + kUser + " " + directory}});
  }
  if ((rights->mode & 0077) != 0) {
    findings->push_back({false,
                         "others than its owner may look into " + directory +
                             ", where the connections of all clients are",
                         {"chmod 700 " + directory}});
  }
}

// `remedy`: what to say of the key of the file.
void OfSocket(const Machine& machine, const std::string& socket, const std::string& remedy,
              Findings* findings) {
  const auto rights = socket.empty() ? std::nullopt : machine.RightsOf(socket);
  if (!rights || (rights->mode & 0007) == 0) return;
  findings->push_back({false,
                       "every user of the machine may control the director over " + socket + remedy,
                       {"chmod o= " + socket}});
}

// Groups that name the user in the fourth part of NAME:x:NUMBER:USER,USER (group(5)).
std::vector<gid_t> FindGroups(const Machine& machine, const Account& account) {
  std::vector<gid_t> groups = {static_cast<gid_t>(account.group)};
  for (const std::string& line : machine.Lines("/etc/group")) {
    std::istringstream parts(line);
    std::string name, password, number, members;
    std::getline(parts, name, ':');
    std::getline(parts, password, ':');
    std::getline(parts, number, ':');
    std::getline(parts, members, ':');
    if (("," + members + ",").find("," + std::string(kUser) + ",") == std::string::npos) continue;
    groups.push_back(static_cast<gid_t>(std::strtoul(number.c_str(), nullptr, 10)));
  }
  return groups;
}

void OfListenerFiles(const Patient& patient, const Account& account, Findings* findings) {
  const control::Reader reader{kUser, static_cast<uid_t>(account.user),
                               FindGroups(patient.machine, account)};
  const auto rights_of = [&](const std::string& path) -> std::optional<control::FileRights> {
    const auto rights = patient.machine.RightsOf(path);
    if (!rights) return std::nullopt;
    return control::FileRights{rights->mode, rights->user, rights->group};
  };
  for (const control::Unreadable& each :
       control::FindUnreadable(patient.config, reader, rights_of)) {
    findings->push_back({false, each.place + ": " + each.sentence, {each.mends}});
  }
}

// "Max open files            1024                 524288               files"
std::optional<uint64_t> OpenFilesOf(const Machine& machine, const std::string& pid) {
  constexpr std::string_view kTitle = "Max open files";
  for (const std::string& line : machine.Lines("/proc/" + pid + "/limits")) {
    if (!line.starts_with(kTitle)) continue;
    std::istringstream words(line.substr(kTitle.size()));
    std::string soft;
    words >> soft;
    return soft == "unlimited" ? UINT64_MAX : std::strtoull(soft.c_str(), nullptr, 10);
  }
  return std::nullopt;
}

// "CapEff:	0000000000003000", in which CAP_NET_RAW is bit 13 (capabilities(7)).
bool MaySendRaw(const Machine& machine, const std::string& pid) {
  constexpr std::string_view kTitle = "CapEff:";
  for (const std::string& line : machine.Lines("/proc/" + pid + "/status")) {
    if (!line.starts_with(kTitle)) continue;
    return (std::strtoull(line.c_str() + kTitle.size(), nullptr, 16) >> 13 & 1) != 0;
  }
  return false;
}

// A descriptor for each check, and some for listeners, clients, ports.
uint64_t DescriptorsFor(const control::ConfigModel& config) {
  uint64_t needed = 1024;
  for (const control::ServiceConfig& service : config.services) {
    for (const control::RealConfig& real : service.reals) needed += service.ChecksFor(real).size();
  }
  return needed;
}

}  // namespace

Findings CheckPermissions(const Patient& patient) {
  const auto account = FindAccount(patient.machine);
  if (!account) {
    return {{false,
             std::string("there is no user ") + kUser + ", as which the unit runs the director",
             {"systemd-sysusers fairlead.conf"}}};
  }
  Findings findings;
  OfFile(patient.machine, *account, patient.config_path, &findings);
  const control::DirectorConfig& director = patient.config.director;
  if (director.arena != "none") {
    OfArena(patient.machine, *account,
            director.arena == "auto" ? "/dev/shm/fairlead-" + director.name : director.arena,
            &findings);
  }
  OfSocket(
      patient.machine, patient.config.api.ipvs_socket.path,
      patient.config.api.ipvs_socket.mode & 0007 ? "; give api.ipvs_socket mode: \"0660\"" : "",
      &findings);
  OfListenerFiles(patient, *account, &findings);
  for (const control::ApiListen& listen : patient.config.api.listen) {
    if (listen.role == control::ApiRole::kRead) continue;  // whoever opens it may only look
    OfSocket(patient.machine, listen.path, "; in api.listen give it mode: \"0660\" or role: read",
             &findings);
  }
  if (findings.empty()) findings.push_back({true, "of configuration, state and sockets are right"});
  return findings;
}

// A ping needs either: the group in this range (icmp(7)), or CAP_NET_RAW, which the unit gives.
Findings CheckPing(const Patient& patient) {
  if (control::Dump(patient.config).find("type: ping") == std::string::npos) {
    return {{true, "no check pings"}};
  }
  std::istringstream range(patient.machine.Text("/proc/sys/net/ipv4/ping_group_range"));
  uint64_t first = 1, last = 0;
  range >> first >> last;
  const auto account = FindAccount(patient.machine);
  const uint64_t group = account ? account->group : 0;
  const auto is_raw = [&](const std::string& pid) { return MaySendRaw(patient.machine, pid); };
  if ((first <= group && group <= last) || std::ranges::all_of(patient.directors, is_raw)) {
    return {{true, "health checks may ping"}};
  }
  const std::string setting = "net.ipv4.ping_group_range";
  return {{false,
           "health checks ping, the director has no CAP_NET_RAW, and the group of " +
               std::string(kUser) + ", " + std::to_string(group) + ", is not in " + setting,
           {"sysctl -w " + setting + "='0 2147483647'",
            "echo '" + setting + "=0 2147483647' > /etc/sysctl.d/91-fairlead-ping.conf"}}};
}

Findings CheckLimits(const Patient& patient) {
  if (patient.directors.empty()) return {{true, "no director runs"}};
  const uint64_t needed = DescriptorsFor(patient.config);
  Findings findings;
  for (const std::string& pid : patient.directors) {
    const auto limit = OpenFilesOf(patient.machine, pid);
    if (!limit || *limit >= needed) continue;
    const std::string folder = "/etc/systemd/system/fairleadd.service.d";
    findings.push_back({false,
                        "the director (process " + pid + ") may open " + std::to_string(*limit) +
                            " files (LimitNOFILE), and may need " + std::to_string(needed) +
                            ": health checks and API clients take one each",
                        {"mkdir -p " + folder,
                         "printf '[Service]\\nLimitNOFILE=1048576\\n' > " + folder + "/files.conf",
                         "systemctl daemon-reload", "systemctl restart fairleadd"}});
  }
  if (findings.empty()) findings.push_back({true, "of open files are wide enough"});
  return findings;
}

}  // namespace fairlead::cli
