// What IPVS's commands do to a director, and with which number of the kernel they are refused.

#include "control/api/ipvs/dispatcher.h"

#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>

#include <cerrno>

#include "dispatcher_bed.h"

namespace fairlead::testing::dispatcher_test {
namespace {

using namespace dispatcher_bed;

TEST(Dispatcher, AddsEditsAndRemovesAService) {
  TestDirector director("");
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), 0);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), EEXIST);
  auto services = Services(director);
  ASSERT_EQ(services.size(), 1u);
  EXPECT_EQ(services[0].key, kWeb);
  EXPECT_EQ(services[0].scheduler, "rr");
  EXPECT_EQ(services[0].flags, uint32_t{IP_VS_SVC_F_HASHED});
  EXPECT_EQ(services[0].timeout_seconds, 0u);
  EXPECT_EQ(services[0].netmask, 0xffffffffu);

  ServiceRequest edit = Web("mh");
  edit.flags = IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_SCHED_SH_PORT;
  edit.timeout_seconds = 300;
  edit.netmask = 0xffffff00;
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_SET_SERVICE, edit)), 0);
  services = Services(director);
  EXPECT_EQ(services[0].scheduler, "mh");
  EXPECT_EQ(services[0].flags, 0x13u);
  EXPECT_EQ(services[0].timeout_seconds, 300u);
  EXPECT_EQ(services[0].netmask, 0xffffff00u);

  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_DEL_SERVICE, kWeb)), 0);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_DEL_SERVICE, kWeb)), ESRCH);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_SET_SERVICE, Web())), ESRCH);
  EXPECT_TRUE(Services(director).empty());
}

TEST(Dispatcher, WhatIsNotThereIsLookedForOnceInAView) {
  TestDirector director("");
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), 0);
  for (uint32_t mark = 1; mark <= 100; ++mark) {
    EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_GET_SERVICE, ServiceOfMark(mark))), ESRCH);
  }
  EXPECT_EQ(director.dispatcher.placings(), 1u);
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_DEL_SERVICE, kWeb)), 0);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_DEL_SERVICE, kWeb)), ESRCH);
  EXPECT_EQ(director.dispatcher.placings(), 2u);
}

TEST(Dispatcher, FlagsOutsideTheMaskStay) {
  TestDirector director("");
  ServiceRequest service = Web("sh");
  service.flags = IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_SCHED_SH_FALLBACK;
  service.timeout_seconds = 60;
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, service)), 0);
  service.flags = 0;
  service.flags_mask = IP_VS_SVC_F_SCHED_SH_FALLBACK;
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_SET_SERVICE, service)), 0);
  EXPECT_EQ(Services(director)[0].flags, uint32_t{IP_VS_SVC_F_HASHED | IP_VS_SVC_F_PERSISTENT});
}

TEST(Dispatcher, ServicesOfIpv6AndOfMarks) {
  TestDirector director("");
  ServiceRequest six{.key = ServiceAt(17, "[2001:db8::10]:53"),
                     .scheduler = "wlc",
                     .flags = IP_VS_SVC_F_PERSISTENT,
                     .flags_mask = kEveryFlag,
                     .timeout_seconds = 60,
                     .netmask = 64};
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, six)), 0);
  ServiceRequest mark{.key = ServiceOfMark(7, Family::kIpv6),
                      .scheduler = "wlc",
                      .flags_mask = kEveryFlag,
                      .netmask = 128};
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, mark)), 0);
  mark.key.family = Family::kIpv4;
  mark.netmask = 0xffffffff;
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, mark)), 0);
  const auto services = Services(director);
  ASSERT_EQ(services.size(), 3u);
  EXPECT_EQ(services[0].key, six.key);
  EXPECT_EQ(services[0].netmask, 64u);
  EXPECT_EQ(services[1].key, ServiceOfMark(7, Family::kIpv6));
  EXPECT_EQ(services[1].netmask, 128u);
  EXPECT_EQ(services[2].key, ServiceOfMark(7));
  six.netmask = 129;
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_SET_SERVICE, six)), EINVAL);
}

