// A client of IPVS written with libnl, as its documentation says one is written, for the end-to-end
// tests:
//
//   libnl_ipvs VIP PORT REAL…
//
// Adds a TCP service and its real servers by NAT, lists both, counts what ethtool's family and route
// sockets answer beside, and removes the service. One line for each.
#include <arpa/inet.h>
#include <linux/ethtool_netlink.h>
#include <linux/ip_vs.h>
#include <linux/rtnetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int family, messages;
static struct nl_sock* generic;

static int show(struct nl_msg* message, void* unused) {
  (void)unused;
  ++messages;
  struct nlattr *command[IPVS_CMD_ATTR_MAX + 1], *one[IPVS_DEST_ATTR_MAX + 16];
  if (genlmsg_parse(nlmsg_hdr(message), 0, command, IPVS_CMD_ATTR_MAX, NULL) != 0) return NL_STOP;
  char address[64];
  if (command[IPVS_CMD_ATTR_SERVICE] != NULL) {
    nla_parse_nested(one, IPVS_SVC_ATTR_MAX, command[IPVS_CMD_ATTR_SERVICE], NULL);
    inet_ntop(AF_INET, nla_data(one[IPVS_SVC_ATTR_ADDR]), address, sizeof address);
    printf("service %s:%d %s\n", address, ntohs(nla_get_u16(one[IPVS_SVC_ATTR_PORT])),
           nla_get_string(one[IPVS_SVC_ATTR_SCHED_NAME]));
  } else if (command[IPVS_CMD_ATTR_DEST] != NULL) {
    nla_parse_nested(one, IPVS_DEST_ATTR_MAX, command[IPVS_CMD_ATTR_DEST], NULL);
    inet_ntop(AF_INET, nla_data(one[IPVS_DEST_ATTR_ADDR]), address, sizeof address);
    printf("real %s:%d weight %u\n", address, ntohs(nla_get_u16(one[IPVS_DEST_ATTR_PORT])),
           nla_get_u32(one[IPVS_DEST_ATTR_WEIGHT]));
  }
  return NL_OK;
}

static int count(struct nl_msg* message, void* unused) {
  (void)message, (void)unused;
  ++messages;
  return NL_OK;
}

static struct nl_msg* request(int command, int flags) {
  struct nl_msg* message = nlmsg_alloc();
  genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, (uint8_t)command,
              IPVS_GENL_VERSION);
  return message;
}

static int put_service(struct nl_msg* message, const char* vip, int port, int is_whole) {
  struct nlattr* nest = nla_nest_start(message, IPVS_CMD_ATTR_SERVICE);
  uint8_t address[16] = {0};
  inet_pton(AF_INET, vip, address);
  const struct ip_vs_flags flags = {0, ~0u};
  NLA_PUT_U16(message, IPVS_SVC_ATTR_AF, AF_INET);
  NLA_PUT_U16(message, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
  NLA_PUT(message, IPVS_SVC_ATTR_ADDR, sizeof address, address);
  NLA_PUT_U16(message, IPVS_SVC_ATTR_PORT, htons((uint16_t)port));
  if (is_whole) {
    NLA_PUT_STRING(message, IPVS_SVC_ATTR_SCHED_NAME, "rr");
    NLA_PUT(message, IPVS_SVC_ATTR_FLAGS, sizeof flags, &flags);
    NLA_PUT_U32(message, IPVS_SVC_ATTR_TIMEOUT, 0);
    NLA_PUT_U32(message, IPVS_SVC_ATTR_NETMASK, ~0u);
  }
  nla_nest_end(message, nest);
  return 0;
nla_put_failure:
  return 1;
}

static int put_real(struct nl_msg* message, const char* real, int port) {
  struct nlattr* nest = nla_nest_start(message, IPVS_CMD_ATTR_DEST);
  uint8_t address[16] = {0};
  inet_pton(AF_INET, real, address);
  NLA_PUT(message, IPVS_DEST_ATTR_ADDR, sizeof address, address);
  NLA_PUT_U16(message, IPVS_DEST_ATTR_PORT, htons((uint16_t)port));
  NLA_PUT_U32(message, IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_MASQ);
  NLA_PUT_U32(message, IPVS_DEST_ATTR_WEIGHT, 1);
  NLA_PUT_U32(message, IPVS_DEST_ATTR_U_THRESH, 0);
  NLA_PUT_U32(message, IPVS_DEST_ATTR_L_THRESH, 0);
  nla_nest_end(message, nest);
  return 0;
nla_put_failure:
  return 1;
}

static void ask(const char* what, struct nl_sock* sock, struct nl_msg* message) {
  nl_send_auto(sock, message);
  printf("%s: %s\n", what, nl_geterror(nl_recvmsgs_default(sock)));
  nlmsg_free(message);
}

int main(int words, char** word) {
  if (words < 4) return 2;
  const int port = atoi(word[2]);
  generic = nl_socket_alloc();
  if (genl_connect(generic) != 0 || (family = genl_ctrl_resolve(generic, IPVS_GENL_NAME)) < 0) {
    puts("no IPVS");
    return 1;
  }
  nl_socket_modify_cb(generic, NL_CB_VALID, NL_CB_CUSTOM, show, NULL);
  struct nl_msg* message = request(IPVS_CMD_NEW_SERVICE, 0);
  put_service(message, word[1], port, 1);
  ask("new service", generic, message);
  for (int i = 3; i < words; ++i) {
    message = request(IPVS_CMD_NEW_DEST, 0);
    put_service(message, word[1], port, 0);
    put_real(message, word[i], port);
    ask("new real", generic, message);
  }
  message = request(IPVS_CMD_NEW_DEST, 0);
  put_service(message, word[1], port, 0);
  put_real(message, word[3], port);
  ask("the same again", generic, message);
  ask("services", generic, request(IPVS_CMD_GET_SERVICE, NLM_F_DUMP));
  message = request(IPVS_CMD_GET_DEST, NLM_F_DUMP);
  put_service(message, word[1], port, 0);
  ask("reals", generic, message);

  // Beside: another family over the same socket, and the kernel's routes over one of its own.
  nl_socket_modify_cb(generic, NL_CB_VALID, NL_CB_CUSTOM, count, NULL);
  const int ipvs = family;
  family = genl_ctrl_resolve(generic, "ethtool");
  messages = 0;
  message = request(ETHTOOL_MSG_LINKINFO_GET, NLM_F_DUMP);
  ask("ethtool", generic, message);
  printf("ethtool has links: %s\n", messages > 0 ? "yes" : "no");
  struct nl_sock* routes = nl_socket_alloc();
  nl_connect(routes, NETLINK_ROUTE);
  nl_socket_modify_cb(routes, NL_CB_VALID, NL_CB_CUSTOM, count, NULL);
  messages = 0;
  const struct rtgenmsg any = {AF_UNSPEC};
  nl_send_simple(routes, RTM_GETLINK, NLM_F_DUMP, (void*)&any, sizeof any);
  printf("links: %s\n", nl_geterror(nl_recvmsgs_default(routes)));
  printf("route has links: %s\n", messages > 0 ? "yes" : "no");
  family = ipvs;

  puts("set up");
  fflush(stdout);
  getchar();  // until the test has looked
  message = request(IPVS_CMD_DEL_SERVICE, 0);
  put_service(message, word[1], port, 0);
  ask("removed", generic, message);
  nl_socket_free(routes);
  nl_socket_free(generic);
  return 0;
}