TEST(Dispatcher, RefusesWithTheNumbersOfTheKernel) {
  TestDirector director("");
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), 0);
  ServiceRequest other = Web("no-such");
  other.key.port = 81;
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, other)), ENOENT);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_SET_SERVICE, Web("no-such"))), ENOENT);
  other.scheduler = "rr";
  other.engine = "none-such";
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, other)), ENOENT);
  other.engine = "";
  other.key.protocol = 132;
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, other)), EPROTONOSUPPORT);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_DEL_SERVICE, other.key)), ESRCH);

  DestRequest real = Real("10.0.0.11", 80);
  real.weight = -1;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), ERANGE);
  real.weight = 1;
  real.lower_threshold = 1;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), ERANGE);
  real.lower_threshold = 0;
  real.method = IP_VS_CONN_F_BYPASS;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), EINVAL);
  real.method = IP_VS_CONN_F_TUNNEL;
  real.tunnel_type = IP_VS_CONN_F_TUNNEL_TYPE_GUE;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), EINVAL) << "no port";
  real.tunnel_type = 3;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), EINVAL) << "no such tunnel";
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, Real("127.0.0.1", 80))), EINVAL);
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, Real("2001:db8::11", 80))), EINVAL);
  EXPECT_TRUE(Dests(director, kWeb).empty());

  EXPECT_EQ(director.ErrorOf(Plain(IPVS_CMD_NEW_SERVICE)), EINVAL);
  EXPECT_EQ(director.ErrorOf(Plain(99)), EOPNOTSUPP);
  EXPECT_EQ(director.ErrorOf(Plain(IPVS_CMD_GET_DEST)), EOPNOTSUPP) << "it only makes lists";
  EXPECT_EQ(director.ErrorOf(Plain(IPVS_CMD_FLUSH, true)), EOPNOTSUPP) << "it makes none";
  EXPECT_EQ(director.ErrorOf(RequestBuilder(0x7f35, 1, NLM_F_ACK).Take()), ENOENT);
}

Record OfDaemon(uint8_t command, uint32_t state, const std::string& interface = "lo",
                uint32_t syncid = 7) {
  RequestBuilder request(kFamilyId, command, NLM_F_ACK);
  request.Nest(IPVS_CMD_ATTR_DAEMON).U32(IPVS_DAEMON_ATTR_STATE, state);
  if (command == IPVS_CMD_NEW_DAEMON) {
    request.Text(IPVS_DAEMON_ATTR_MCAST_IFN, interface).U32(IPVS_DAEMON_ATTR_SYNC_ID, syncid);
  }
  return request.EndNest().Take();
}

// "master lo 7 224.0.0.81:8848, …"
std::string Daemons(TestDirector& director) {
  std::string text;
  for (const Answered& answer : director.Ask(Plain(IPVS_CMD_GET_DAEMON, true))) {
    if (!answer.daemon) continue;
    EXPECT_EQ(answer.flags, NLM_F_MULTI);
    text += std::string(text.empty() ? "" : ", ") +
            (answer.daemon->is_master ? "master " : "backup ") + answer.daemon->interface + " " +
            std::to_string(answer.daemon->syncid) + " " + answer.daemon->group->ToString() + ":" +
            std::to_string(answer.daemon->port) + " " + std::to_string(answer.daemon->maxlen);
  }
  return text;
}

// Both halves, each once, as a kernel has them.
TEST(Dispatcher, SynchronisationDaemonsAreHalvesOfOneSection) {
  TestDirector director("");
  constexpr uint32_t kMaster = IP_VS_STATE_MASTER, kBackup = IP_VS_STATE_BACKUP;
  EXPECT_EQ(Daemons(director), "");
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_DEL_DAEMON, kMaster)), ESRCH);
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_NEW_DAEMON, kMaster, "nosuch")), ENODEV);
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_NEW_DAEMON, kMaster, "lo", 256)), EINVAL);
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_NEW_DAEMON, kBackup)), 0);
  EXPECT_EQ(Daemons(director), "backup lo 7 224.0.0.81:8848 1472");
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_NEW_DAEMON, kBackup)), EEXIST);
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_NEW_DAEMON, kMaster, "lo", 8)), EINVAL)
      << "one section has one syncid";
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_NEW_DAEMON, kMaster)), 0);
  EXPECT_EQ(Daemons(director),
            "master lo 7 224.0.0.81:8848 1472, backup lo 7 224.0.0.81:8848 1472");
  EXPECT_EQ(*director.control.view()->differences,
            std::vector<std::string>{"sync.ipvs.role off → both"});
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_DEL_DAEMON, kBackup)), 0);
  EXPECT_EQ(Daemons(director), "master lo 7 224.0.0.81:8848 1472");
  EXPECT_EQ(director.ErrorOf(OfDaemon(IPVS_CMD_DEL_DAEMON, kMaster)), 0);
  EXPECT_EQ(Daemons(director), "");
}

TEST(Dispatcher, ShowsOneServiceOrSaysThatThereIsNone) {
  TestDirector director(
      "services: [{ name: web, address: 192.0.2.10, protocol: tcp, port: 80, reals: "
      "[{ address: 10.0.0.11, weight: 3 }] }]\n");
  const auto answers = director.Ask(OfService(IPVS_CMD_GET_SERVICE, kWeb));
  ASSERT_EQ(answers.size(), 2u);
  ASSERT_TRUE(answers[0].service);
  EXPECT_EQ(answers[0].flags, 0) << "no list";
  EXPECT_EQ(answers[0].service->key, kWeb);
  EXPECT_EQ(answers[1].error, 0);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_GET_SERVICE, ServiceOfMark(1))), ESRCH);
  EXPECT_EQ(Dests(director, kWeb)[0].weight, 3);
  EXPECT_TRUE(Dests(director, ServiceOfMark(1)).empty());
}

TEST(Dispatcher, ANamedServiceOfTheFileIsFoundByItsKey) {
  TestDirector director(
      "services: [{ name: web, address: 192.0.2.10, protocol: tcp, port: 80 }]\n");
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, Real("10.0.0.11", 80))), 0);
  EXPECT_EQ(director.control.view()->services[0].name, "web");
  EXPECT_EQ(director.control.view()->services[0].reals.size(), 1u);
}

TEST(Dispatcher, TimeoutsAreKeptWhereZeroIsSaid) {
  TestDirector director("");
  EXPECT_EQ(director.ErrorOf(SetTimeouts({1000, 0, 400})), 0);
  const auto answers = director.Ask(Plain(IPVS_CMD_GET_CONFIG));
  ASSERT_TRUE(!answers.empty() && answers[0].timeouts);
  EXPECT_EQ(answers[0].timeouts->tcp_seconds, 1000u);
  EXPECT_EQ(answers[0].timeouts->tcp_fin_seconds, 120u);
  EXPECT_EQ(answers[0].timeouts->udp_seconds, 400u);
  EXPECT_EQ(director.ErrorOf(SetTimeouts({0x80000000, 0, 0})), EINVAL);
}

TEST(Dispatcher, FlushTakesEverything) {
  TestDirector director(
      "services: [{ address: 192.0.2.10, protocol: tcp, port: 80 }, { mark: 3 }]\n");
  EXPECT_EQ(Services(director).size(), 2u);
  EXPECT_EQ(director.ErrorOf(Plain(IPVS_CMD_FLUSH)), 0);
  EXPECT_TRUE(Services(director).empty());
}

TEST(Dispatcher, ZeroLetsCountsStartOver) {
  TestDirector director(
      "services: [{ address: 192.0.2.10, protocol: tcp, port: 80, reals: "
      "[{ address: 10.0.0.11 }] }]\n");
  const RealId id = director.control.view()->services[0].reals[0].id;
  director.fabric.stats.traffic(WorkerId{0}, id).connections.Add(5);
  EXPECT_EQ(Dests(director, kWeb)[0].total.connections, 5u);
  EXPECT_EQ(Services(director)[0].total.connections, 5u);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_ZERO, ServiceOfMark(3))), ESRCH);
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_ZERO, kWeb)), 0);
  EXPECT_EQ(Dests(director, kWeb)[0].total.connections, 0u);
  director.fabric.stats.traffic(WorkerId{0}, id).connections.Add(2);
  EXPECT_EQ(Services(director)[0].total.connections, 2u);
  EXPECT_EQ(director.ErrorOf(Plain(IPVS_CMD_ZERO)), 0);
  EXPECT_EQ(Services(director)[0].total.connections, 0u);
}

TEST(Dispatcher, ALongListComesInSeveralRecords) {
  std::string yaml = "services:\n";
  for (int i = 1; i <= 200; ++i) yaml += "  - { mark: " + std::to_string(i) + " }\n";
  TestDirector director(yaml);
  const auto records = director.Records(Plain(IPVS_CMD_GET_SERVICE, true));
  EXPECT_EQ(records.size(), 2u);
  uint32_t next = 1;
  bool is_done = false;
  for (const Record& record : records) {
    EXPECT_LE(record.size(), kMostAnswerBytes);
    for (const Answered& one : ReadAnswers(record)) {
      EXPECT_FALSE(is_done);
      EXPECT_EQ(one.flags, NLM_F_MULTI);
      if (one.service) {
        EXPECT_EQ(one.service->key.mark, next);
        ++next;
      }
      is_done = one.is_done;
    }
  }
  EXPECT_TRUE(is_done);
  EXPECT_EQ(next, 201u);
}

TEST(Dispatcher, OthersMayNothing) {
  TestDirector director("services: [{ mark: 3 }]\n");
  director.peer.may_use = false;
  EXPECT_EQ(director.ErrorOf(Plain(IPVS_CMD_FLUSH)), EPERM);
  EXPECT_EQ(director.ErrorOf(Plain(IPVS_CMD_GET_SERVICE, true)), EPERM);
  EXPECT_EQ(director.ErrorOf(
                RequestBuilder(kFilesType, kReadFile, 0).Text(kFilePath, "/proc/net/ip_vs").Take()),
            EPERM);
  EXPECT_EQ(director.control.view()->services.size(), 1u);
  EXPECT_EQ(director.dispatcher.refused(), 3u);
  EXPECT_EQ(director.dispatcher.requests(), 3u);
}

TEST(Dispatcher, AChangeHasItsAuthor) {
  TestDirector director(
      "services: [{ name: web, address: 192.0.2.10, protocol: tcp, port: 80, scheduler: wlc }]\n");
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_SET_SERVICE, Web("rr"))), 0);
  EXPECT_EQ(director.control.last_author, "ipvs: keepalived, pid 123, uid 0");
  const auto& differences = *director.control.view()->differences;
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0],
            "service web: scheduler wlc → rr (by ipvs: keepalived, pid 123, uid 0)");
}

TEST(Dispatcher, WhoStopsSaysSo) {
  TestDirector director("");
  director.control.is_stopping = true;
  EXPECT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), EAGAIN);
}

TEST(Dispatcher, AnswersForTheFamily) {
  TestDirector director("");
  const auto question = [](const std::string& name) {
    return RequestBuilder(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0)
        .Text(CTRL_ATTR_FAMILY_NAME, name)
        .Take();
  };
  const auto answers = director.Ask(question("IPVS"));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].type, GENL_ID_CTRL);
  EXPECT_EQ(director.ErrorOf(question("ethtool")), ENOENT);
}

TEST(Dispatcher, WhatIsNoRequestIsPassedOver) {
  TestDirector director("");
  Record request = Plain(IPVS_CMD_FLUSH);
  request[6] = 0;  // without NLM_F_REQUEST and NLM_F_ACK
  EXPECT_TRUE(director.Ask(request).empty());
}

// ---- files

class OneFile : public FileService {
 public:
  std::unique_ptr<FileText> Open(const std::string& path) override {
    if (path != "/proc/net/ip_vs") return nullptr;
    return std::make_unique<Text>();
  }
  void Write(const std::string& path, const std::string& bytes, const std::string& author,
             std::function<void(const Fault&)> done) override {
    written = path + " " + bytes + " " + author;
    done(bytes == "1" ? Fault{} : Fault{EINVAL, "It is 1"});
  }
  std::string written;

 private:
  class Text : public FileText {
    void Next(size_t most_bytes, std::function<void(Piece)> done) override {
      if (++calls_ == 2) return done({});
      done({.text = std::string(calls_ == 1 ? most_bytes : 5, 'x'), .is_last = calls_ == 3});
    }
    int calls_ = 0;
  };
};

TEST(Dispatcher, FilesComeInPieces) {
  OneFile files;
  TestDirector director("", &files);
  const auto read = [](const std::string& path) {
    return RequestBuilder(kFilesType, kReadFile, 0).Text(kFilePath, path).Take();
  };
  const auto answers = director.Ask(read("/proc/net/ip_vs"));
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0].text.size(), kMostFileBytes);
  EXPECT_EQ(answers[1].text, "xxxxx");
  EXPECT_TRUE(answers[2].is_done);
  EXPECT_EQ(director.ErrorOf(read("/proc/net/tcp")), ENOENT);
}

TEST(Dispatcher, FilesAreWritten) {
  OneFile files;
  TestDirector director("", &files);
  const auto write = [](const std::string& bytes) {
    return RequestBuilder(kFilesType, kWriteFile, 0)
        .Text(kFilePath, "/proc/sys/net/ipv4/vs/drop_entry")
        .Bytes(kFileBytes, bytes)
        .Take();
  };
  EXPECT_EQ(director.ErrorOf(write("1")), 0);
  EXPECT_EQ(files.written, "/proc/sys/net/ipv4/vs/drop_entry 1 ipvs: keepalived, pid 123, uid 0");
  EXPECT_EQ(director.ErrorOf(write("x")), EINVAL);
}

}  // namespace
}  // namespace fairlead::testing::dispatcher_test
